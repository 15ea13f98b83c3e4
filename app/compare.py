"""Compare: one frozen candidate set, four arms, equal passage counts (design.md section 2).

off       the first n by retrieval order, ungated
reranked  the first n after scoring, ungated
gated     what the gate admits; it sets n (or max_chunks where it refused)
evidence  the first n by the calibration's retrieval features without the scorer
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from app.domain import GateResult, Judged, Scored, Trace, Turn
from app.pipeline import GateChoice, Pipeline
from app.stages import gate as gate_stage
from app.stages.context import passage_cost
from app.trace_json import SCHEMA, trace_to_json

Arm = Literal["off", "reranked", "gated", "evidence"]
ARMS: tuple[Arm, ...] = ("off", "reranked", "gated", "evidence")
_REASONS: Mapping[str, str] = {
    "off": "first by retrieval order; nothing was gated",
    "reranked": "first after reranking; nothing was gated",
    "evidence": "first by retrieval evidence, without the reranker; nothing was gated",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The arms of one question. `promoted` and `dropped` are chunk ids of the gated arm against `off`.

    `kendall_tau` (-1..1) compares the order before and after over all candidates; 1 means nothing changed.
    """

    arms: Mapping[Arm, Trace]
    kendall_tau: float | None
    promoted: tuple[str, ...]
    dropped: tuple[str, ...]
    changed_nothing: bool


def decide_arms(
    pipeline: Pipeline,
    judged: Judged,
    choice: GateChoice,
    history: Sequence[Turn] = (),
    *,
    count: int | None = None,
) -> dict[Arm, GateResult]:
    """The decisions of the four arms, without answers. `count`: n for the ungated arms; None: the gate sets it."""
    gated = pipeline.decide(judged, choice, history=history)
    policy = gated.policy
    if count is None:
        count = passages_of(gated)
    off = in_retrieval_order(judged)
    ungated = {"off": off, "reranked": judged.scored, "evidence": judged.evidence}
    arms: dict[Arm, GateResult] = {"gated": gated}
    for name, scored in ungated.items():
        arms[name] = gate_stage.first(scored, count, policy, cost=passage_cost, reason=_REASONS[name])  # type: ignore[index]
    return {arm: arms[arm] for arm in ARMS}


def passages_of(gated: GateResult) -> int:
    """n: as many passages as the gate admitted, or as it may admit where it refused."""
    return len(gated.admitted) or gated.policy.max_chunks


def in_retrieval_order(judged: Judged) -> tuple[Scored, ...]:
    """The candidates as retrieval ranked them, without the scores: what "without reranking" sees."""
    return tuple(
        Scored(candidate, rank, raw_score=None) for rank, candidate in enumerate(judged.retrieved.candidates, 1)
    )


def compare(
    pipeline: Pipeline,
    judged: Judged,
    choice: GateChoice,
    *,
    history: Sequence[Turn] = (),
    arms: Sequence[Arm] = ARMS,
    answers: bool = True,
    on_text: Callable[[Arm, str], None] | None = None,
    count: int | None = None,
) -> Comparison:
    """Run the arms on one judged question; `answers=False` leaves the answers (and a chat model's bill) out.

    `on_text` gets each arm's answer piece by piece; `count` as for `decide_arms`.
    """
    decided = decide_arms(pipeline, judged, choice, history, count=count)
    traces: dict[Arm, Trace] = {}
    for arm in arms:
        seen = judged if arm in ("gated", "reranked") else _without_scores(judged, arm)
        if answers:
            heard = None if on_text is None else partial(on_text, arm)
            traces[arm] = pipeline.complete(seen, decided[arm], history=history, on_text=heard)
        else:
            gate = decided[arm]
            library = judged.retrieved.library.name
            context = pipeline.context(gate, library) if gate.outcome != "refused" else None
            traces[arm] = pipeline.trace(seen, gate, context, None, dict(seen.timings_ms))
    return summarise(traces, decided, judged)


def summarise(traces: Mapping[Arm, Trace], decided: Mapping[Arm, GateResult], judged: Judged) -> Comparison:
    """What changed between the arms."""
    off = [d.scored.candidate.chunk.id for d in decided["off"].admitted]
    gated = [d.scored.candidate.chunk.id for d in decided["gated"].admitted]
    tau = kendall_tau([s.candidate.rank_before for s in judged.scored])
    return Comparison(
        arms=dict(traces),
        kendall_tau=tau,
        promoted=tuple(i for i in gated if i not in off),
        dropped=tuple(i for i in off if i not in gated),
        changed_nothing=not decided["gated"].changed_order,
    )


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two arms side by side. `tokens` and `ms` are right minus left; `passages` is the larger of the two counts.

    `only_left` and `only_right` are chunk ids that reached one side's context alone. `common` counts the candidates of
    both sides, `found_left` and `found_right` those that one side alone found (0 over one candidate set); only the
    common ones have an order that can be compared. `same_order`: same candidates, ordered alike.
    """

    only_left: tuple[str, ...]
    only_right: tuple[str, ...]
    passages: int
    tokens: int
    ms: float
    kendall_tau: float | None
    same_order: bool
    common: int
    found_left: int
    found_right: int

    @property
    def same_candidates(self) -> bool:
        return self.found_left == self.found_right == 0

    @property
    def differ(self) -> int:
        """How many of the passages differ."""
        return max(len(self.only_left), len(self.only_right))


def contrast(left: Trace, right: Trace) -> Contrast:
    """What changes from one arm to another, over the same candidates or over those that both sides found."""
    ours, theirs = (tuple(d.scored.candidate.chunk.id for d in t.gate.admitted) for t in (left, right))
    place = {d.scored.candidate.chunk.id: n for n, d in enumerate(left.gate.decisions)}
    found = [d.scored.candidate.chunk.id for d in right.gate.decisions]
    order = [place[chunk] for chunk in found if chunk in place]
    left_tokens, right_tokens = (0 if t.context is None else t.context.tokens for t in (left, right))
    return Contrast(
        only_left=tuple(i for i in ours if i not in theirs),
        only_right=tuple(i for i in theirs if i not in ours),
        passages=max(len(ours), len(theirs)),
        tokens=right_tokens - left_tokens,
        ms=right.timings_ms.get("total", 0.0) - left.timings_ms.get("total", 0.0),
        kendall_tau=kendall_tau(order),
        same_order=len(order) == len(found) == len(place) and order == sorted(order),
        common=len(order),
        found_left=len(place) - len(order),
        found_right=len(found) - len(order),
    )


def kendall_tau(order: Sequence[int]) -> float | None:
    """Kendall's tau between an order and the sorted one (no ties): (concordant - discordant) / pairs.

    M. Kendall, A new measure of rank correlation, Biometrika 1938. None below two items.

    >>> kendall_tau([1, 2, 3]), kendall_tau([3, 2, 1])
    (1.0, -1.0)
    """
    n = len(order)
    if n < 2:
        return None
    signs = [1 if order[j] > order[i] else -1 for i in range(n) for j in range(i + 1, n)]
    return sum(signs) / len(signs)


def _without_scores(judged: Judged, arm: Arm) -> Judged:
    """What the arm knew: the scorer did not run for `off` and `evidence`, so it is not in their trace, their time or
    their cost."""
    scored = in_retrieval_order(judged) if arm == "off" else judged.evidence
    run = replace(judged.run, status="skipped", used=None, reason=_REASONS[arm])
    timings = {stage: ms for stage, ms in judged.timings_ms.items() if stage != "score"}
    used = tuple(usage for usage in judged.used if usage.stage != "score")
    return replace(judged, scored=scored, run=run, timings_ms=timings, used=used)


def comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    """Schema 1 of `sluice compare --json`."""
    return {
        "schema": SCHEMA,
        "arms": {arm: trace_to_json(trace) for arm, trace in comparison.arms.items()},
        "kendall_tau": comparison.kendall_tau,
        "promoted": list(comparison.promoted),
        "dropped": list(comparison.dropped),
        "changed_nothing": comparison.changed_nothing,
    }
