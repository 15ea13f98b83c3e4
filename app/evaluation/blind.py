"""Blind votes counted: which of two sides is preferred, and whether that is more than chance. Pure.

The tally is looked at after every vote, and a test meant for one look would sooner or later call chance a preference.
So the interval is an exact confidence sequence: with 95 % certainty it holds the true share at *all* looks together.
It inverts the mixture martingale of the binomial with a uniform prior (H. Robbins, Statistical methods related to the
law of the iterated logarithm, Annals of Mathematical Statistics 41, 1970; J. Ville 1939 for the bound). The sign test
(exact, two-sided; W. Dixon and A. Mood, JASA 41, 1946) is shown beside it, for a number of votes fixed beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb, lgamma, log

from app.evaluation.votes import Blind, BlindSide, Vote

LEVEL = 0.95
NARROW = 0.3  # an interval this narrow around one half says that there is little to prefer
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Tally:
    """Blind votes between two sides. `shown`: a side refused, which only a gate does, so the vote was not blind; such
    votes are in none of the other counts. `elsewhere`: blind votes of this library between other sides."""

    first: int = 0
    second: int = 0
    equal: int = 0
    bad: int = 0
    shown: int = 0
    elsewhere: int = 0

    @property
    def decided(self) -> int:
        return self.first + self.second


def count(votes: Iterable[Vote], first: BlindSide, second: BlindSide) -> Tally:
    """The votes between these two sides, whichever stood first. Sides are the same where arm, scorer, retrieval mode
    and number of candidates are; the gate's settings may differ from vote to vote (they are in the traces)."""
    counts = dict.fromkeys(("first", "second", "equal", "bad", "shown", "elsewhere"), 0)
    wanted = (first, second)
    for vote in votes:
        if vote.blind is None:
            continue
        pair = (vote.blind.first, vote.blind.second)
        if pair not in (wanted, wanted[::-1]):
            counts["elsewhere"] += 1
        elif _was_shown(vote.blind, vote):
            counts["shown"] += 1
        else:
            counts[vote.blind.choice if pair == wanted else _SWAPPED[vote.blind.choice]] += 1
    return Tally(**counts)


_SWAPPED = {"first": "second", "second": "first", "equal": "equal", "bad": "bad"}


def _was_shown(blind: Blind, vote: Vote) -> bool:
    return "refused" in (vote.trace["gate"]["outcome"], blind.first_trace["gate"]["outcome"])


def sign_test(wins: int, losses: int) -> float:
    """The exact two-sided sign test: how often coin tosses come out at least this uneven. 1.0 without votes.

    >>> sign_test(7, 3), sign_test(9, 1)
    (0.34375, 0.021484375)
    """
    n, most = wins + losses, max(wins, losses)
    extreme: int = 2 * sum(comb(n, k) for k in range(most, n + 1))
    return float(min(1.0, extreme / (1 << n)))


def share_interval(wins: int, losses: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Where the true share of wins lies (0..1), held at all looks together with probability `level`; see the module.

    >>> low, high = share_interval(7, 3)
    >>> round(low, 2), round(high, 2)
    (0.27, 0.96)
    """
    n = wins + losses
    limit = -log(1 - level)
    mixture = lgamma(wins + 1) + lgamma(losses + 1) - lgamma(n + 2)

    def outside(share: float) -> bool:
        likelihood = sum(k * log(x) for k, x in ((wins, share), (losses, 1 - share)) if k)
        return mixture - likelihood >= limit

    def edge(out: float, within: float) -> float:
        for _ in range(_HALVINGS):
            middle = (out + within) / 2
            out, within = (middle, within) if outside(middle) else (out, middle)
        return out

    best = wins / n if n else 0.5
    tiny = 1e-12
    low = edge(tiny, best) if wins and outside(tiny) else 0.0
    high = edge(1 - tiny, best) if losses and outside(1 - tiny) else 1.0
    return low, high


def in_words(tally: Tally, first: str, second: str) -> str:
    """`7 of 10 blind votes for reranking; too few to tell.` The names are what the sides are called."""
    others = [f"{n} {said}" for n, said in ((tally.equal, "equally good"), (tally.bad, "both bad")) if n]
    tail = f" Also: {', '.join(others)}." if others else ""
    if not tally.decided:
        said = "No blind vote prefers either side yet." if others else "No blind votes between these two sides yet."
        return said + tail
    ahead, name = max((tally.second, second), (tally.first, first), key=lambda pair: pair[0])
    low, high = share_interval(ahead, tally.decided - ahead)
    if low > 0.5:
        verdict = ": preferred beyond chance"
    elif high - low <= NARROW:
        verdict = "; no clear preference"
    else:
        verdict = "; too few to tell"
    votes = "blind vote" if tally.decided == 1 else "blind votes"
    whom = f"{name}" if tally.first != tally.second else "either side"
    return f"{ahead} of {tally.decided} {votes} for {whom}{verdict}.{tail}"


def behind_it(tally: Tally, first: str, second: str) -> str:
    """What the words rest on: interval, sign test, and the votes that were left out."""
    parts = []
    if tally.decided:
        ahead, name = max((tally.second, second), (tally.first, first), key=lambda pair: pair[0])
        low, high = share_interval(ahead, tally.decided - ahead)
        p = sign_test(tally.first, tally.second)
        parts.append(
            f"Of 100 such votes between {low * 100:.0f} and {high * 100:.0f} would go to {name} (95 %, however often "
            f"one looks). Sign test: p {p:.3f}, if the number of votes was fixed beforehand."
        )
    if tally.shown:
        parts.append(
            f"Left out: {tally.shown} in which a side refused, which only a gate does, so that it was not blind."
        )
    if tally.elsewhere:
        parts.append(f"Counted apart: {tally.elsewhere} between other sides.")
    return " ".join(parts)
