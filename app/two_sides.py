"""Any two configurations side by side: what differs between the sides is chosen, all else stays as it is.

Sides that search alike share one frozen candidate set, as in `app.compare`; a side without reranking then takes the
candidates of the other. Sides that search differently have candidate sets of their own. There are as many passages on
an ungated side as on a gated one beside it; two gated sides have what each gate admits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from app.compare import Arm, compare, decide_arms, passages_of
from app.domain import Judged, RetrievalMode, Trace
from app.pipeline import Options, Pipeline

Place = Literal["left", "right"]
Heard = Callable[[Place, str], None]


@dataclass(frozen=True, slots=True)
class Side:
    """One side: an arm, and what it has otherwise than the settings (None: as they are). `arm` is also whether there is
    a gate: "gated" or "reranked"."""

    arm: Arm
    reranker: str | None = None
    retrieval: RetrievalMode | None = None
    candidates: int | None = None

    def over(self, base: Options) -> Side:
        """The side with nothing left open; two sides are the same where these are. The reranker of a side on which
        none runs does not count."""
        return Side(
            self.arm,
            None if self.arm == "off" else self.reranker or base.reranker,
            self.retrieval or base.retrieval,
            base.candidates if self.candidates is None else self.candidates,
        )


@dataclass(frozen=True, slots=True)
class TwoSides:
    """Both sides of one question, answered."""

    left: Trace
    right: Trace


def options_of(side: Side, base: Options) -> Options:
    """The options of a side. Thresholds belong to the scorer they were set for: another one has its own."""
    full = side.over(base)
    gate = base.gate
    reranker = full.reranker or base.reranker
    if reranker != base.reranker:
        gate = replace(gate, answer_above=None, keep_above=None, raw_keep_above=None)
    return replace(
        base,
        reranker=reranker,
        retrieval=full.retrieval or base.retrieval,
        candidates=base.candidates if full.candidates is None else full.candidates,
        gate=gate,
    )


def search_alike(left: Side, right: Side, base: Options) -> bool:
    """Whether both sides have the same candidates."""
    ours, theirs = left.over(base), right.over(base)
    return (ours.retrieval, ours.candidates) == (theirs.retrieval, theirs.candidates)


def run(
    pipeline: Pipeline,
    question: str,
    base: Options,
    left: Side,
    right: Side,
    *,
    on_text: Heard | None = None,
) -> TwoSides:
    """Ask both sides; `on_text` gets each answer piece by piece. Raises what `Pipeline.judge` raises."""
    ours, theirs = _searched_with(left, right, base)
    left_judged = pipeline.judge(question, ours)
    right_judged = left_judged if ours == theirs else pipeline.judge(question, theirs)
    count = _count(pipeline, (left, left_judged, ours), (right, right_judged, theirs))

    def answered(place: Place, side: Side, judged: Judged, options: Options) -> Trace:
        hear = None if on_text is None else partial(_heard, on_text, place)
        return compare(pipeline, judged, options.gate, arms=(side.arm,), on_text=hear, count=count).arms[side.arm]

    return TwoSides(answered("left", left, left_judged, ours), answered("right", right, right_judged, theirs))


def _searched_with(left: Side, right: Side, base: Options) -> tuple[Options, Options]:
    """The options both sides are judged with; equal where one judged question serves both. A side on which nothing
    scores needs no scorer of its own: it takes the other's candidates, or its own without scores."""
    ours, theirs = options_of(left, base), options_of(right, base)
    alike = search_alike(left, right, base)
    if left.arm == "off":
        ours = theirs if alike else replace(ours, reranker="none")
    elif right.arm == "off":
        theirs = ours if alike else replace(theirs, reranker="none")
    return ours, theirs


def _heard(on_text: Heard, place: Place, arm: Arm, piece: str) -> None:
    del arm
    on_text(place, piece)


def _count(pipeline: Pipeline, *sides: tuple[Side, Judged, Options]) -> int:
    """How many passages an ungated side gets: as many as the gated one, else as the right side's gate would admit."""
    _, judged, options = next((each for each in sides if each[0].arm == "gated"), sides[-1])
    return passages_of(decide_arms(pipeline, judged, options.gate)["gated"])
