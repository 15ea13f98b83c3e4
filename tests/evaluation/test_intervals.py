"""Intervals hold what they promise: checked by hand and over 1,000 simulated question sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.calibration.measure import auroc
from app.evaluation.intervals import (
    expanded_levels,
    mean_interval,
    ratio_interval,
    resampled_sums,
    share_interval,
    statistic_interval,
)

SETS = 1_000
# the spread of a true coverage of 95 % over 1,000 sets is .7 points: three of them are allowed for
LOW, HIGH = 0.93, 0.972


def differences(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Differences of nDCG as they come: 58 % ties, twice as many gains as losses."""
    steps = np.asarray([-1.0, -0.5, -0.37, -0.13, 0.0, 0.13, 0.37, 0.5, 1.0])
    return rng.choice(steps, shape, p=[0.01, 0.02, 0.07, 0.04, 0.58, 0.08, 0.12, 0.06, 0.02])


TRUE_MEAN = -0.01 - 0.01 - 0.0259 - 0.0052 + 0.0104 + 0.0444 + 0.03 + 0.02


@pytest.mark.parametrize("questions", [30, 100])
def test_the_mean_lies_in_its_interval_in_95_of_100_sets(questions: int) -> None:
    sets = differences(np.random.default_rng(3), (SETS, questions))
    found = [mean_interval(values, draws=500, seed=seed) for seed, values in enumerate(sets)]
    held = np.mean([e is not None and e.low is not None and e.low <= TRUE_MEAN <= (e.high or 0.0) for e in found])
    assert LOW <= held <= HIGH


def test_a_pooled_share_lies_in_its_interval() -> None:
    # one to five passages a question, relevant with a rate that differs between questions and is .4 in all
    rng = np.random.default_rng(5)
    held = 0
    for seed in range(SETS):
        sent = rng.integers(1, 6, 60)
        hits = rng.binomial(sent, rng.beta(2.0, 3.0, 60))
        found = ratio_interval(hits.tolist(), sent.tolist(), draws=400, seed=seed)
        assert found is not None and found.low is not None and found.high is not None
        held += found.low <= 0.4 <= found.high
    assert LOW <= held / SETS <= HIGH


def test_a_rare_share_lies_in_its_interval() -> None:
    hits = np.random.default_rng(11).binomial(50, 0.06, SETS)
    found = [share_interval(int(h), 50) for h in hits]
    held = np.mean([e is not None and (e.low or 0.0) <= 0.06 <= (e.high or 0.0) for e in found])
    assert held >= LOW


def test_wilson_by_hand() -> None:
    # 8 of 10: centre (.8 + 1.9207/10) / 1.38415 = .7168, half width .2269
    found = share_interval(8, 10)
    assert found is not None
    assert found.low == pytest.approx(0.4902, abs=2e-4)
    assert found.high == pytest.approx(0.9433, abs=2e-4)
    everything = share_interval(4, 4)
    assert everything is not None and everything.high == 1.0
    assert share_interval(0, 0) is None


def test_the_expanded_levels_of_small_samples_are_wider() -> None:
    # n = 2: t quantile 12.706, times sqrt 2
    assert expanded_levels(2, 0.95)[0] < 1e-10
    # n = 20: Phi(-2.0930 * sqrt(20/19)) = Phi(-2.1474)
    assert expanded_levels(20, 0.95)[0] == pytest.approx(0.01588, abs=1e-4)


def test_what_cannot_be_known_is_none() -> None:
    assert mean_interval([]) is None
    assert ratio_interval([0.0], [0.0]) is None
    one = mean_interval([0.3])
    assert one is not None and (one.value, one.low, one.high, one.n) == (0.3, None, None, 1)
    assert not one.above_zero
    assert statistic_interval(lambda drawn: None, 5) is None


def test_a_statistic_that_fails_on_some_draws_still_has_an_interval() -> None:
    values, labels = np.asarray([0.9, 0.2, 0.4]), np.asarray([1.0, 0.0, 0.0])
    found = statistic_interval(lambda drawn: auroc(values[drawn], labels[drawn]), 3)
    assert found is not None and (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_an_interval_is_ordered_repeatable_and_within_the_values(values: list[float], seed: int) -> None:
    first, second = (mean_interval(values, draws=200, seed=seed) for _ in range(2))
    assert first == second and first is not None and first.low is not None and first.high is not None
    assert min(values) - 1e-9 <= first.low <= first.high <= max(values) + 1e-9


def test_sums_do_not_depend_on_how_draws_are_blocked() -> None:
    values = np.random.default_rng(1).random((7, 2))
    whole = resampled_sums(values, 50, 4)
    assert np.allclose(whole, resampled_sums(values, 50, 4, cells=21))
    assert whole.mean(axis=0) == pytest.approx(values.sum(axis=0), rel=0.1)
