"""Thresholds applied to a library: kept with what they were measured with, used only there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from app.applied_gates import AppliedGate, applied_gate, apply_gate, digest_of, gates_file, with_applied, withdraw_gate
from app.domain import GatePolicy
from app.errors import CalibrationError, UsageError
from app.ports import Calibration
from tests.fakes_ui import LineCalibration

SCORER = "fake/overlap"
LINE = LineCalibration()
CALIBRATION = cast("Calibration", LINE)


def _gate(**values: float | None) -> AppliedGate:
    thresholds: dict[str, float | None] = {
        "answer_above": None,
        "keep_above": 0.5,
        "raw_keep_above": None,
        **values,
    }
    return AppliedGate(
        SCORER, digest_of(CALIBRATION), note="chosen on 20 questions", run="runs/a-1", date="2026-11-21", **thresholds
    )


def _policy(home: Path, library: str = "handbook", scorer: str = SCORER) -> GatePolicy:
    return with_applied(CALIBRATION, scorer, home=home, library=library).policy


def test_an_applied_threshold_is_in_force_for_its_scorer_and_library_only(tmp_path: Path) -> None:
    apply_gate(tmp_path, "handbook", _gate())
    assert _policy(tmp_path).keep_above == 0.5
    assert _policy(tmp_path).answer_above == CALIBRATION.policy.answer_above
    assert _policy(tmp_path, library="other") == CALIBRATION.policy
    assert _policy(tmp_path, scorer="fake/other") == CALIBRATION.policy
    assert _policy(tmp_path, library="") == CALIBRATION.policy  # passages that are in no library


def test_what_was_measured_for_another_threshold_is_no_longer_said(tmp_path: Path) -> None:
    apply_gate(tmp_path, "handbook", _gate())
    assert _policy(tmp_path).keeps_relevant is None
    assert _policy(tmp_path).answer_note == "chosen on 20 questions"
    apply_gate(tmp_path, "handbook", _gate(keep_above=None, answer_above=0.0))
    assert _policy(tmp_path).keeps_relevant == 0.95
    assert _policy(tmp_path).answer_above == 0.0  # 0 is a value


def test_a_calibration_fitted_anew_has_thresholds_of_its_own(tmp_path: Path) -> None:
    apply_gate(tmp_path, "handbook", _gate())
    anew = cast("Calibration", replace(LINE, note="calibrated here, on 80 labelled questions"))
    assert with_applied(anew, SCORER, home=tmp_path, library="handbook").policy == anew.policy
    assert applied_gate(tmp_path, "handbook", SCORER) is not None  # still there, for the page to say so


def test_the_digest_is_of_the_maps_whatever_was_applied(tmp_path: Path) -> None:
    apply_gate(tmp_path, "handbook", _gate())
    regated = with_applied(CALIBRATION, SCORER, home=tmp_path, library="handbook")
    assert regated.policy != CALIBRATION.policy
    assert digest_of(regated) == digest_of(CALIBRATION)


def test_applying_twice_keeps_the_last_and_withdrawing_leaves_other_scorers(tmp_path: Path) -> None:
    other = replace(_gate(), scorer="fake/other")
    for gate in (_gate(), other, _gate(keep_above=0.7)):
        apply_gate(tmp_path, "handbook", gate)
    assert _policy(tmp_path).keep_above == 0.7
    withdraw_gate(tmp_path, "handbook", SCORER)
    assert _policy(tmp_path) == CALIBRATION.policy
    assert applied_gate(tmp_path, "handbook", "fake/other") == other
    withdraw_gate(tmp_path, "handbook", "fake/other")
    assert not gates_file(tmp_path, "handbook").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 2, "gates": []}', '{"schema": 1, "gates": [{"scorer": "x"}]}'])
def test_a_damaged_file_is_said_and_not_ignored(tmp_path: Path, text: str) -> None:
    path = gates_file(tmp_path, "handbook")
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CalibrationError, match=r"handbook\.json cannot be read"):
        _policy(tmp_path)


def test_a_name_that_is_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        gates_file(tmp_path, "../x")
