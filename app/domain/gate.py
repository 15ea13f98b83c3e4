"""What the gate is asked to decide, by which policy, and every decision it takes (design.md section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from app.domain.money import Usage
from app.domain.retrieval import Question, Retrieved
from app.domain.scoring import Scored, ScorerRun


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What clears the gate (design.md section 3). None means "not set", 0.0 is a value.

    `answer_above` and `keep_above` are probabilities 0..1; with an uncalibrated scorer `raw_keep_above` is compared
    with the raw score instead, and without it passages are kept by rank. `rescue_ratio`, `ratio_to_top` and
    `duplicate_above` are shares 0..1. `keeps_relevant` and `answer_note` are the measured errors the page shows.
    """

    answer_above: float | None = None
    keep_above: float | None = None
    raw_keep_above: float | None = None
    min_chunks: int = 3
    max_chunks: int = 5
    rescue_ratio: float = 0.25
    ratio_to_top: float | None = None
    duplicate_above: float = 0.85
    token_budget: int | None = None
    keeps_relevant: float | None = None
    answer_note: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything that is known before the gate decides; moving the gate starts again from here.

    `scored` is in the order after scoring; `evidence` is the same candidates ordered by retrieval evidence alone (the
    fourth arm). `defaults` is the gate policy the calibration proposes. `used`: the paid services it took to get here.
    """

    question: Question
    retrieved: Retrieved
    scored: tuple[Scored, ...]
    run: ScorerRun
    p_answerable: float | None
    defaults: GatePolicy
    evidence: tuple[Scored, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    used: tuple[Usage, ...] = ()


class DecisionKind(StrEnum):
    """What the gate did with one candidate."""

    NOT_SCORED = "NOT_SCORED"
    DUPLICATE = "DUPLICATE"
    OVER_BUDGET = "OVER_BUDGET"
    OVER_MAX = "OVER_MAX"
    BELOW_THRESHOLD = "BELOW_THRESHOLD"
    BELOW_RATIO = "BELOW_RATIO"
    KEPT = "KEPT"
    KEPT_BY_RANK = "KEPT_BY_RANK"
    RESCUED = "RESCUED"
    FORCED = "FORCED"  # below the gate; the person asked for it

    @property
    def admits(self) -> bool:
        return self in _ADMITTING


_ADMITTING = frozenset({DecisionKind.KEPT, DecisionKind.KEPT_BY_RANK, DecisionKind.RESCUED, DecisionKind.FORCED})


@dataclass(frozen=True, slots=True)
class Decision:
    """One candidate's decision, with the reason in words. `duplicate_of` is a chunk id."""

    scored: Scored
    kind: DecisionKind
    reason: str
    duplicate_of: str | None = None


Outcome = Literal["admitted", "refused", "ungated", "forced"]


class RefusalCode(StrEnum):
    EMPTY_LIBRARY = "EMPTY_LIBRARY"
    NO_CANDIDATES = "NO_CANDIDATES"
    BELOW_THRESHOLD = "BELOW_THRESHOLD"
    RERANKER_UNAVAILABLE = "RERANKER_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A result, not an error: why nothing was let through, and the nearest misses (at most three, best first)."""

    code: RefusalCode
    message: str
    nearest: tuple[Scored, ...] = ()


@dataclass(frozen=True, slots=True)
class GateResult:
    """One decision a candidate, in the order after scoring; `admitted` lists the passages for the context in order."""

    decisions: tuple[Decision, ...]
    policy: GatePolicy
    p_answerable: float | None
    outcome: Outcome
    changed_order: bool
    refusal: Refusal | None = None

    @property
    def admitted(self) -> tuple[Decision, ...]:
        """Kept passages in order, then the rescued ones (they are weaker, and come last)."""
        kept = [d for d in self.decisions if d.kind.admits and d.kind is not DecisionKind.RESCUED]
        return (*kept, *(d for d in self.decisions if d.kind is DecisionKind.RESCUED))
