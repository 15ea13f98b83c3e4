"""Paired comparison, by hand and by simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.evaluation.paired import compare_paired, moved_most, questions_needed, sign_flip_test
from app.evaluation.unpaired import shuffle_test, unpaired_interval


def test_the_sign_flip_test_counts_all_patterns() -> None:
    # {1, 2, 3}: |sum| >= 6 in two of eight patterns; {1, 2, -3}: the sum is 0, and every pattern is as extreme
    assert sign_flip_test([1.0, 2.0, 3.0]) == 2 / 8
    assert sign_flip_test([1.0, 2.0, -3.0]) == 1.0
    assert sign_flip_test([0.0, 0.0]) == 1.0
    assert sign_flip_test([]) == 1.0


@given(st.lists(st.sampled_from([-0.5, -0.1, 0.0, 0.1, 0.3]), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_sign_flip_test_agrees_with_listing_the_patterns(values: list[float]) -> None:
    sums = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True))) for signs in product((1, -1), repeat=len(values))
    ]
    assert sign_flip_test(values) == pytest.approx(np.mean([s >= abs(sum(values)) - 1e-9 for s in sums]))


def test_random_flips_agree_with_all_of_them() -> None:
    values = [0.1] * 11 + [-0.1] * 3  # 14 changed: counted; one tie more would change nothing
    exact = sign_flip_test(values)
    # two-sided binomial: P(at least 11 of 14) * 2 = 2 * (364 + 91 + 14 + 1) / 2^14
    assert exact == pytest.approx(2 * 470 / 2**14)
    sampled = sign_flip_test([*values, 0.1, -0.1])  # 12 of 16: 2 * (1820 + 560 + 120 + 16 + 1) / 2^16
    assert sampled == pytest.approx(2 * 2517 / 2**16, abs=0.01)
    assert sign_flip_test([1.0] * 40) == pytest.approx(1 / 10_001)  # never 0


def test_no_difference_is_found_in_one_of_twenty_sets_without_one() -> None:
    rng = np.random.default_rng(2)
    p_values = [sign_flip_test(rng.choice([-0.5, -0.2, 0.2, 0.5], 12)) for _ in range(400)]
    assert np.mean([p <= 0.05 for p in p_values]) <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_wins_losses_ties_and_the_difference() -> None:
    before = {"a": 0.2, "b": 0.5, "c": 0.5, "d": 1.0, "only before": 0.0}
    after = {"a": 1.0, "b": 0.5004, "c": 0.4, "d": 1.0, "only after": 1.0}
    found = compare_paired(before, after)
    assert found is not None
    assert (found.wins, found.losses, found.ties) == (1, 1, 2)
    assert found.change.value == pytest.approx((0.8 + 0.0004 - 0.1 + 0.0) / 4)
    assert found.before.value == pytest.approx(0.55)
    assert found.change.n == 4
    assert compare_paired({"a": 1.0}, {"b": 1.0}) is None


def test_few_changed_questions_are_noise_whatever_the_bootstrap_says() -> None:
    before = {str(i): 0.0 for i in range(200)}
    four = compare_paired(before, before | {str(i): 1.0 for i in range(4)})
    assert four is not None and four.change.above_zero and four.p_value == 1 / 8
    assert not four.better
    six = compare_paired(before, before | {str(i): 1.0 for i in range(6)})
    assert six is not None and six.better and not six.worse


def test_the_questions_that_moved_most_come_first() -> None:
    before = {"a": 0.2, "b": 0.5, "c": 0.5, "d": 1.0}
    after = {"a": 0.3, "b": 0.5, "c": 0.0, "d": 0.5}
    assert [(m.id, round(m.change, 2)) for m in moved_most(before, after)] == [("c", -0.5), ("d", -0.5), ("a", 0.1)]
    assert [m.id for m in moved_most(before, after, 1)] == ["c"]


def test_how_many_questions_would_tell() -> None:
    # (1.96 * .3 / .1)^2 = 34.6; with four chances in five (1.96 + .8416)^2 * 9 = 70.6
    assert questions_needed(0.1, 0.3, power=0.5) == 35
    assert questions_needed(-0.1, 0.3) == 71
    assert questions_needed(0.0, 0.3) is None
    # no difference at all: it takes what rules out a gain of .02, (2.8016 * .3 / .02)^2
    assert questions_needed(0.0, 0.3, matters=0.02) == 1766
    assert questions_needed(-0.05, 0.3, matters=0.02) == questions_needed(0.07, 0.3)


def test_that_many_questions_tell_as_often_as_promised() -> None:
    needed = questions_needed(0.1, 0.3)
    assert needed is not None
    rng = np.random.default_rng(8)
    data = rng.normal(0.1, 0.3, (600, needed))
    half = 1.96 * data.std(axis=1, ddof=1) / needed**0.5
    assert np.mean(data.mean(axis=1) > half) == pytest.approx(0.8, abs=0.05)


def test_unpaired_runs() -> None:
    low, high = [0.0, 1.0] * 40, [1.0, 1.0, 1.0, 0.0] * 20
    found = unpaired_interval(low, high)
    assert found is not None and found.value == pytest.approx(0.25)
    assert found.above_zero and shuffle_test(low, high) < 0.01
    assert shuffle_test([0.0, 1.0], [1.0, 0.0]) == 1.0
    assert unpaired_interval([1.0], [0.0, 1.0]) is None
