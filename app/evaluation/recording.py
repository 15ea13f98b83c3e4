"""From what the pipeline decided to the candidates of a question's record."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.domain import Chunk, Context, GateResult
from app.evaluation.records import CandidateRecord
from app.stages.context import passage_cost
from app.words import containment, numbers_and_names


def candidate_records(
    gate: GateResult,
    context: Context | None,
    passage_of: Callable[[Chunk], str],
    cost: Callable[[Chunk], int] = passage_cost,
) -> tuple[CandidateRecord, ...]:
    """The candidates in the order after scoring. `passage_of` names the passage that labels know a chunk by.

    Without a context (no answer was asked for) every admitted passage counts as in it.
    """
    refused = gate.outcome == "refused"
    there = None if context is None else {p.chunk.id for p in context.passages}
    same = said_before([d.scored.candidate.chunk for d in gate.decisions], gate.policy.duplicate_above)
    return tuple(
        CandidateRecord(
            chunk_id=(chunk := decision.scored.candidate.chunk).id,
            passage=passage_of(chunk),
            rank_before=decision.scored.candidate.rank_before,
            rank_after=decision.scored.rank_after,
            raw=decision.scored.raw_score,
            p=decision.scored.p,
            decision=decision.kind,
            tokens=cost(chunk),
            in_context=not refused and decision.kind.admits and (there is None or chunk.id in there),
            duplicate_of=decision.duplicate_of,
            same_as=same[place],
        )
        for place, decision in enumerate(gate.decisions)
    )


def said_before(chunks: Sequence[Chunk], duplicate_above: float) -> list[tuple[str, ...]]:
    """For each chunk the earlier ones it would be a DUPLICATE of, once admitted: the gate's own rule."""
    names = [numbers_and_names(chunk.text) for chunk in chunks]
    return [
        tuple(
            other.id
            for before, other in enumerate(chunks[:place])
            if names[place] <= names[before] and containment(chunk.text, other.text) > duplicate_above
        )
        for place, chunk in enumerate(chunks)
    ]
