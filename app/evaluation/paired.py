"""Two configurations on the same questions: the difference, whether it is noise, and how many questions would tell.

The interval says how large the difference is; the sign-flip test must agree before anything is called a difference,
because on few changed questions a bootstrap is too sure of itself (Urbano, Lima and Hanjalic, SIGIR 2019; four
questions moved the same way give p = 1/8, whatever the bootstrap says). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from app.evaluation.intervals import DRAWS, LEVEL, SEED, Estimate, mean_interval

Floats = npt.NDArray[np.float64]

TIE = 0.001  # less than this between two measures of one question is a tie
_EXACT = 14  # with so many changed questions all 2^n sign patterns are counted
_FLIPS = 10_000
_BLOCK = 1_000


@dataclass(frozen=True, slots=True)
class Move:
    """A question that changed."""

    id: str
    before: float
    after: float

    @property
    def change(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Difference:
    """`after` minus `before` over the same questions. `p_value` is the sign-flip test's, two-sided.

    `spread` is the standard deviation of the differences (0.0 for one question).
    """

    before: Estimate
    after: Estimate
    change: Estimate
    p_value: float
    wins: int
    losses: int
    ties: int
    spread: float

    @property
    def better(self) -> bool:
        """Beyond noise: the interval and the test agree."""
        return self.change.above_zero and self.p_value <= 1.0 - LEVEL

    @property
    def worse(self) -> bool:
        return self.change.below_zero and self.p_value <= 1.0 - LEVEL


def compare_paired(
    before: Mapping[str, float], after: Mapping[str, float], *, tie: float = TIE, draws: int = DRAWS, seed: int = SEED
) -> Difference | None:
    """Compare a measure question by question, over the questions both have; None when they share none."""
    shared = [i for i in before if i in after]
    if not shared:
        return None
    a = np.asarray([before[i] for i in shared], dtype=np.float64)
    b = np.asarray([after[i] for i in shared], dtype=np.float64)
    change = b - a
    estimates = [mean_interval(values, draws=draws, seed=seed) for values in (a, b, change)]
    first, second, third = (e for e in estimates if e is not None)
    wins, losses = int((change > tie).sum()), int((change < -tie).sum())
    return Difference(
        before=first,
        after=second,
        change=third,
        p_value=sign_flip_test(change, seed=seed),
        wins=wins,
        losses=losses,
        ties=len(shared) - wins - losses,
        spread=float(change.std(ddof=1)) if len(shared) > 1 else 0.0,
    )


def moved_most(
    before: Mapping[str, float], after: Mapping[str, float], count: int = 10, *, tie: float = TIE
) -> list[Move]:
    """The questions that changed most, up or down, largest change first; ties are left out, equals go by id."""
    moves = [Move(i, before[i], after[i]) for i in before if i in after]
    changed = [m for m in moves if abs(m.change) > tie]
    return sorted(changed, key=lambda m: (-abs(m.change), m.id))[:count]


def sign_flip_test(differences: Sequence[float] | Floats, *, flips: int = _FLIPS, seed: int = SEED) -> float:
    """Two-sided p-value (0..1] of the paired permutation test on the mean difference.

    If the two configurations were interchangeable, every difference could as well have had the other sign: the share
    of sign patterns whose sum is at least as far from zero as the observed one (R. Fisher 1935; Smucker, Allan and
    Carterette, CIKM 2007). All patterns up to 14 changed questions, else `flips` random ones with the observed one
    counted in (Phipson and Smyth 2010), so p is never 0.

    >>> sign_flip_test([0.5, 0.5, 0.5, 0.0])
    0.25
    """
    data = np.asarray(differences, dtype=np.float64)
    data = data[data != 0.0]
    if data.size == 0:
        return 1.0
    observed = abs(float(data.sum())) - 1e-9 * float(np.abs(data).sum())  # equal sums count, rounding or not
    if data.size <= _EXACT:
        patterns = np.arange(2**data.size)[:, None] >> np.arange(data.size) & 1
        return float(np.mean(np.abs((1.0 - 2.0 * patterns) @ data) >= observed))
    rng = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, flips, _BLOCK):
        signs = 1.0 - 2.0 * rng.integers(2, size=(min(_BLOCK, flips - start), data.size))
        extreme += int((np.abs(signs @ data) >= observed).sum())
    return (extreme + 1) / (flips + 1)


def questions_needed(difference: float, spread: float, *, matters: float = 0.0, power: float = 0.8) -> int | None:
    """How many questions (in all) would settle it, if difference and spread stayed as observed; None for never.

    n = ((z_0.975 + z_power) * spread / d)^2 (J. Cohen 1988; for retrieval T. Sakai, Topic set size design, Information
    Retrieval Journal 19, 2016): the number at which the 95 % interval leaves zero out with probability `power`; at
    power 0.5 it is where the observed difference would just do so. With `matters` > 0 it also settles to know that the
    gain is below that, so d is the farther of zero and `matters`.

    >>> questions_needed(0.1, 0.3, power=0.5)
    35
    """
    distance = abs(difference) if matters <= 0.0 else max(difference, matters - difference)
    if distance == 0.0:
        return None
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + LEVEL / 2.0) + normal.inv_cdf(power)
    return max(2, ceil((z * spread / distance) ** 2))
