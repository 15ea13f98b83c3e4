"""How a question is to be handled, and where its gate stands: what a person may choose for each question."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from app.domain import Filter, GatePolicy, RetrievalMode
from app.stages.fields import DEFAULT_FIELDS, Fields
from app.stages.score import FailurePolicy


@dataclass(frozen=True, slots=True)
class GateChoice:
    """What a person set on the gate; None leaves the calibration's value. 0.0 is a value."""

    answer_above: float | None = None
    keep_above: float | None = None
    raw_keep_above: float | None = None
    min_chunks: int | None = None
    max_chunks: int | None = None
    rescue_ratio: float | None = None
    ratio_to_top: float | None = None
    duplicate_above: float | None = None

    def over(self, defaults: GatePolicy, *, token_budget: int) -> GatePolicy:
        """The calibration's policy with this choice laid over it."""
        chosen = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}
        policy = replace(defaults, **chosen, token_budget=token_budget)
        return replace(policy, min_chunks=min(policy.min_chunks, policy.max_chunks))


@dataclass(frozen=True, slots=True)
class Options:
    """How one question is to be handled. `library` names what is searched; the rest is design.md section 2."""

    library: str
    reranker: str = "auto"
    reranker_policy: FailurePolicy = "fallback"
    reranker_fallback: str = "auto"
    retrieval: RetrievalMode = "hybrid"
    candidates: int = 20
    where: Filter = ()
    fields: Fields = DEFAULT_FIELDS
    early_stop: int = 0
    skip_margin: float | None = None
    gate: GateChoice = field(default_factory=GateChoice)
