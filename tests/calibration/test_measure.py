"""Calibration error, Brier skill and AUROC against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from app.calibration.measure import auroc, brier_skill, expected_calibration_error


def test_ece_is_the_gap_between_said_and_seen() -> None:
    p = np.array([0.1] * 10 + [0.9] * 10)
    labels = np.array([1.0] + [0.0] * 9 + [1.0] * 5 + [0.0] * 5)
    # the first ten are right; of the second ten half are, not nine: .4 over half of the questions
    assert expected_calibration_error(p, labels) == pytest.approx(0.2)


def test_brier_skill_of_the_rate_itself_is_zero_and_of_a_liar_below() -> None:
    labels = np.array([1.0, 0.0, 0.0, 0.0])
    assert brier_skill(np.full(4, 0.25), labels) == pytest.approx(0.0)
    assert brier_skill(1.0 - labels, labels) < 0.0  # type: ignore[operator]
    assert brier_skill(np.array([0.9, 0.8]), np.array([1.0, 1.0])) is None


def test_auroc_counts_pairs_and_halves_ties() -> None:
    scores, labels = np.array([0.9, 0.5, 0.5, 0.1]), np.array([1.0, 1.0, 0.0, 0.0])
    assert auroc(scores, labels) == pytest.approx(3.5 / 4)
    assert auroc(scores, np.ones(4)) is None


def test_weights_count_like_repeats() -> None:
    p, labels = np.array([0.2, 0.7, 0.4]), np.array([0.0, 1.0, 1.0])
    repeated = [0, 0, 1, 2, 2, 2]
    weights = np.array([2.0, 1.0, 3.0])
    assert brier_skill(p, labels, weights) == pytest.approx(brier_skill(p[repeated], labels[repeated]))
    assert auroc(p, labels, weights) == pytest.approx(auroc(p[repeated], labels[repeated]))
