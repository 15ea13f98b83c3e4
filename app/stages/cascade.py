"""A first look before the reranker: a cheap scorer over all candidates, or the search's own evidence. Pure.

Two uses. In a cascade only the best of the first look go on to the second scorer. Its scores and the first one's are
never compared: what it did not see stays behind all that it saw, in the first one's order, without a score or p of its
own, and the gate lets none of it through. And where the first look's best leads the next by a margin in p, the second
scorer need not be asked at all: then the first look's order, p and gate policy hold, as if it had been chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain import FirstLook, Judgement, Score
from app.ports import Calibration, Scorer


@dataclass(frozen=True, slots=True)
class Looked:
    """What the first look made of one question: `scores` follow the candidates (none for evidence), `calibration` is
    the one `judgement` came from, `account` what the trace says of it."""

    judgement: Judgement
    calibration: Calibration
    account: FirstLook
    scorer: Scorer | None = None
    scores: tuple[Score, ...] = ()


def best_of(judgement: Judgement, count: int | None) -> tuple[int, ...]:
    """Candidates (0-based) that go on, in retrieval order: the `count` best, or all."""
    return tuple(sorted(judgement.order if count is None else judgement.order[:count]))


def spread(scores: Sequence[Score], places: Sequence[int], count: int) -> list[Score]:
    """The scores of some places among `count`, with none at the others.

    >>> [s.raw for s in spread([Score(2.0), Score(1.0)], [0, 3], 4)]
    [2.0, None, None, 1.0]
    """
    by_place = dict(zip(places, scores, strict=True))
    return [by_place.get(place, Score(None)) for place in range(count)]


def behind(judgement: Judgement, seen: Sequence[int], first: Judgement) -> tuple[int, ...]:
    """The order of a cascade: what the second scorer saw, in its order, then the rest in the first one's."""
    known = set(seen)
    return (*(i for i in judgement.order if i in known), *(i for i in first.order if i not in known))


def lead(judgement: Judgement) -> float | None:
    """By how much the first one's p leads the next one's, 0..1; None without two p's: raw scores have no margin that
    means the same for another question.

    >>> lead(Judgement((0.2, 0.9, 0.5), (None,) * 3, (1, 2, 0), None))
    0.4
    """
    likely = [judgement.p[i] for i in judgement.order[:2]]
    if len(likely) < 2 or likely[0] is None or likely[1] is None:
        return None
    return round(likely[0] - likely[1], 12)
