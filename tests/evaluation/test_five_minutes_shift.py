"""Thirty answers: what they say about a map, and what too few of them do not."""

from __future__ import annotations

import numpy as np
import pytest

from app.calibration.maps import sigmoid
from app.evaluation.five_minutes.borderline import choose
from app.evaluation.five_minutes.effect import LEAST_ANSWERS, why_not
from app.evaluation.five_minutes.shift import (
    CHANCE,
    INTERCEPT_SD,
    LEAST_SLOPE,
    contradiction,
    fit_shift,
    fit_shifts,
)
from app.evaluation.five_minutes.weighted import weighted_share
from tests.evaluation.thirty import KEEP, log_odds_of, pairs_of


def test_a_weighted_share_by_hand() -> None:
    found = weighted_share([True, False, False], [1.0, 2.0, 1.0])
    assert found is not None
    assert found.value == pytest.approx(0.25)
    assert found.n == 3
    # Wilson at (1 + 2 + 1)^2 / (1 + 4 + 1) = 2.667 answers, worked out apart from the program
    assert (found.low, found.high) == pytest.approx((0.0337, 0.7615), abs=1e-4)
    assert weighted_share([], []) is None


def test_weights_undo_the_preference_for_borderline_passages() -> None:
    rng = np.random.default_rng(4)
    relevant = plain = weighted = 0.0
    for seed in range(150):
        pairs = pairs_of(rng, questions=12)
        x = log_odds_of(pairs)
        yes = rng.random(x.size) < sigmoid(x)
        asked = choose(pairs, KEEP, seed=seed)
        told = [yes[one.pair] for one in asked]
        relevant += yes.mean()
        plain += np.mean(told)
        weighted += sum(hit / one.chance for hit, one in zip(told, asked, strict=True)) / len(pairs)
    assert weighted / relevant == pytest.approx(1.0, abs=0.08)
    assert plain / relevant > 1.8  # what one would believe without the weights


def test_without_answers_nothing_is_shifted_and_one_answer_hardly_shifts() -> None:
    assert fit_shift([], []) == (1.0, 0.0)
    slope, intercept = fit_shift([0.0], [True])
    # at log-odds 0 the slope cannot matter; the intercept solves b / sd^2 = 1 - 1 / (1 + exp(-b))
    assert slope == pytest.approx(1.0)
    assert intercept / INTERCEPT_SD**2 == pytest.approx(1 - 1 / (1 + np.exp(-intercept)))


def test_a_known_shift_is_found_again() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(-1.0, 2.0, 5000)
    for slope, intercept in ((1.0, 0.0), (0.7, 1.2), (1.3, -2.0)):
        yes = rng.random(x.size) < sigmoid(slope * x + intercept)
        found = fit_shift(x, yes.tolist())
        assert found == pytest.approx((slope, intercept), abs=0.12)


def test_thirty_answers_move_towards_the_shift_and_never_backwards() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(-1.0, 2.0, 30)
    found = [fit_shift(x, (rng.random(30) < sigmoid(x - 1.5)).tolist()) for _ in range(100)]
    assert -1.5 < np.mean([b for _, b in found]) < -0.6
    slope, _ = fit_shift(np.linspace(-9, 9, 40), [True] * 20 + [False] * 20)
    assert slope == LEAST_SLOPE


def test_answers_contradict_a_map_only_as_far_as_they_are_unlikely() -> None:
    # two answers at log-odds 2 and -2, both as expected, by a map twice as steep: 4 ln((1 + e^-2) / (1 + e^-4))
    found = contradiction([2.0, -2.0], [True, False], 2.0, 0.0)
    assert found == pytest.approx(4 * np.log((1 + np.exp(-2)) / (1 + np.exp(-4))))
    assert contradiction([2.0, -2.0], [True, False], 1.0, 0.0) == 0.0


def test_a_map_that_is_right_is_hardly_ever_contradicted_and_one_far_off_nearly_always() -> None:
    rng = np.random.default_rng(8)
    alarms = {0.0: 0, 2.0: 0}
    for off in alarms:
        for seed in range(40):
            pairs = pairs_of(rng, questions=12)
            x = log_odds_of(pairs)
            yes = rng.random(x.size) < sigmoid(x + off)
            told = [one.pair for one in choose(pairs, KEEP, seed=seed)]
            alarms[off] += contradiction(x[told], yes[told].tolist(), *fit_shift(x[told], yes[told].tolist())) > CHANCE
    assert alarms[0.0] <= 5
    assert alarms[2.0] >= 30


def test_many_samples_at_once_are_fitted_as_each_alone() -> None:
    x, yes = [-2.0, -1.0, 0.5, 2.0], [False, True, False, True]
    times = np.asarray([[1.0, 1.0, 1.0, 1.0], [2.0, 0.0, 1.0, 1.0]])
    slopes, intercepts = fit_shifts(x, yes, times)
    assert (slopes[0], intercepts[0]) == pytest.approx(fit_shift(x, yes))
    assert (slopes[1], intercepts[1]) == pytest.approx(fit_shift([-2.0, -2.0, 0.5, 2.0], [False, False, False, True]))


@pytest.mark.parametrize(
    ("yes", "no", "said"),
    [
        (20, 0, "All 20 answers are yes"),
        (0, 30, "All 30 answers are no"),
        (4, 4, f"it takes {LEAST_ANSWERS} at least"),
        (2, 20, "Only 2 yes among 22"),
        (8, 12, ""),
    ],
)
def test_too_little_is_refused(yes: int, no: int, said: str) -> None:
    found = why_not({place: place < yes for place in range(yes + no)})
    assert said in found and bool(said) == bool(found)
