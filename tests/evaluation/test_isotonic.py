"""Isotonic steps: found where the curve is no logistic one, and only with enough to go by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from app.calibration.fitted import FittedCalibration, FittedOn
from app.calibration.maps import LogisticMap, Steps, sigmoid
from app.calibration.observed import Unseen
from app.calibration.store import load_calibration, save_calibration
from app.domain import GatePolicy, Judgement, Score, ScorerId
from app.errors import CalibrationError
from app.evaluation.calibrating.isotonic import LEAST_PASSAGES, straighten
from tests.calibration.questions import observation

Floats = npt.NDArray[np.float64]
ID = ScorerId("fake", "counting", "rev-1")
ON = FittedOn(("made",), "fake", "any", "fake/letters", 0, 0, "2026-01-02")


def judged(questions: int, truth: Callable[[Floats], Floats]) -> list[Unseen]:
    """Four passages a question at random log-odds; each is relevant with the probability that `truth` gives those."""
    rng = np.random.default_rng(5)
    made = []
    for n in range(questions):
        x = np.sort(rng.uniform(-6.0, 6.0, size=4))[::-1]
        seen = observation(f"g{n % 5}", x.tolist(), (rng.random(4) < truth(x)).tolist())
        p = tuple(map(float, sigmoid(x)))
        made.append(Unseen(seen, Judgement(p, (None,) * 4, (0, 1, 2, 3), 0.5)))
    return made


def stairs(x: Floats) -> Floats:
    """Worth .1 below zero and .6 above, whatever the logistic curve says."""
    return np.where(x < 0.0, 0.1, 0.6)


def test_a_staircase_is_followed_and_no_order_turned_round() -> None:
    unseen = judged(500, stairs)
    found = straighten(unseen)
    assert found is not None
    view, steps, by_steps = found
    assert view == "full"
    assert steps.p_of(np.array([-3.0, 3.0])).tolist() == pytest.approx([0.1, 0.6], abs=0.06)
    assert list(steps.p) == sorted(steps.p) and steps.p[0] > 0.0 and steps.p[-1] < 1.0
    assert [u.observation for u in by_steps] == [u.observation for u in unseen]
    assert all(list(u.judgement.p) == sorted(u.judgement.p, reverse=True) for u in by_steps)  # type: ignore[type-var]


def test_a_logistic_truth_is_left_alone() -> None:
    assert straighten(judged(500, sigmoid)) is None


def test_a_small_sample_is_left_alone() -> None:
    assert LEAST_PASSAGES > 4 * 240 and straighten(judged(240, stairs)) is None


def test_a_question_is_judged_by_steps_of_the_other_groups() -> None:
    unseen = judged(500, stairs)
    found, others = straighten(unseen), straighten([u for u in unseen if u.observation.group != "g0"])
    assert found is not None and others is not None
    first = next(u for u in found[2] if u.observation.group == "g0")
    raw = np.asarray(first.observation.raw, dtype=np.float64)
    assert first.judgement.p == pytest.approx(others[1].p_of(raw).tolist())


def test_steps_are_kept_and_used(tmp_path: Path) -> None:
    curve = LogisticMap(("score",), (0.0,), (1.0,), (1.0,), 0.0)
    steps = Steps((-1.0, 1.0), (0.2, 0.4))
    made = FittedCalibration(ID, ON, {"full": curve}, {}, GatePolicy(), steps={"full": steps})
    read = load_calibration(save_calibration(made, tmp_path))
    assert read.steps == {"full": steps}
    seen = observation("g", [2.0, 0.0, -5.0], [True, False, False])
    judgement = read.judge(seen.retrieved, [Score(2.0), Score(0.0), Score(-5.0)])
    assert judgement.p == pytest.approx((0.4, 0.3, 0.2)) and judgement.order == (0, 1, 2)


@pytest.mark.parametrize("steps", [Steps((1.0, -1.0), (0.2, 0.4)), Steps((-1.0, 1.0), (0.4, 0.2)), Steps((), ())])
def test_steps_that_do_not_rise_are_refused(tmp_path: Path, steps: Steps) -> None:
    curve = LogisticMap(("score",), (0.0,), (1.0,), (1.0,), 0.0)
    made = FittedCalibration(ID, ON, {"full": curve}, {}, GatePolicy())
    path = save_calibration(replace(made, steps={"full": steps}), tmp_path)
    with pytest.raises(CalibrationError, match="steps"):
        load_calibration(path)
