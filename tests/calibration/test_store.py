"""Calibrations on disk: what is found, for whom, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import app
from app.calibration.store import (
    calibration_for,
    evidence_calibration,
    load_calibration,
    save_calibration,
)
from app.calibration.uncalibrated import NoCalibration
from app.domain import Scale, ScorerId, ScorerProfile
from app.errors import CalibrationError
from tests.calibration.questions import LIBRARY, retrieved
from tests.calibration.test_judging import ON, calibration, scores

SCORER = ScorerId("fake", "table/with:signs", precision="int8")
PROFILE = ScorerProfile(SCORER, "a scorer", Scale.LOGIT, pointwise=True)


def test_what_was_saved_judges_the_same(tmp_path: Path) -> None:
    saved = calibration(SCORER)
    found = retrieved([0.6, 0.4], [0.5, 0.2])
    loaded = load_calibration(save_calibration(saved, tmp_path), SCORER)

    assert loaded == saved
    assert loaded.judge(found, scores(1.0, 2.0)) == saved.judge(found, scores(1.0, 2.0))


def test_a_level_is_kept_and_a_file_without_one_has_none(tmp_path: Path) -> None:
    saved = calibration(SCORER)
    levelled = replace(saved, passage={view: replace(part, level=0.25) for view, part in saved.passage.items()})
    path = save_calibration(levelled, tmp_path)
    assert load_calibration(path) == levelled

    content = json.loads(path.read_text(encoding="utf-8"))
    for part in content["passage"].values():
        del part["level"]  # as files of earlier versions are
    path.write_text(json.dumps(content), encoding="utf-8")
    assert load_calibration(path) == saved

    content["passage"]["score"]["level"] = 1.0  # the last would be worth the same, however bad
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(CalibrationError, match="does not fit"):
        load_calibration(path)


def test_a_calibration_of_another_scorer_is_refused(tmp_path: Path) -> None:
    path = save_calibration(calibration(SCORER), tmp_path)
    with pytest.raises(CalibrationError, match="belongs to the scorer fake") as refused:
        load_calibration(path, replace(SCORER, precision="float32"))
    assert "sluice calibrate" in refused.value.hint


def test_here_before_general_before_none(tmp_path: Path) -> None:
    save_calibration(calibration(SCORER), tmp_path)
    general = calibration_for(PROFILE, LIBRARY, own_dir=tmp_path)
    assert general.kind == "general"
    assert "measured on 10 questions of 1 question set" in general.note

    own = replace(calibration(SCORER), fitted_on=replace(ON, library=LIBRARY.name))
    save_calibration(own, tmp_path)
    here = calibration_for(PROFILE, LIBRARY, own_dir=tmp_path)
    assert here.kind == "here"
    assert here.note.startswith("calibrated here")
    elsewhere = replace(LIBRARY, embedder_id="another/model")
    assert calibration_for(PROFILE, elsewhere, own_dir=tmp_path).kind == "general"

    other = replace(PROFILE, id=replace(SCORER, model="another"))
    nothing = calibration_for(other, LIBRARY, own_dir=tmp_path)
    assert isinstance(nothing, NoCalibration)
    assert nothing.kind == "none"


def test_what_was_fitted_on_another_library_is_the_last_resort(tmp_path: Path) -> None:
    answers = replace(calibration(SCORER), fitted_on=replace(ON, library="a-library-before-all", questions=77))
    save_calibration(answers, tmp_path)
    assert "77 questions" in calibration_for(PROFILE, LIBRARY, own_dir=tmp_path).note  # better than none

    save_calibration(calibration(SCORER), tmp_path)
    assert "measured on 10 questions" in calibration_for(PROFILE, LIBRARY, own_dir=tmp_path).note


def test_another_embedding_model_is_said(tmp_path: Path) -> None:
    save_calibration(calibration(SCORER), tmp_path)
    note = calibration_for(PROFILE, replace(LIBRARY, embedder_id="another/model"), own_dir=tmp_path).note
    assert note.endswith("with another embedding model")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:50],
        lambda text: "[]",
        lambda text: text.replace('"schema": 1', '"schema": 2'),
        lambda text: text.replace('"score_ahead"', '"score_squared"'),
        lambda text: json.dumps({**json.loads(text), "extra": 1}),
        lambda text: text.replace('"intercept": 0.0', '"intercept": NaN'),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, damage: object) -> None:
    path = save_calibration(calibration(SCORER), tmp_path)
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")  # type: ignore[operator]
    with pytest.raises(CalibrationError, match=path.name):
        load_calibration(path)


def test_an_unknown_field_is_named_in_words(tmp_path: Path) -> None:
    path = save_calibration(calibration(SCORER), tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["passage"]["score"]["curve"] = 2
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(CalibrationError, match=r": passage\.score\.curve: Extra inputs are not permitted$") as refused:
        load_calibration(path)
    assert refused.value.hint.startswith("Remove the file")


SHIPPED = sorted(Path(app.__file__).parent.joinpath("models", "calibrations").glob("*.json"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_calibrations_are_whole(path: Path) -> None:
    shipped = load_calibration(path)
    maps = [*shipped.passage.values(), *shipped.question.values()]
    assert all(weight >= 0.0 for fitted in maps for weight in fitted.weights)  # more evidence never lowers p
    assert {"evidence", "evidence_dense"} <= shipped.passage.keys() == shipped.question.keys()
    assert ("full" in shipped.passage) == (shipped.scorer is not None)
    policy = shipped.policy
    assert policy.keep_above is not None and policy.answer_above is not None and policy.keeps_relevant is not None
    assert 0.0 < policy.keep_above < policy.answer_above < 1.0
    mean = shipped.errors["mean"]
    assert isinstance(mean, dict)
    assert mean["rank_1_brier_skill"] > 0.0
    assert mean["admitted_brier_skill"] > 0.0
    assert mean["wrong_answers_off_topic"] < 0.05
    assert set(shipped.fitted_on.sets).isdisjoint({"dev_mtragun", "dev_pubmedqa", "dev_tatqa"})


def test_the_shipped_evidence_maps_serve_any_scorer() -> None:
    shipped = evidence_calibration()
    assert shipped is not None
    found = retrieved([0.7, 0.3, 0.2], [0.6, 0.2, 0.1], matched=[frozenset({0, 1}), frozenset({1}), frozenset()])
    judgement = NoCalibration(shipped).judge(found, scores(None, None, None))
    nothing_matches = retrieved([0.2, 0.15, 0.1], [0.0, 0.0, 0.0])
    hopeless = NoCalibration(shipped).judge(nothing_matches, scores(None, None, None))

    assert judgement.p_answerable is not None
    assert hopeless.p_answerable is not None
    assert hopeless.p_answerable < shipped.policy.answer_above < judgement.p_answerable  # type: ignore[operator]
    assert shipped.policy.keep_above is not None
    assert 0.0 < shipped.policy.keep_above < 0.5
    assert "of 100 questions the library answers" in shipped.policy.answer_note
    assert set(shipped.errors) >= {"mean", "sets", "measured", "chosen"}
