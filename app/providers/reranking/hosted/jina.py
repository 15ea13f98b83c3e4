"""Jina's rerankers: POST /v1/rerank (jina.ai/reranker), and servers that speak it.

`jina-reranker-v3` and later read all passages together: a score depends on its company, so it orders and nothing more.
The earlier ones judge each passage alone, 0..1, and are called calibrated by their maker: to be checked, not believed.
What a server of someone else's answers with can be declared (RERANKER_SCALE).
"""

from __future__ import annotations

import re

from app.domain import Scale, ScorerId, ScorerProfile
from app.metering import paid_to
from app.providers.reranking.hosted import cohere_shape
from app.providers.reranking.hosted.limits import Limits
from app.providers.reranking.hosted.scorer import HostedScorer, Wire
from app.providers.reranking.hosted.service import elsewhere, reached
from app.settings import Settings

PUBLIC = "https://api.jina.ai"
_LISTWISE = re.compile(r"reranker-v([3-9]|\d\d)")
_TOGETHER = 64  # passages a listwise model reads in one pass; more are split by the service, and do not compare


def open_scorer(model: str, settings: Settings) -> HostedScorer:
    """The scorer of a model name. Asks nothing yet."""
    base = settings.jina_base_url
    listwise = _LISTWISE.search(model) is not None
    declared = None if base is None or listwise else settings.reranker_scale
    scale = Scale.RANK_ONLY if listwise else Scale(declared or Scale.BOUNDED)
    activation = "cosine among all" if listwise else f"declared {scale}" if declared else "relevance"
    wire = Wire(
        path=cohere_shape.path_at(PUBLIC if base is None else base),
        body=cohere_shape.body(model, return_documents=False),
        rows=cohere_shape.read,
        units=cohere_shape.units,
    )
    return HostedScorer(
        reached("Jina", "JINA", settings, public=PUBLIC, base_url=base, key=settings.jina_api_key),
        wire,
        ScorerProfile(
            ScorerId("jina", model, elsewhere(base), activation),
            label=f"Jina {model}",
            scale=scale,
            pointwise=not listwise,
        ),
        Limits(documents=_TOGETHER if listwise else 1000),
        paid_to=paid_to(base, "jina", "api.jina.ai"),
        seconds=settings.reranker_timeout,
    )
