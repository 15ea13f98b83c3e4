"""Deleting an evaluation on its page: only when it is meant, never while it is going, and what was applied stays."""

from __future__ import annotations

import fcntl
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.applied_gates import applied_gate
from app.evaluation.job import JobProgress, Request, write_progress
from app.evaluation.kept_runs import kept_runs
from tests.ui.conftest import html
from tests.ui.evaluations import button, drawn, measure, open_evaluate, slider, sluice_of


@pytest.fixture(scope="module")
def measured_home(notes_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notes with two finished runs, field-1 and field-2."""
    home = Path(shutil.copytree(notes_home, tmp_path_factory.mktemp("measured") / "home"))
    measure(home, rerankers=("late-interaction",))
    measure(home, rerankers=("none",))
    return home


@pytest.fixture
def home(measured_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(measured_home, tmp_path / "home"))


def _names(home: Path) -> set[str]:
    return {run.path.name for run in kept_runs(home, "notes")}


def _choose(home: Path, test: AppTest, name: str) -> None:
    path = str((home / "runs" / "notes" / name).resolve())
    next(s for s in test.selectbox if s.label.startswith("Evaluations")).set_value(path)
    test.run()


def _asking(home: str, name: str) -> None:
    """A page that is the dialog: in process there are no reruns of a dialog alone, only of the page that opens it."""
    from pathlib import Path

    from app.evaluation.kept_runs import kept_runs
    from app.ui.parts.evaluation import deleting

    deleting.told()
    for run in kept_runs(Path(home), "notes"):
        if run.path.name == name:
            deleting.confirm(Path(home), run)


def _dialog(home: Path, name: str) -> AppTest:
    return AppTest.from_function(_asking, args=(str(home), name), default_timeout=60).run()


def _apply(home: Path) -> str:
    """Apply thresholds of field-1 on the page, and return the scorer id they are for."""
    test = open_evaluate(home)
    _choose(home, test, "field-1")
    slider(test, "Let through").set_value(0.5)
    test.run()
    button(test, "Use these thresholds").click()
    test.run()
    return str(sluice_of(home).scorer("late-interaction").profile.id)


def test_the_page_asks_first(home: Path) -> None:
    test = open_evaluate(home)
    _choose(home, test, "field-1")
    button(test, "Delete …").click()
    test.run()
    assert not test.exception
    asked = drawn(test, "will be removed from the disk")
    assert "<b>field-1</b>: 7 questions under 1 configuration" in asked
    assert str(home / "runs" / "notes" / "field-1") in asked
    assert "stay applied" not in html(test)  # nothing was applied from it


def test_what_is_not_meant_is_kept_and_what_is_meant_goes(home: Path) -> None:
    test = _dialog(home, "field-1")
    button(test, "Keep it").click()
    test.run()
    assert _names(home) == {"field-1", "field-2"}
    button(test, "Delete").click()
    test.run()
    assert not test.exception
    assert "field-1 is deleted." in html(test)
    assert _names(home) == {"field-2"}
    assert not (home / "runs" / "notes" / "field-1").exists()
    assert (home / "questions" / "notes" / "sets" / "field.jsonl").is_file()


def test_a_page_that_showed_it_goes_on_with_another(home: Path) -> None:
    test = open_evaluate(home)
    _choose(home, test, "field-1")
    assert "nDCG@10" in drawn(test, 'class="verdict"')
    shutil.rmtree(home / "runs" / "notes" / "field-1")
    test.run()
    assert not test.exception
    box = next(s for s in test.selectbox if s.label.startswith("Evaluations"))
    assert [name.split(" ")[0] for name in box.options] == ["field-2"]
    assert "Nothing was reranked" in html(test)


def test_thresholds_applied_from_it_stay_and_say_so_until_they_are_undone(home: Path) -> None:
    scorer = _apply(home)
    stays = "The thresholds that were applied from it to notes stay applied."
    assert stays not in html(_dialog(home, "field-2"))
    test = _dialog(home, "field-1")
    assert stays in html(test)
    button(test, "Delete").click()
    test.run()
    assert f"field-1 is deleted. {stays}" in html(test)
    test = open_evaluate(home)  # field-2 has no reranker, so no gate that would show them
    for _ in range(2):
        assert not test.exception
        told = drawn(test, "The evaluation they were chosen on, field-1, was deleted; they stay.")
        assert "Applied to notes since" in told and "passages from p 0.50" in told and scorer in told
        kept = applied_gate(home, "notes", scorer)
        assert kept is not None and kept.keep_above == 0.5
        shutil.rmtree(home / "runs")
        (home / "runs").mkdir()
        test.run()
    button(test, "Undo").click()
    test.run()
    assert not test.exception
    assert "Undone for notes" in html(test)
    assert applied_gate(home, "notes", scorer) is None


def test_the_gate_of_a_deleted_run_is_said_beside_another_run_of_its_reranker(home: Path) -> None:
    _apply(home)
    measure(home, rerankers=("late-interaction",))
    shutil.rmtree(home / "runs" / "notes" / "field-1")
    test = open_evaluate(home)  # shows the newest
    assert not test.exception
    assert html(test).count("The evaluation they were chosen on, field-1, was deleted; they stay.") == 1
    assert "In force since" in drawn(test, "field-1, was deleted")


def test_one_that_is_written_by_another_process_is_not_deleted(home: Path) -> None:
    test = _dialog(home, "field-1")
    with (home / "runs" / "notes" / "field-1" / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as `sluice evaluate` holds it
        button(test, "Delete").click()
        test.run()
    assert "is being written by another process" in html(test)
    assert _names(home) == {"field-1", "field-2"}


def test_while_an_evaluation_of_the_library_starts_none_can_be_deleted(home: Path) -> None:
    request = Request("notes", "field.jsonl", "field", ("none",), ("hybrid",), (5,))
    folder = home / "runs" / ".job"
    folder.mkdir()
    (folder / "request.json").write_text(json.dumps(asdict(request)), encoding="utf-8")
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_progress(home, JobProgress("starting"))
        test = open_evaluate(home)
        assert button(test, "Delete …").disabled
        write_progress(home, JobProgress("running", folder=str(home / "runs" / "notes" / "field-2")))
        test = open_evaluate(home)  # that one is in progress; the other may go
        assert not button(test, "Delete …").disabled
        box = next(s for s in test.selectbox if s.label.startswith("Evaluations"))
        assert [name.split(" ")[0] for name in box.options] == ["field-1"]
