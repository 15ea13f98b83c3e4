"""The gate: one decision a candidate, with a reason. Pure; the rules and their order are design.md section 3.

1. NOT_SCORED          the scorer gave this passage no score, or never saw it (the tail of a cascade)
2. answerable?         p_answerable < answer_above refuses the question: everything else is BELOW_THRESHOLD
3. down the new order  DUPLICATE, OVER_BUDGET, OVER_MAX, BELOW_THRESHOLD, BELOW_RATIO, else KEPT (or KEPT_BY_RANK)
4. RESCUED             fewer than min_chunks kept: the next best at rescue_ratio of the best, listed last

Boundaries are inclusive: a value equal to its threshold is let through.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.counting import counted
from app.domain import (
    Chunk,
    Decision,
    DecisionKind,
    GatePolicy,
    GateResult,
    Refusal,
    RefusalCode,
    Scale,
    Scored,
    ScorerRun,
)
from app.errors import ProviderNonsense
from app.words import containment, numbers_and_names

Cost = Callable[[Chunk], int]
Basis = Literal["p", "raw", "rank"]
NEAREST = 3  # near misses shown with a refusal, and let through when the person asks for them


def decide(
    scored: Sequence[Scored],
    policy: GatePolicy,
    *,
    run: ScorerRun,
    p_answerable: float | None,
    cost: Cost,
    library_empty: bool = False,
) -> GateResult:
    """Decide on every candidate. `scored` is in the order after scoring; `cost` is a passage's tokens in the context.

    Raises ProviderNonsense when a score or probability is NaN: a gate never guesses.
    """
    _refuse_nan(scored, p_answerable)
    basis = basis_of(scored, policy, run.scale)
    gate = _Walk(scored, policy, cost, basis, run=run)
    if not scored:
        code = RefusalCode.EMPTY_LIBRARY if library_empty else RefusalCode.NO_CANDIDATES
        return gate.refuse(code, p_answerable)
    if run.status == "failed":
        return gate.refuse(RefusalCode.RERANKER_UNAVAILABLE, p_answerable, note=run.reason or "the reranker failed")
    if policy.answer_above is not None and p_answerable is not None and p_answerable < policy.answer_above:
        return gate.refuse(RefusalCode.BELOW_THRESHOLD, p_answerable)
    gate.walk()
    gate.rescue()
    if not gate.admitted:
        return gate.refuse(RefusalCode.BELOW_THRESHOLD, p_answerable)
    return gate.result("ungated" if run.status == "skipped" else "admitted", p_answerable)


def first(scored: Sequence[Scored], count: int, policy: GatePolicy, *, cost: Cost, reason: str) -> GateResult:
    """An ungated arm of the comparison: the first `count` passages in the order given, within the budget."""
    gate = _Walk(scored, replace(policy, max_chunks=count, duplicate_above=1.0), cost, "rank", rank_reason=reason)
    gate.walk(duplicates=False)
    return gate.result("ungated", None)


def force(refused: GateResult, *, cost: Cost) -> GateResult:
    """Answer from the nearest misses anyway, because the person asked for it; each is marked FORCED."""
    scored = [d.scored for d in refused.decisions]
    wanted = {s.candidate.chunk.id for s in (refused.refusal.nearest if refused.refusal else scored[:NEAREST])}
    spent, decisions = 0, []
    budget = refused.policy.token_budget
    for decision in refused.decisions:
        chunk = decision.scored.candidate.chunk
        if chunk.id not in wanted:
            decisions.append(decision)
        elif budget is not None and spent + cost(chunk) > budget:
            decisions.append(
                Decision(decision.scored, DecisionKind.OVER_BUDGET, _over_budget(cost(chunk), spent, budget))
            )
        else:
            spent += cost(chunk)
            decisions.append(
                Decision(
                    decision.scored, DecisionKind.FORCED, f"below the gate; let through on request ({decision.reason})"
                )
            )
    return replace(refused, decisions=tuple(decisions), outcome="forced")


def basis_of(scored: Sequence[Scored], policy: GatePolicy, scale: Scale | None) -> Basis:
    """What the threshold is compared with: calibrated p, the raw score (uncalibrated), or nothing but the rank."""
    if any(s.p is not None for s in scored):
        return "p"
    if policy.raw_keep_above is not None and scale not in (None, Scale.RANK_ONLY):
        return "raw"
    return "rank"


@dataclass(slots=True)
class _Admitted:
    words_of: Chunk
    names: frozenset[str]


class _Walk:
    """One pass over the candidates. Holds what has been admitted and spent so far."""

    def __init__(
        self,
        scored: Sequence[Scored],
        policy: GatePolicy,
        cost: Cost,
        basis: Basis,
        *,
        rank_reason: str = "",
        run: ScorerRun | None = None,
    ) -> None:
        """`run`: what became of the scorer; None for an arm that nothing gates."""
        self.scored = tuple(scored)
        self.policy = policy
        self.cost = cost
        self.basis = basis
        self.rank_reason = rank_reason or "kept by rank: this scorer has no calibrated threshold"
        # a scorer that gives ranks names the passages it ranked; `none` names none, and then all go by rank
        self.needs_score = run is not None and (basis != "rank" or any(s.raw_score is not None for s in self.scored))
        self.unscored_reason = (
            "the scorer gave this passage no score"
            if run is None or run.stopped_after is None
            else f"early stopping: scoring ended after {counted(run.stopped_after, 'candidate')}, "
            "the last ones below the gate"
        )
        self.behind_reason = (
            ""
            if run is None or run.first is None
            else f"the cascade ended before it: {run.label} saw the best {run.first.passed_on} of {run.first.label}"
        )
        self.decisions: dict[str, Decision] = {}
        self.admitted: list[_Admitted] = []
        self.spent = 0
        self.best = max((v for s in self.scored if (v := self._value(s)) is not None), default=0.0)

    # -- the steps -------------------------------------------------------------------------------

    def walk(self, *, duplicates: bool = True) -> None:
        for scored in self.scored:
            self._record(self._judge(scored, duplicates=duplicates))

    def rescue(self) -> None:
        # a ratio to the best means nothing on ranks, nor on scores that may be negative
        if self.basis == "rank" or self.best <= 0:
            return
        floor = self.policy.rescue_ratio * self.best
        for scored in self.scored:
            if len(self.admitted) >= min(self.policy.min_chunks, self.policy.max_chunks):
                return
            decision = self.decisions[scored.candidate.chunk.id]
            value = self._value(scored)
            if decision.kind not in (DecisionKind.BELOW_THRESHOLD, DecisionKind.BELOW_RATIO) or value is None:
                continue
            if value < floor:
                continue
            blocked = self._duplicate(scored) or self._too_large(scored)
            self._record(
                blocked
                or Decision(
                    scored,
                    DecisionKind.RESCUED,
                    f"rescued to reach {counted(self.policy.min_chunks, 'passage')}: {self._named(value)} is at least "
                    f"{self.policy.rescue_ratio:.0%} of the best ({self.best:.2f})",
                )
            )

    def refuse(self, code: RefusalCode, p_answerable: float | None, *, note: str = "") -> GateResult:
        nearest = self.scored[:NEAREST]
        failed = code is RefusalCode.RERANKER_UNAVAILABLE
        self.decisions.clear()
        for scored in self.scored:
            if failed or not self._was_scored(scored):
                decision = Decision(scored, DecisionKind.NOT_SCORED, note or self._why_unscored(scored))
            else:
                decision = Decision(scored, DecisionKind.BELOW_THRESHOLD, self._refused_reason(p_answerable))
            self.decisions[scored.candidate.chunk.id] = decision
        message = {
            RefusalCode.EMPTY_LIBRARY: "The library is empty.",
            RefusalCode.NO_CANDIDATES: "Retrieval found no passage for this question.",
            RefusalCode.BELOW_THRESHOLD: "The library does not seem to answer this.",
            RefusalCode.RERANKER_UNAVAILABLE: f"The reranker is unavailable: {note}",
        }[code]
        return self.result("refused", p_answerable, Refusal(code, message, nearest))

    def result(
        self,
        outcome: Literal["admitted", "refused", "ungated"],
        p_answerable: float | None,
        refusal: Refusal | None = None,
    ) -> GateResult:
        before = [s.candidate.rank_before for s in self.scored]
        return GateResult(
            decisions=tuple(self.decisions[s.candidate.chunk.id] for s in self.scored),
            policy=self.policy,
            p_answerable=p_answerable,
            outcome=outcome,
            changed_order=before != sorted(before),
            refusal=refusal,
        )

    # -- one candidate ---------------------------------------------------------------------------

    def _judge(self, scored: Scored, *, duplicates: bool) -> Decision:
        if not self._was_scored(scored):
            return Decision(scored, DecisionKind.NOT_SCORED, self._why_unscored(scored))
        blocked = (self._duplicate(scored) if duplicates else None) or self._too_large(scored)
        if blocked is not None:
            return blocked
        if len(self.admitted) >= self.policy.max_chunks:
            return Decision(
                scored,
                DecisionKind.OVER_MAX,
                f"{counted(self.policy.max_chunks, 'passage is', 'passages are')} already through",
            )
        value = self._value(scored)
        if value is None:
            return Decision(scored, DecisionKind.KEPT_BY_RANK, self.rank_reason)
        threshold = self.policy.keep_above if self.basis == "p" else self.policy.raw_keep_above
        if threshold is not None and value < threshold:
            return Decision(scored, DecisionKind.BELOW_THRESHOLD, self._below(value, threshold))
        ratio = self.policy.ratio_to_top
        if ratio is not None and self.best > 0 and value < ratio * self.best:
            return Decision(
                scored,
                DecisionKind.BELOW_RATIO,
                f"{self._named(value)} is below {ratio:.0%} of the best ({self.best:.2f})",
            )
        reached = "no threshold is set" if threshold is None else f"at least {threshold:.2f}"
        return Decision(scored, DecisionKind.KEPT, f"{self._named(value)}: {reached}")

    def _duplicate(self, scored: Scored) -> Decision | None:
        chunk = scored.candidate.chunk
        names = numbers_and_names(chunk.text)
        for other in self.admitted:
            # another year's table is not a duplicate: what it says with other figures or names is new
            if names <= other.names and containment(chunk.text, other.words_of.text) > self.policy.duplicate_above:
                return Decision(
                    scored,
                    DecisionKind.DUPLICATE,
                    "says the same as a passage that is already through",
                    duplicate_of=other.words_of.id,
                )
        return None

    def _too_large(self, scored: Scored) -> Decision | None:
        budget, cost = self.policy.token_budget, self.cost(scored.candidate.chunk)
        if budget is None or self.spent + cost <= budget:
            return None
        return Decision(scored, DecisionKind.OVER_BUDGET, _over_budget(cost, self.spent, budget))

    def _record(self, decision: Decision) -> None:
        chunk = decision.scored.candidate.chunk
        self.decisions[chunk.id] = decision
        if decision.kind.admits:
            self.spent += self.cost(chunk)
            self.admitted.append(_Admitted(chunk, frozenset(numbers_and_names(chunk.text))))

    def _was_scored(self, scored: Scored) -> bool:
        if not self.needs_score:
            return True
        value = scored.raw_score if self.basis == "rank" else self._value(scored)
        return scored.passed_on and value is not None

    def _why_unscored(self, scored: Scored) -> str:
        return self.unscored_reason if scored.passed_on else self.behind_reason

    def _value(self, scored: Scored) -> float | None:
        return {"p": scored.p, "raw": scored.raw_score, "rank": None}[self.basis]

    def _named(self, value: float, digits: int = 2) -> str:
        return f"p {value:.{digits}f}" if self.basis == "p" else f"score {value:.{digits}f} (raw, uncalibrated)"

    def _below(self, value: float, threshold: float) -> str:
        # as many digits as it takes to see that one is below the other
        digits = next((n for n in (2, 3, 4) if f"{value:.{n}f}" != f"{threshold:.{n}f}"), 6)
        return f"{self._named(value, digits)} is below {threshold:.{digits}f}"

    def _refused_reason(self, p_answerable: float | None) -> str:
        above = self.policy.answer_above
        if p_answerable is not None and above is not None and p_answerable < above:
            return f"question refused: {p_answerable:.2f} that the library answers it, the gate asks for {above:.2f}"
        return "nothing reached the gate"


def _over_budget(cost: int, spent: int, budget: int) -> str:
    return f"{cost} tokens do not fit: {spent} of {budget} are taken"


def _refuse_nan(scored: Sequence[Scored], p_answerable: float | None) -> None:
    values = [p_answerable, *(s.p for s in scored), *(s.raw_score for s in scored)]
    if any(v is not None and math.isnan(v) for v in values):
        raise ProviderNonsense(
            "A score is not a number; the gate decides nothing on it.",
            hint="Choose another reranker, or run `sluice doctor` to test this one.",
        )
