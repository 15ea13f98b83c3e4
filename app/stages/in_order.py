"""Candidates with their scores, in the order a judgement puts them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain import Judgement, Retrieved, Score, Scored
from app.stages.cascade import Looked, best_of
from app.stages.fields import Fields, text_begins
from app.stages.spans import in_own_text


def in_order(
    retrieved: Retrieved, judgement: Judgement, scores: Sequence[Score] | None, looked: Looked | None = None
) -> tuple[Scored, ...]:
    """One `Scored` a candidate, best first. `scores` follow the candidates; None where nothing scored them. `looked`:
    the first look of a cascade, whose scores are kept beside."""
    seen = set(range(len(judgement.order)) if looked is None else best_of(looked.judgement, looked.account.passed_on))
    return tuple(
        Scored(
            candidate=retrieved.candidates[i],
            rank_after=rank,
            raw_score=scores[i].raw if scores is not None else None,
            p=judgement.p[i],
            shares=judgement.shares[i],
            windows=scores[i].windows if scores is not None else 1,
            spans=scores[i].spans if scores is not None else (),
            truncated=scores[i].truncated if scores is not None else False,
            first_score=None if looked is None else looked.scores[i].raw,
            first_p=None if looked is None else looked.judgement.p[i],
            passed_on=i in seen,
        )
        for rank, i in enumerate(judgement.order, 1)
    )


def with_own_spans(scores: Sequence[Score], retrieved: Retrieved, texts: Sequence[str], fields: Fields) -> list[Score]:
    """The scores with what was marked as places in each chunk's own text."""
    return [
        replace(score, spans=in_own_text(score.spans, seen, c.chunk.text, text_begins(c.chunk, fields)))
        if score.spans
        else score
        for score, c, seen in zip(scores, retrieved.candidates, texts, strict=True)
    ]
