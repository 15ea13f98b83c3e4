"""Pinecone's hosted rerankers: POST /rerank (docs.pinecone.io/reference/api/latest/inference/rerank).

Scores are 0..1 and not said to be calibrated. No index of theirs is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain import Scale, ScorerId, ScorerProfile
from app.metering import paid_to
from app.providers.reranking.hosted.answer import counted, rows
from app.providers.reranking.hosted.limits import Limits
from app.providers.reranking.hosted.scorer import HostedScorer, Wire
from app.providers.reranking.hosted.service import elsewhere, reached
from app.settings import Settings

PUBLIC = "https://api.pinecone.io"
VERSION = "2026-04"  # of the interface, as a header
_LIMITS = {
    "pinecone-rerank-v0": Limits(documents=100, window=512),
    "bge-reranker-v2-m3": Limits(documents=100, window=1024),
    "cohere-rerank-3.5": Limits(documents=200, window=40_000),
}
_CUTS = ("pinecone-rerank-v0", "bge-reranker-v2-m3")  # bge refuses long passages unless told to cut them


def units(answer: object) -> dict[str, float] | None:
    """The rerank units an answer says are billed, as searches."""
    usage = answer.get("usage") if isinstance(answer, Mapping) else None
    return counted(usage, {"searches": ("rerank_units",)})


def open_scorer(model: str, settings: Settings) -> HostedScorer:
    """The scorer of a model name. Asks nothing yet."""
    base = settings.pinecone_base_url
    limits = _LIMITS.get(model, Limits(documents=100))

    def body(question: str, passages: Sequence[str]) -> dict[str, object]:
        asked: dict[str, object] = {
            "model": model,
            "query": question,
            "documents": [{"id": str(number), "text": text} for number, text in enumerate(passages)],
            "top_n": len(passages),
            "return_documents": False,
        }
        return {**asked, "parameters": {"truncate": "END"}} if model in _CUTS else asked

    return HostedScorer(
        reached(
            "Pinecone",
            "PINECONE",
            settings,
            public=PUBLIC,
            base_url=base,
            key=settings.pinecone_api_key,
            key_header="Api-Key",
            headers={"X-Pinecone-Api-Version": VERSION},
        ),
        Wire("/rerank", body, rows("data", score="score"), units),
        ScorerProfile(
            ScorerId("pinecone", model, elsewhere(base), "relevance", window=limits.window),
            label=f"Pinecone {model}",
            scale=Scale.BOUNDED,
            pointwise=True,
        ),
        limits,
        paid_to=paid_to(base, "pinecone", "api.pinecone.io"),
        seconds=settings.reranker_timeout,
    )
