"""Voyage's rerankers: POST /v1/rerank (docs.voyageai.com/reference/reranker-api), and MongoDB Atlas at another address.

Scores are 0..1 and not said to be calibrated. Instructions, if any, are words of the question.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain import Scale, ScorerId, ScorerProfile
from app.metering import paid_to
from app.providers.reranking.hosted.answer import rows, tokens_used
from app.providers.reranking.hosted.limits import Limits
from app.providers.reranking.hosted.scorer import HostedScorer, Wire
from app.providers.reranking.hosted.service import elsewhere, reached
from app.settings import Settings

PUBLIC = "https://api.voyageai.com"
_WINDOWS = {"rerank-2": 16_000, "rerank-2-lite": 8_000, "rerank-1": 8_000, "rerank-lite-1": 4_000}
_WINDOW = 32_000  # rerank-2.5, rerank-3 and their lite models
_TOTAL = 600_000  # tokens a call, the question counted once a passage; 300,000 before rerank-2


def limits_of(model: str) -> Limits:
    """What a call to a model may hold."""
    early = model in ("rerank-1", "rerank-lite-1")
    return Limits(documents=1000, window=_WINDOWS.get(model, _WINDOW), total=_TOTAL // 2 if early else _TOTAL)


def open_scorer(model: str, settings: Settings) -> HostedScorer:
    """The scorer of a model name. Asks nothing yet."""
    base = settings.voyage_base_url
    limits = limits_of(model)

    def body(question: str, passages: Sequence[str]) -> dict[str, object]:
        return {
            "model": model,
            "query": question,
            "documents": list(passages),
            "top_k": len(passages),
            "return_documents": False,
            "truncation": True,
        }

    versioned = base is not None and base.endswith("/v1")
    return HostedScorer(
        reached("Voyage", "VOYAGE", settings, public=PUBLIC, base_url=base, key=settings.voyage_api_key),
        Wire("/rerank" if versioned else "/v1/rerank", body, rows("data", score="relevance_score"), tokens_used),
        ScorerProfile(
            ScorerId("voyage", model, elsewhere(base), "relevance", window=limits.window),
            label=f"Voyage {model}",
            scale=Scale.BOUNDED,
            pointwise=True,
        ),
        limits,
        paid_to=paid_to(base, "voyage", "api.voyageai.com", "ai.mongodb.com"),
        seconds=settings.reranker_timeout,
    )
