"""The folder of a run: gone on with, never mixed up, held by one process, removed with what belongs to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.domain import Scale
from app.errors import ModelError, ModelMissing, UsageError
from app.providers.reranking.tuned import Tuned, model_folder, remove_tuned, tuned_models, unfinished, write_tuned
from app.tuning.own.folder import start
from app.tuning.own.objectives import on_the_students_scale
from app.tuning.own.plan import TunePlan


def _finished(home: Path, name: str, *, promoted: bool) -> Path:
    folder = home / "tuned" / name
    folder.mkdir(parents=True)
    write_tuned(Tuned(name, "bundled", "lib", promoted, "it was so", "2026-11-21T10:00:00+00:00", folder))
    return folder


def test_an_unfinished_run_is_gone_on_with_and_a_finished_one_is_not(tmp_path: Path) -> None:
    first = start(tmp_path, None, {"loss": "both"}, stem="my library")
    assert first.name == "my-library-1"
    assert start(tmp_path, None, {"loss": "both"}, stem="my library") == first
    assert start(tmp_path, None, {"loss": "margin"}, stem="my library").name == "my-library-2"
    write_tuned(Tuned(first.name, "bundled", "lib", True, "won", "now", first.path))
    assert start(tmp_path, None, {"loss": "both"}, stem="my library").name == "my-library-3"


def test_what_a_kill_after_the_verdict_left_is_removed_by_the_next_run(tmp_path: Path) -> None:
    left = _finished(tmp_path, "won", promoted=True) / "work"
    going = start(tmp_path, "going", {}, stem="lib").work
    for folder in (left, going):
        folder.mkdir(parents=True)
    start(tmp_path, "other", {}, stem="lib")
    assert not left.exists() and going.exists()


def test_a_name_is_not_taken_over(tmp_path: Path) -> None:
    start(tmp_path, "mine", {"loss": "both"}, stem="lib")
    with pytest.raises(UsageError, match="unfinished run of something else:\n  loss: 'both' there, 'margin' here"):
        start(tmp_path, "mine", {"loss": "margin"}, stem="lib")
    _finished(tmp_path, "done", promoted=True)
    with pytest.raises(UsageError, match="There is a tuned reranker done already"):
        start(tmp_path, "done", {"loss": "both"}, stem="lib")
    with pytest.raises(UsageError, match="cannot name"):
        start(tmp_path, "../elsewhere", {}, stem="lib")


def test_two_processes_do_not_write_one_run(tmp_path: Path) -> None:
    folder = start(tmp_path, "mine", {}, stem="lib")
    with folder.alone(), pytest.raises(UsageError, match="another process"), folder.alone():
        pass
    with folder.alone(), pytest.raises(UsageError, match="another process"):
        remove_tuned(tmp_path, "mine")
    assert unfinished(tmp_path) == ["mine"]
    remove_tuned(tmp_path, "mine")
    assert unfinished(tmp_path) == []


def test_what_a_kill_left_beside_the_model_is_removed(tmp_path: Path) -> None:
    folder = start(tmp_path, "mine", {}, stem="lib")
    for name in (".model-abc", "model"):
        (folder.path / name).mkdir()
    folder.clear_half_written()
    assert sorted(p.name for p in folder.path.iterdir()) == ["model", "run.json"]


def test_one_that_lost_is_kept_aside_and_never_opened(tmp_path: Path) -> None:
    _finished(tmp_path, "won", promoted=True)
    _finished(tmp_path, "lost", promoted=False)
    assert [(t.name, t.promoted) for t in tuned_models(tmp_path)] == [("lost", False), ("won", True)]
    assert model_folder(tmp_path, "won").name == "model"
    with pytest.raises(ModelError, match="kept aside, because it did not win: it was so"):
        model_folder(tmp_path, "lost")
    with pytest.raises(ModelMissing, match="there is: lost, won"):
        model_folder(tmp_path, "nobody")
    start(tmp_path, "going", {}, stem="lib")
    with pytest.raises(ModelMissing, match="has not finished"):
        model_folder(tmp_path, "going")


def test_a_damaged_verdict_does_not_hide_the_others(tmp_path: Path) -> None:
    _finished(tmp_path, "won", promoted=True)
    (_finished(tmp_path, "bad", promoted=True) / "tuned.json").write_text("{", encoding="utf-8")
    bad, won = tuned_models(tmp_path)
    assert won.promoted and not bad.promoted and "sluice tune --remove bad" in bad.said


def test_removing_takes_its_calibrations_along_and_no_others(tmp_path: Path) -> None:
    folder = _finished(tmp_path, "won", promoted=True)
    calibrations = tmp_path / "calibrations"
    calibrations.mkdir()
    for file, scorer in (("its.json", {"provider": "tuned", "model": "won"}),
                         ("other.json", {"provider": "tuned", "model": "won-2"}), ("evidence.json", None)):  # fmt: skip
        (calibrations / file).write_text(json.dumps({"scorer": scorer}), encoding="utf-8")
    assert remove_tuned(tmp_path, "won") == [folder, calibrations / "its.json"]
    assert sorted(p.name for p in calibrations.iterdir()) == ["evidence.json", "other.json"]
    with pytest.raises(ModelMissing):
        remove_tuned(tmp_path, "won")


def test_a_plan_that_cannot_work_is_said_at_once() -> None:
    with pytest.raises(UsageError, match="needs a teacher"):
        TunePlan(loss="distil")


def test_few_questions_are_learned_from_more_often() -> None:
    assert [TunePlan().rounds_over(n) for n in (10, 100, 1000)] == [15, 5, 3]
    assert TunePlan(rounds=7).rounds_over(10) == 7


def test_a_teachers_scores_come_onto_the_students_scale() -> None:
    own = [(0.0, 2.0), (4.0, 6.0)]
    assert on_the_students_scale([(1.0, -1.0)], own, Scale.LOGIT) == [(1.0, -1.0)]
    moved = on_the_students_scale([(0.0, 0.2), (0.4, 0.6)], own, Scale.BOUNDED)
    assert [x for row in moved for x in row] == pytest.approx([0.0, 2.0, 4.0, 6.0])
    with pytest.raises(UsageError, match="only ranks"):
        on_the_students_scale([(1.0,)], own, Scale.RANK_ONLY)
