"""Which passages to ask a person about: the borderline ones, drawn so that every passage had a known chance. Pure.

Thirty answers say most where the map is unsure (p near one half) and where the gate cuts (p near `keep_above`). Asked
about those alone, one would think that every library is borderline: relevant passages that p puts far below the gate
would never be seen, and both errors would come out wrong. So passages are *drawn*, borderline ones more often than
others, none with no chance at all, and the chance is kept: an answer stands for 1 / chance passages
(Horvitz and Thompson 1952; for testing models: Sawade et al., Active risk estimation, ICML 2010, and Kossen et al.,
Active testing, 2021, arXiv 2103.05331).

The draw is the local pivotal method (Grafström, Lundström and Schelin, Biometrics 68, 2012): neighbours (the same
question, the same document, about the same rank and p) compete for a place, which keeps every chance exactly as it was
and spreads the draw over questions, documents, ranks and p. The order to ask in is shuffled, so that whoever stops
early leaves a smaller draw of the same kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log

import numpy as np
import numpy.typing as npt

from app.calibration.maps import sigmoid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COUNT = 30
MOST_A_QUESTION = 3  # expected passages asked about one question: thirty answers are about ten questions or more
_MIDDLE, _ALIKE = 0.5, 0.15  # shares of the interest; what is left goes to the gate
_CLOSE = 1e-9
_ROUNDS = 50  # capping one chance raises the others, which may have to be capped in turn


@dataclass(frozen=True, slots=True)
class Pair:
    """One question with one of its candidates. `question` counts from 0, `rank` from 1 (after scoring); `log_odds` are
    those of p by the calibration that is to be corrected."""

    question: int
    chunk_id: str
    document_id: str
    rank: int
    log_odds: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A pair to ask about, by its place among the pairs, and the chance (0 < chance <= 1) it had of being drawn."""

    pair: int
    chance: float


def log_odds(p: float) -> float:
    """Of a probability (0..1); minus or plus infinity at the ends.

    >>> log_odds(0.5), log_odds(0.0)
    (0.0, -inf)
    """
    return -inf if p <= 0.0 else inf if p >= 1.0 else log(p / (1.0 - p))


def interest(x: Floats, keep_above: float) -> Floats:
    """How much is to be learnt from each passage with these log-odds; adds up to 1.

    Half of it goes to those about which the map is unsure, in proportion to the square of the variance of the answer
    (the variance alone would still go to the many with a small p); a good third to those within about one unit of
    log-odds of the gate; the rest to all alike, so that nothing is left without a chance.
    """
    if x.size == 0:
        return x
    p = sigmoid(x)
    cut = log_odds(keep_above)
    middle = (p * (1.0 - p)) ** 2
    gate = np.exp(-((x - cut) ** 2) / 2.0) if abs(cut) < inf else np.zeros_like(x)
    result = np.full(x.size, _ALIKE / x.size)
    for share, part in ((_MIDDLE, middle), (1.0 - _ALIKE - _MIDDLE, gate)):
        total = float(part.sum())
        result += share * part / total if total > 0.0 else share / x.size
    return result


def chances(pairs: Sequence[Pair], keep_above: float, count: int = COUNT) -> Floats:
    """The chance of each pair to be drawn, in proportion to its interest; they add up to `count`, or to all pairs.

    No pair has more than 1, no question more than `MOST_A_QUESTION` (as far as there are questions enough).
    """
    if len(pairs) <= count:
        return np.ones(len(pairs))
    owner = np.unique([pair.question for pair in pairs], return_inverse=True)[1]
    most = max(MOST_A_QUESTION, count / (int(owner.max()) + 1))
    result = count * interest(np.asarray([pair.log_odds for pair in pairs]), keep_above)
    for _ in range(_ROUNDS):
        sums = np.bincount(owner, result)
        result = np.minimum(result * np.minimum(1.0, most / sums)[owner], 1.0)
        short = count - float(result.sum())
        if short < 1e-9:
            return result
        free = (result < 1.0) & (np.bincount(owner, result)[owner] < most - 1e-12)
        if not free.any():
            free = result < 1.0  # questions with too few passages of their own: the others fill up
        result[free] *= 1.0 + short / result[free].sum()
    return np.minimum(result, 1.0)


def choose(pairs: Sequence[Pair], keep_above: float, *, count: int = COUNT, seed: int = 0) -> tuple[Asked, ...]:
    """Pairs to ask about, in the order to ask; fewer than `count` where there are not so many."""
    each = chances(pairs, keep_above, count)
    rng = np.random.default_rng(seed)
    drawn = _pivotal(each, _Nearness(pairs), rng)
    asked = [Asked(int(place), float(each[place])) for place in drawn]
    return tuple(asked[int(i)] for i in rng.permutation(len(asked)))


class _Nearness:
    """How far apart two pairs are, as a squared distance. A step of 1: another document, twice as much: another
    question, 2 of log-odds, 10 ranks."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._at = np.asarray([(pair.log_odds / 2.0, pair.rank / 10.0) for pair in pairs]).reshape(-1, 2)
        self._question = np.asarray([pair.question for pair in pairs])
        self._document = np.unique([pair.document_id for pair in pairs], return_inverse=True)[1]

    def nearest(self, one: int, others: Ints) -> int:
        """The one of `others` (places, without `one`) that is nearest."""
        apart = ((self._at[others] - self._at[one]) ** 2).sum(axis=1)
        apart += 2.0 * (self._question[others] != self._question[one])
        apart += self._document[others] != self._document[one]
        return int(others[int(np.argmin(apart))])


def _pivotal(each: Floats, near: _Nearness, rng: np.random.Generator) -> Ints:
    """The places drawn. In each step two neighbours share out their chances, until one of them is in or out."""
    left = each.copy()
    open_ = np.flatnonzero((left > _CLOSE) & (left < 1.0 - _CLOSE))
    while open_.size > 1:
        one = int(rng.choice(open_))
        other = near.nearest(one, open_[open_ != one])
        a, b = left[one], left[other]
        if a + b < 1.0:
            winner, loser = (one, other) if rng.random() < a / (a + b) else (other, one)
            left[winner], left[loser] = a + b, 0.0
        else:
            winner, loser = (one, other) if rng.random() < (1.0 - b) / (2.0 - a - b) else (other, one)
            left[winner], left[loser] = 1.0, a + b - 1.0
        open_ = open_[(left[open_] > _CLOSE) & (left[open_] < 1.0 - _CLOSE)]
    for last in open_:
        left[last] = float(rng.random() < left[last])  # the chances add up to a whole number only as far as rounding
    return np.flatnonzero(left > 0.5)
