"""Judging one question with one judge: every candidate gets a raw score, never a cut.

Field-aware: the scorer sees a template over chosen fields. Pointwise scorers see each passage alone, listwise ones all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain import Retrieved, Score, ScorerRun
from app.stages.cascade import behind, best_of, spread
from app.stages.fields import passage_text
from app.stages.first_look import by_first_look, first_look
from app.stages.in_order import in_order, with_own_spans
from app.stages.judge import How, Judge, Scoring, scores_of

_AT_ONCE = 5  # candidates scored between two looks at whether to go on


def judge_with(
    judge: Judge,
    question: str,
    retrieved: Retrieved,
    how: How,
    *,
    requested: str,
    reason: str | None = None,
) -> Scoring:
    looked = first_look(judge, question, retrieved, how)
    if looked is not None and looked.account.passed_on == 0 and retrieved.candidates:
        return by_first_look(looked, retrieved, how, requested=requested, reason=reason, why=judge.why)
    scorer, calibration = judge.scorer, judge.calibration
    fields = scorer.profile.reads or how.fields
    texts = [passage_text(c.chunk, fields) for c in retrieved.candidates]
    stopped_after = None
    if looked is not None:
        seen = best_of(looked.judgement, looked.account.passed_on)
        scores = spread(scores_of(scorer, question, [texts[i] for i in seen]), seen, len(texts))
    elif how.early_stop > 0 and scorer.profile.pointwise and calibration.policy.keep_above is not None:
        scores = _until_hopeless(judge, question, retrieved, texts, calibration.policy.keep_above, how.early_stop)
        stopped_after = len(scores) if len(scores) < len(texts) else None
        scores += [Score(None)] * (len(texts) - len(scores))
    else:
        scores = scores_of(scorer, question, texts)
    judgement = calibration.judge(retrieved, scores)
    if looked is not None:
        judgement = replace(judgement, order=behind(judgement, seen, looked.judgement))
    return Scoring(
        scored=in_order(retrieved, judgement, with_own_spans(scores, retrieved, texts, fields), looked),
        evidence=in_order(retrieved, calibration.evidence(retrieved), None),
        run=ScorerRun(
            requested=requested,
            used=str(scorer.profile.id),
            scale=scorer.profile.scale,
            status="applied" if reason is None else "fallback",
            reason=reason,
            calibration=calibration.kind,
            calibration_note=calibration.note,
            label=scorer.profile.label,
            cached=any(s.cached for s in scores) and all(s.cached or s.raw is None for s in scores[:stopped_after]),
            why=judge.why,
            stopped_after=stopped_after,
            cached_scores=sum(s.cached for s in scores),
            first=None if looked is None else looked.account,
            fields=fields,
        ),
        p_answerable=judgement.p_answerable,
        defaults=calibration.policy,
    )


def _until_hopeless(
    judge: Judge, question: str, retrieved: Retrieved, texts: Sequence[str], keep_above: float, patience: int
) -> list[Score]:
    """Scores in retrieval order, some at a time, until the last `patience` candidates all have p below keep_above.

    That the rest would have too is likely, not sure: what it loses is measured by `tests.benchmarks.early_stop`.
    """
    scores: list[Score] = []
    while len(scores) < len(texts):
        scores += scores_of(judge.scorer, question, texts[len(scores) : len(scores) + _AT_ONCE])
        so_far = judge.calibration.judge(retrieved, [*scores, *[Score(None)] * (len(texts) - len(scores))]).p
        last = so_far[max(0, len(scores) - patience) : len(scores)]
        if len(last) == patience and all(p is not None and p < keep_above for p in last):
            break
    return scores
