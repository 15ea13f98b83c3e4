"""An evaluation in a process of its own: it outlives its starter, can be cancelled, killed and gone on with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from app.errors import UsageError
from app.evaluation.job import Job, JobDamaged, JobProgress, Request, cancel_job, read_job, start_job
from app.evaluation.kept_runs import kept_runs, to_go_on
from app.evaluation.run_folder import read_run
from tests.conftest import NOTE_QUESTIONS, environment

MANY = 400  # more than are asked before the test looks


@pytest.fixture
def home(notes_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(notes_home, tmp_path / "home"))


def _request(home: Path, name: str = "field") -> Request:
    path = home / "questions" / "notes" / "sets" / f"{name}.jsonl"
    return Request("notes", str(path), name, ("late-interaction",), ("hybrid",), (5,), source=str(path))


def _many(home: Path) -> Request:
    request = _request(home, "many")
    rows = [{"id": f"q{n}", "question": f"How deep is well number {n}?", "document": "wells.md"} for n in range(MANY)]
    Path(request.questions).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return request


def _start(home: Path, request: Request) -> None:
    start_job(home, request, environment={**environment(home), "OMP_NUM_THREADS": "1"})


def _until(home: Path, true: Callable[[JobProgress], bool]) -> Job:
    job = read_job(home)
    for _ in range(1200):
        if job is not None and true(job.progress):
            return job
        time.sleep(0.05)
        job = read_job(home)
    pytest.fail(f"it did not come to that: {job}")


def test_it_outlives_its_starter_one_at_a_time_and_leaves_a_report(home: Path) -> None:
    assert read_job(home) is None
    starter = (
        "import json, pathlib; from app.evaluation.job import Request, start_job; "
        f"start_job(pathlib.Path({str(home)!r}), Request(**json.loads({json.dumps(asdict(_request(home)))!r})))"
    )  # as a server that is stopped right after
    subprocess.run([sys.executable, "-c", starter], env={**environment(home), "OMP_NUM_THREADS": "1"}, check=True)
    with pytest.raises(UsageError, match="running already"):
        _start(home, _request(home))
    job = _until(home, lambda p: not p.going)
    assert job.progress.state == "finished"
    assert (job.progress.done, job.progress.total, job.progress.failed) == (len(NOTE_QUESTIONS), 7, 0)
    [run] = kept_runs(home, "notes")
    assert run.finished
    assert str(run.path) == job.progress.folder
    assert {"report.md", "report.html"} <= {path.name for path in run.path.iterdir()}


def test_cancelled_and_gone_on_with_nothing_is_asked_twice(home: Path) -> None:
    _start(home, _many(home))
    _until(home, lambda p: p.done >= 3)
    cancel_job(home)
    job = _until(home, lambda p: not p.going)
    assert job.progress.state == "stopped"
    [run] = kept_runs(home, "notes")
    assert 3 <= run.done < MANY
    before = [r.id for r in read_run(run.path).records(run.manifest.configurations[0].id)]
    request = to_go_on(run, home)
    assert (request.folder, request.name, request.rerankers) == (str(run.path), "many", ("late-interaction",))
    _start(home, request)
    job = _until(home, lambda p: p.done > run.done)
    assert job.progress.before == len(before)
    cancel_job(home)
    _until(home, lambda p: not p.going)
    after = [r.id for r in read_run(run.path).records(run.manifest.configurations[0].id)]
    assert after[: len(before)] == before
    assert len(set(after)) == len(after) > len(before)


def test_a_killed_process_is_not_taken_for_a_running_one(home: Path) -> None:
    _start(home, _many(home))
    _until(home, lambda p: p.done >= 1)
    os.kill(int((home / "runs" / ".job" / "pid").read_text(encoding="utf-8")), signal.SIGKILL)
    job = _until(home, lambda p: not p.going)
    assert job.progress.state == "interrupted"
    assert job.progress.hint
    cancel_job(home)  # nothing to cancel, and no other process is meant


def test_what_cannot_be_evaluated_ends_with_the_reason_and_the_next_command(home: Path) -> None:
    _start(home, replace(_request(home), library="nowhere"))
    progress = _until(home, lambda p: not p.going).progress
    assert progress.state == "failed"
    assert "nowhere" in progress.message
    assert "sluice ingest" in progress.hint


def test_what_cannot_be_read_is_said(home: Path) -> None:
    folder = home / "runs" / ".job"
    folder.mkdir(parents=True)
    (folder / "progress.json").write_text('{"state": "asleep"}', encoding="utf-8")
    (folder / "request.json").write_text("{}", encoding="utf-8")
    with pytest.raises(JobDamaged, match="cannot be read"):
        read_job(home)
