"""A trace as JSON, schema 1 (design.md section 2), documented in docs/command-line.md and pinned by a test."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.domain import Candidate, Charge, Condition, Context, Decision, Refusal, Trace

SCHEMA = 1
STAGES = ("rewrite", "embed", "retrieve", "score", "gate", "context", "generate", "total")


def trace_to_json(trace: Trace) -> dict[str, Any]:
    """Plain dicts, lists, strings and numbers, ready for `json.dumps`; probabilities and scores rounded to 6 places."""
    judged, gate = trace.judged, trace.gate
    library, run = judged.retrieved.library, judged.run
    return {
        "schema": SCHEMA,
        "question": asdict(judged.question),
        "library": {
            "name": library.name,
            "generation": library.generation,
            "documents": library.documents,
            "chunks": library.chunks,
        },
        "retrieval": {
            "mode": judged.retrieved.mode,
            "k": judged.retrieved.k,
            "filter": [_condition(c) for c in judged.retrieved.filter],
            "lexical_available": judged.retrieved.lexical_available,
        },
        "scorer": {
            "requested": run.requested,
            "used": run.used,
            "label": run.label,
            "scale": None if run.scale is None else run.scale.value,
            "status": run.status,
            "reason": run.reason,
            "attempts": run.attempts,
            "tries": [asdict(attempt) for attempt in run.tries],
            "calibration": run.calibration,
            "calibration_note": run.calibration_note,
            "why": run.why,
            "stopped_after": run.stopped_after,
            "first": None if run.first is None else {**asdict(run.first), "scale": run.first.scale},
            "fields": list(run.fields),
            "cached": run.cached,
            "cached_scores": run.cached_scores,
        },
        "candidates": [_candidate(decision, trace.context) for decision in gate.decisions],
        "gate": {
            "policy": asdict(gate.policy),
            "p_answerable": _round(gate.p_answerable),
            "outcome": gate.outcome,
            "refusal": None if gate.refusal is None else gate.refusal.code.value,
            "nearest": _nearest(gate.refusal),
            "changed_order": gate.changed_order,
        },
        "context": None if trace.context is None else _context(trace.context),
        "answer": None if trace.answer is None else _answer(trace),
        "timings_ms": {stage: trace.timings_ms.get(stage) for stage in STAGES},
        "cost_usd": _round(trace.cost_usd, 9),
        "charges": [_charge(charge) for charge in trace.charges],
    }


def _candidate(decision: Decision, context: Context | None) -> dict[str, Any]:
    scored = decision.scored
    candidate: Candidate = scored.candidate
    chunk = candidate.chunk
    in_context = {p.chunk.id: p.tokens for p in context.passages} if context else {}
    in_context.update({chunk_id: 0 for p in context.passages for chunk_id in p.merged} if context else {})
    return {
        "chunk_id": chunk.id,
        "document": chunk.document_id,
        "title": chunk.title,
        "section": list(chunk.section),
        "page": chunk.page,
        "text": chunk.text,
        "rank_before": candidate.rank_before,
        "rank_dense": candidate.rank_dense,
        "rank_lexical": candidate.rank_lexical,
        "cosine": _round(candidate.cosine),
        "bm25": _round(candidate.bm25),
        "bm25_share": _round(candidate.bm25_share),
        "rank_after": scored.rank_after,
        "raw_score": _round(scored.raw_score),
        "p": _round(scored.p),
        "first_score": _round(scored.first_score),
        "first_p": _round(scored.first_p),
        "passed_on": scored.passed_on,
        "shares": None if scored.shares is None else {k: _round(v) for k, v in asdict(scored.shares).items()},
        "decision": decision.kind.value,
        "reason": decision.reason,
        "duplicate_of": decision.duplicate_of,
        "tokens": in_context.get(chunk.id, chunk.tokens),
        "windows": scored.windows,
        "truncated": scored.truncated,
        "spans": [{"start": s.start, "end": s.end, "score": _round(s.score)} for s in scored.spans],
    }


def _context(context: Context) -> dict[str, Any]:
    return {
        "tokens": context.tokens,
        "budget": context.budget,
        "window": context.window,
        "window_known": context.window_known,
        "chunk_ids": [p.chunk.id for p in context.passages],
        "left_out": list(context.left_out),
        # passages that are sent with their section: which chunks that is, and which of them were admitted too
        "parents": [
            {"chunk_id": p.chunk.id, "chunk_ids": list(p.within), "merged": list(p.merged), "tokens": p.tokens}
            for p in context.passages
            if p.within
        ],
    }


def _answer(trace: Trace) -> dict[str, Any]:
    answer = trace.answer
    assert answer is not None
    return {
        "mode": answer.mode,
        "model": answer.model,
        "text": answer.text,
        "citations": list(answer.citations),
        "unknown_citations": list(answer.unknown_citations),
        "uncited": list(answer.uncited),
        "finish": answer.finish,
        "cut_because": answer.cut_because,
        "usage": dict(answer.usage),
    }


def _charge(charge: Charge) -> dict[str, Any]:
    usage = charge.usage
    return {
        "stage": usage.stage,
        "provider": usage.provider,
        "model": usage.model,
        "units": None if usage.units is None else dict(usage.units),
        "usd": _round(charge.usd, 9),
        "why": charge.why,
        "prices_read": charge.read,
    }


def _nearest(refusal: Refusal | None) -> list[str]:
    return [] if refusal is None else [s.candidate.chunk.id for s in refusal.nearest]


def _condition(condition: Condition) -> dict[str, Any]:
    return {"field": condition.field, "op": condition.op, "values": list(condition.values)}


def _round(value: float | None, places: int = 6) -> float | None:
    return None if value is None else round(float(value), places)
