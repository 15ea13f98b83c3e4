"""Small records whose measures one can work out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain import DecisionKind
from app.evaluation.records import CandidateRecord, QuestionRecord

KEPT, BELOW = DecisionKind.KEPT, DecisionKind.BELOW_THRESHOLD


def candidate(
    chunk_id: str, rank_after: int, p: float | None = None, decision: DecisionKind = BELOW, **values: Any
) -> CandidateRecord:
    """Its passage is its own id, its raw score its p, and it did not move, unless said otherwise."""
    base: dict[str, Any] = {
        "passage": chunk_id,
        "rank_before": rank_after,
        "raw": p,
        "tokens": 10,
        "in_context": decision.admits,
    }
    return CandidateRecord(chunk_id=chunk_id, rank_after=rank_after, p=p, decision=decision, **{**base, **values})


def question(
    id_: str = "q",
    order: str = "abcd",
    relevant: Mapping[str, int] | Sequence[str] = ("a",),
    *,
    before: str = "",
    admitted: str = "",
    ps: Sequence[float | None] = (),
    **values: Any,
) -> QuestionRecord:
    """One question whose chunks are single letters: `order` after scoring, `before` by retrieval, `admitted` kept.

    p falls from .9 by .1 unless given; without admitted passages the question is refused.
    """
    first = before or order
    p_of = dict(zip(order, ps or [0.9 - 0.1 * n for n in range(len(order))], strict=True))
    candidates = tuple(
        candidate(c, at, p_of[c], KEPT if c in admitted else BELOW, rank_before=first.index(c) + 1)
        for at, c in enumerate(order, 1)
    )
    base: dict[str, Any] = {
        "text": f"question {id_}?",
        "answerable": bool(relevant),
        "relevant": relevant if isinstance(relevant, Mapping) else dict.fromkeys(relevant, 1),
        "candidates": candidates,
        "arms": {"off": tuple(first), "evidence": tuple(first), "reranked": tuple(order)},
        "p_answerable": 0.8,
        "refused": not admitted,
        "scorer": "fake/table",
        "status": "applied",
        "tokens_sent": 10 * len(admitted),
    }
    return QuestionRecord(id=id_, **{**base, **values})
