"""The look before the reranker: by a cascade's first scorer, or by the evidence where a margin is set."""

from __future__ import annotations

from dataclasses import replace

from app.domain import FirstLook, Judgement, Retrieved, ScorerRun
from app.stages.cascade import Looked, lead
from app.stages.fields import passage_text
from app.stages.in_order import in_order
from app.stages.judge import How, Judge, Scoring, scores_of


def first_look(judge: Judge, question: str, retrieved: Retrieved, how: How) -> Looked | None:
    """The look before the scorer: by a cascade's first one, or by evidence where only its margin is asked for. None
    without either, and where evidence does not lead by so much: then the scorer sees all, as if nobody had looked."""
    if judge.first is not None:
        first = judge.first
        fields = first.scorer.profile.reads or how.fields
        texts = [passage_text(c.chunk, fields) for c in retrieved.candidates]
        scores = scores_of(first.scorer, question, texts)
        judgement, profile = first.calibration.judge(retrieved, scores), first.scorer.profile
        count = len(texts) if judge.passes_on is None else min(judge.passes_on, len(texts))
        kind, note = first.calibration.kind, first.calibration.note
        account = FirstLook(str(profile.id), profile.label, profile.scale, kind, count, calibration_note=note)
        leads = _leads(judgement, how.skip_margin)
        if leads is not None:
            account = replace(account, passed_on=0, lead=leads)
        return Looked(judgement, first.calibration, account, first.scorer, tuple(scores))
    if judge.evidence is None or how.skip_margin is None:
        return None
    judgement = judge.evidence.evidence(retrieved)
    leads = _leads(judgement, how.skip_margin)
    if leads is None:
        return None
    note = judge.evidence.note or "general calibration of the search's evidence alone"
    account = FirstLook("evidence", "search alone", None, judge.evidence.kind, 0, leads, note)
    return Looked(judgement, judge.evidence, account)


def _leads(judgement: Judgement, margin: float | None) -> float | None:
    """The lead of the first passage where it is at least the margin asked for."""
    found = None if margin is None else lead(judgement)
    return found if found is not None and margin is not None and found >= margin else None


def by_first_look(
    looked: Looked, retrieved: Retrieved, how: How, *, requested: str, reason: str | None, why: str
) -> Scoring:
    """The first look as the whole of it: its order, its p, its gate policy."""
    account = looked.account
    scores = list(looked.scores) or None
    return Scoring(
        scored=in_order(retrieved, looked.judgement, scores),
        evidence=in_order(retrieved, looked.calibration.evidence(retrieved), None),
        run=ScorerRun(
            requested=requested,
            used=account.scorer,
            scale=account.scale,
            status="applied" if reason is None else "fallback",
            reason=reason,
            calibration=account.calibration,
            calibration_note=account.calibration_note,
            label=account.label,
            cached=bool(scores) and all(s.cached for s in looked.scores),
            why=why,
            cached_scores=sum(s.cached for s in looked.scores),
            first=account,
            fields=how.fields,
        ),
        p_answerable=looked.judgement.p_answerable,
        defaults=looked.calibration.policy,
    )
