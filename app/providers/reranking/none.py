"""The reranker `none`: no scores at all. Passages keep the retrieval order, and every surface says so."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain import Scale, Score, ScorerId, ScorerProfile


class NoScorer:
    """Scores nothing."""

    profile = ScorerProfile(ScorerId("none", "none", window=0), "no reranking", Scale.RANK_ONLY, pointwise=True)

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """None for every passage."""
        return [Score(None) for _ in passages]
