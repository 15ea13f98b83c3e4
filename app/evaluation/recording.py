"""From what the pipeline did with a question to its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from app.domain import Chunk, Context, GateResult, Trace
from app.evaluation.records import AnswerRecord, CandidateRecord, QuestionRecord
from app.stages.context import passage_cost
from app.stages.gate import basis_of
from app.words import containment, numbers_and_names


def question_record(
    trace: Trace,
    *,
    id_: str,
    answerable: bool | None,
    relevant: Mapping[str, int],
    passage_of: Callable[[Chunk], str],
    answers: Mapping[str, AnswerRecord] | None = None,
    within: str = "",
) -> QuestionRecord:
    """The record of one gated trace. `relevant` grades passages as `passage_of` names them; grades below 1 are dropped.
    `within` is the question's scope in words.

    Arms that did not run are absent: "reranked" where no scorer ran, "evidence" where nothing is calibrated for it.
    """
    judged, gate = trace.judged, trace.gate
    ran = judged.run.status in ("applied", "fallback")
    arms = {"off": tuple(c.chunk.id for c in judged.retrieved.candidates)}
    if not judged.retrieved.candidates or any(s.p is not None for s in judged.evidence):
        arms["evidence"] = tuple(s.candidate.chunk.id for s in judged.evidence)
    if ran:
        arms["reranked"] = tuple(s.candidate.chunk.id for s in judged.scored)
    candidates = candidate_records(gate, trace.context, passage_of)
    return QuestionRecord(
        id=id_,
        text=trace.question.text,
        answerable=answerable,
        relevant={passage: grade for passage, grade in relevant.items() if grade >= 1},
        candidates=candidates,
        arms=arms,
        p_answerable=judged.p_answerable,
        refused=gate.outcome == "refused",
        scorer=judged.run.used if ran else None,
        status=judged.run.status,
        basis=basis_of(judged.scored, gate.policy, judged.run.scale),
        tokens_sent=sum(c.tokens for c in candidates if c.in_context)
        if trace.context is None
        else trace.context.tokens,
        timings_ms=dict(trace.timings_ms),
        cost_usd=trace.cost_usd,
        answers=dict(answers or {}),
        within=within,
        searched="" if trace.question.standalone == trace.question.text else trace.question.standalone,
    )


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
    there = None if context is None else context.numbers.keys()
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
