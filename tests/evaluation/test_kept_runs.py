"""The runs of a library: which there are, and removing one."""

from __future__ import annotations

import fcntl
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from app.errors import UsageError
from app.evaluation.job import Job, JobProgress, Request, read_job, write_progress
from app.evaluation.kept_runs import delete_run, is_going, kept_runs
from app.evaluation.run_folder import remove_run
from tests.ui.evaluations import measure


@pytest.fixture(scope="module")
def measured_home(notes_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notes with two finished runs, field-1 and field-2."""
    home = Path(shutil.copytree(notes_home, tmp_path_factory.mktemp("runs") / "home"))
    for retrieval in ("lexical", "dense"):
        measure(home, rerankers=("none",), retrievals=(retrieval,))
    return home


@pytest.fixture
def home(measured_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(measured_home, tmp_path / "home"))


def _job(home: Path, progress: JobProgress, **asked: str) -> Job:
    folder = home / "runs" / ".job"
    folder.mkdir(exist_ok=True)
    request = Request("notes", "field.jsonl", "field", ("none",), ("hybrid",), (5,), **asked)  # type: ignore[arg-type]
    (folder / "request.json").write_text(json.dumps(asdict(request)), encoding="utf-8")
    (folder / "log").touch()
    write_progress(home, progress)
    job = read_job(home)
    assert job is not None
    return job


def test_a_run_is_removed_with_its_folder_and_the_others_stay(home: Path) -> None:
    second, first = kept_runs(home, "notes")
    delete_run(home, first)
    assert not first.path.exists()
    assert [run.path for run in kept_runs(home, "notes")] == [second.path]
    with pytest.raises(UsageError, match="holds no run"):
        delete_run(home, first)  # twice, from two windows


def test_what_is_no_run_is_not_removed(home: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        remove_run(home / "questions")
    assert (home / "questions" / "notes" / "sets" / "field.jsonl").is_file()


def test_of_a_link_only_the_link_goes(home: Path) -> None:
    elsewhere = shutil.move(home / "runs" / "notes" / "field-1", home / "elsewhere")
    (home / "runs" / "notes" / "field-1").symlink_to(elsewhere)
    remove_run(home / "runs" / "notes" / "field-1")
    assert len(kept_runs(home, "notes")) == 1
    assert (home / "elsewhere" / "manifest.json").is_file()


def test_how_it_ended_is_forgotten_with_it(home: Path) -> None:
    second, first = kept_runs(home, "notes")
    _job(home, JobProgress("stopped", folder=str(first.path)))
    delete_run(home, second)
    assert read_job(home) is not None
    delete_run(home, first)
    assert read_job(home) is None


def test_one_that_is_going_is_not_deleted(home: Path) -> None:
    second, first = kept_runs(home, "notes")
    (home / "runs" / ".job").mkdir()
    with (home / "runs" / ".job" / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _job(home, JobProgress("running", folder=str(first.path)))
        assert is_going(home, first) and not is_going(home, second)
        with pytest.raises(UsageError, match="is going") as caught:
            delete_run(home, first)
        assert caught.value.hint
        _job(home, JobProgress("starting"), folder=str(second.path))
        assert is_going(home, second) and not is_going(home, first)
        _job(home, JobProgress("starting"))  # it may go on with either
        assert is_going(home, second) and is_going(home, first)
    assert not is_going(home, first)  # its process is gone
    assert first.path.exists()
