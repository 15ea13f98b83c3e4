"""Thresholds with a promise for the next question, from labelled ones: conformal risk control. Pure.

Angelopoulos et al., Conformal risk control, 2022 (arXiv 2208.02814). The unit is the question, because passages of one
question are not independent; with one relevant passage a question it is split conformal's floor(alpha * (n + 1))-th
smallest value (for retrieval: arXiv 2511.17908; `app.calibration.fit.keep_above` has it with weights). The promise
holds on average over question sets, if the next question comes from where the labelled ones came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
import numpy.typing as npt

from app.evaluation.intervals import SEED

Floats = npt.NDArray[np.float64]

_ROUNDING = 1e-9


def keep_losing_at_most(relevant: Sequence[Sequence[float]], alpha: float) -> float | None:
    """The highest threshold at which at most the share `alpha` of a question's relevant passages is expected below it.

    `relevant` holds, for each question, the values (p or raw) of its relevant candidates; questions without any are
    left out. None with fewer than `labels_needed(alpha)` questions: no threshold can promise that much.

    >>> keep_losing_at_most([[v / 100] for v in range(1, 40)], 0.05)
    0.02
    """
    asked = _Asked(relevant)
    return asked.highest(np.ones(asked.questions), alpha)


def redrawn_keep(relevant: Sequence[Sequence[float]], alpha: float, *, draws: int = 1000, seed: int = SEED) -> Floats:
    """The same threshold from questions drawn again with repeats, shape (draws,): how much it depends on the set.

    Raises ValueError with fewer than `labels_needed(alpha)` questions.
    """
    asked = _Asked(relevant)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        picks = rng.integers(asked.questions, size=asked.questions)
        threshold = asked.highest(np.bincount(picks, minlength=asked.questions).astype(np.float64), alpha)
        if threshold is None:
            raise ValueError(f"a promise of {alpha} takes {labels_needed(alpha)} questions")
        found.append(threshold)
    return np.asarray(found)


class _Asked:
    """The relevant values of all questions, sorted, each with its question and its share of that question."""

    def __init__(self, relevant: Sequence[Sequence[float]]) -> None:
        asked = [np.asarray(values, dtype=np.float64) for values in relevant if len(values)]
        self.questions = len(asked)
        self.values, self.place = np.unique(np.concatenate([*asked, np.empty(0)]), return_inverse=True)
        self.owner = np.repeat(np.arange(len(asked)), [v.size for v in asked])
        self.share = np.repeat([1.0 / v.size for v in asked], [v.size for v in asked])

    def highest(self, times: Floats, alpha: float) -> float | None:
        """The threshold when question i is there times[i] times."""
        allowed = alpha * (self.questions + 1) - 1.0  # loss summed over questions; one is kept for the next
        if allowed < -_ROUNDING:
            return None
        each = np.bincount(self.place, self.share * times[self.owner], minlength=self.values.size)
        lost = np.cumsum(each) - each  # strictly below each value: what a threshold there would lose
        within = (lost <= allowed + _ROUNDING) & (each > 0.0)
        return float(self.values[within][-1])


def refuse_all_but(unanswerable: Sequence[float], share: float) -> float | None:
    """The lowest threshold at which at most `share` of unanswerable questions is expected to be at or above it.

    `unanswerable` are their p_answerable (0..1). None with fewer than `labels_needed(share)` of them.
    """
    values = np.sort(np.asarray(unanswerable, dtype=np.float64))[::-1]
    rank = int(np.floor(share * (values.size + 1) + _ROUNDING))
    if rank < 1:
        return None
    if rank > values.size:
        return 0.0
    return float(np.nextafter(values[rank - 1], np.inf))


def labels_needed(alpha: float) -> int:
    """How many labelled questions a promise of `alpha` takes at least: 1 / alpha - 1.

    >>> labels_needed(0.05)
    19
    """
    return ceil(1.0 / alpha - 1.0 - _ROUNDING)
