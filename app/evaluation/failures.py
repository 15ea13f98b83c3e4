"""Where a question failed: one cause each, the last step that still had what was needed. Pure.

For a question with labelled passages, following the one that got farthest:

    RETRIEVAL_MISS       no relevant passage among the candidates
    RERANKER_INVERSION   found, but others were put before it: not among the first max_chunks after scoring
    GATE_DROP            among the first, and not let through (or the question refused)
    BUDGET_DROP          let through, but it did not fit the token budget
    GENERATION_MISS      in the context, and the answer is wrong
    NONE                 in the context, and the answer right or not judged; or right whatever was sent

A duplicate of a passage in the context counts as in it. A question the library does not answer is LET_THROUGH when it
was not refused (unless the answer itself declined, and was judged right), else NONE.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.domain import DecisionKind
from app.evaluation.records import CandidateRecord, QuestionRecord


class Failure(StrEnum):
    RETRIEVAL_MISS = "RETRIEVAL_MISS"
    RERANKER_INVERSION = "RERANKER_INVERSION"
    GATE_DROP = "GATE_DROP"
    BUDGET_DROP = "BUDGET_DROP"
    GENERATION_MISS = "GENERATION_MISS"
    LET_THROUGH = "LET_THROUGH"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class FailedQuestion:
    """One question's cause. `chunk_id` is the relevant passage that got farthest, with its ranks; None where none was
    found. `demoted`: it was among the first before reranking, and no longer after.
    """

    id: str
    failure: Failure
    chunk_id: str | None = None
    rank_before: int | None = None
    rank_after: int | None = None
    demoted: bool = False


@dataclass(frozen=True, slots=True)
class FailureSplit:
    """Counts over `questions` judged ones (labelled, or known to be unanswerable), and each cause's questions."""

    questions: int
    counts: Mapping[Failure, int]
    examples: Mapping[Failure, tuple[FailedQuestion, ...]]


_FARTHEST = (Failure.NONE, Failure.BUDGET_DROP, Failure.GATE_DROP, Failure.RERANKER_INVERSION)


def failure_of(record: QuestionRecord, *, max_chunks: int = 5) -> FailedQuestion | None:
    """The cause for one question; None where nothing is known about it."""
    answer = record.answers.get("gated")
    correct = None if answer is None else answer.correct
    if record.answerable is False:
        let = not record.refused and correct is not True
        return FailedQuestion(record.id, Failure.LET_THROUGH if let else Failure.NONE)
    if not record.labelled:
        return None
    found = [c for c in record.candidates if record.grade(c)]
    if not found:
        return FailedQuestion(record.id, Failure.NONE if correct else Failure.RETRIEVAL_MISS)
    there = {c.chunk_id for c in record.candidates if c.in_context}
    reached = {c.chunk_id: _reached(c, there, record.refused, max_chunks) for c in found}
    best = min(found, key=lambda c: (_FARTHEST.index(reached[c.chunk_id]), c.rank_after))
    failure = reached[best.chunk_id]
    if failure is Failure.NONE:
        failure = Failure.GENERATION_MISS if correct is False else Failure.NONE
    elif correct:
        failure = Failure.NONE
    demoted = best.rank_before <= max_chunks < best.rank_after
    return FailedQuestion(record.id, failure, best.chunk_id, best.rank_before, best.rank_after, demoted)


def failure_split(records: Iterable[QuestionRecord], *, max_chunks: int = 5) -> FailureSplit:
    """The split over a question set; every cause is listed, also with 0."""
    judged = [f for r in records if (f := failure_of(r, max_chunks=max_chunks)) is not None]
    examples = {kind: tuple(f for f in judged if f.failure is kind) for kind in Failure}
    return FailureSplit(len(judged), {kind: len(of) for kind, of in examples.items()}, examples)


def _reached(candidate: CandidateRecord, there: set[str], refused: bool, max_chunks: int) -> Failure:
    """How far one relevant passage got; NONE: into the context."""
    if candidate.chunk_id in there or candidate.duplicate_of in there:
        return Failure.NONE
    if not refused and (candidate.decision is DecisionKind.OVER_BUDGET or candidate.admitted):
        return Failure.BUDGET_DROP
    return Failure.GATE_DROP if candidate.rank_after <= max_chunks else Failure.RERANKER_INVERSION
