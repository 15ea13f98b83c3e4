"""A scorer that remembers: only passages it has not scored for this question before are sent to the one inside."""

from __future__ import annotations

from collections.abc import Sequence

from app.counting import counted
from app.domain import Score, ScorerProfile
from app.errors import ProviderNonsense
from app.ports import ScoreCache, Scorer


def remembered(scorer: Scorer, cache: ScoreCache) -> Scorer:
    """The scorer with the cache in front of it, or the scorer alone where its scores may not be kept.

    They may where each passage is judged alone, by weights that a revision names: a listwise score depends on its
    company, and a service may change its model overnight.
    """
    profile = scorer.profile
    keeps = profile.pointwise and profile.fixed_weights and profile.id.revision != ""
    return CachedScorer(scorer, cache) if keeps else scorer


class CachedScorer:
    """The scorer inside, as a `Scorer`; a score that was read from the cache says so (`Score.cached`)."""

    def __init__(self, inner: Scorer, cache: ScoreCache) -> None:
        self._inner = inner
        self._cache = cache

    @property
    def profile(self) -> ScorerProfile:
        return self._inner.profile

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """One score a passage, bit for bit what the scorer inside gave. Raises what it raises."""
        identity = self.profile.id
        known = self._cache.get(identity, question, passages)
        missing = [passage for passage, score in zip(passages, known, strict=True) if score is None]
        if not missing:
            return [score for score in known if score is not None]
        scored = self._inner.score(question, missing)
        if len(scored) != len(missing):
            raise ProviderNonsense(
                f"{self.profile.label} gave {len(scored)} scores for {counted(len(missing), 'passage')}.",
                hint="Choose another reranker, or run `sluice doctor`.",
            )
        self._cache.put(identity, question, missing, scored)
        fresh = iter(scored)
        return [next(fresh) if score is None else score for score in known]
