"""A LiteLLM proxy: POST /v1/rerank, for whatever reranker stands behind a name in its configuration.

The proxy hands scores on as they come, and each of its providers has a scale of its own: it has to be declared
(RERANKER_SCALE; 0 to 1 by default), and an answer outside it is a failure.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from app.domain import Scale, ScorerId, ScorerProfile
from app.errors import SettingsError
from app.metering import paid_to
from app.providers.reranking.hosted import cohere_shape
from app.providers.reranking.hosted.limits import Limits
from app.providers.reranking.hosted.scorer import HostedScorer, Wire
from app.providers.reranking.hosted.service import elsewhere, reached
from app.settings import Settings


def open_scorer(model: str, settings: Settings) -> HostedScorer:
    """The scorer of a model name of the proxy's own. Asks nothing yet."""
    base = settings.litellm_base_url
    if base is None:
        raise SettingsError(
            "LiteLLM needs the address of a proxy.", hint="Set LITELLM_BASE_URL in .env or the environment."
        )
    scale = Scale(settings.reranker_scale or Scale.BOUNDED)
    return HostedScorer(
        reached("LiteLLM", "LITELLM", settings, base_url=base, key=settings.litellm_api_key),
        Wire(cohere_shape.path_at(base), cohere_shape.body(model), cohere_shape.read, cohere_shape.units),
        ScorerProfile(
            ScorerId("litellm", model, elsewhere(base), f"declared {scale}"),
            label=f"LiteLLM {model} ({urlsplit(base).netloc})",
            scale=scale,
            pointwise=True,
        ),
        Limits(documents=100),  # what the narrowest of its providers takes
        paid_to=paid_to(base, "litellm"),
        seconds=settings.reranker_timeout,
    )
