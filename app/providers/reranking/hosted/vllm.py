"""A vLLM server with a reranker: POST /v1/rerank (docs.vllm.ai, scoring usages), version 0.12 or newer.

What a model does to its logits differs by checkpoint, so the raw ones are asked for: `use_activation` off. Long
passages are cut at the model's window (`truncate_prompt_tokens` -1) instead of refused.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from app.domain import Scale, ScorerId, ScorerProfile
from app.errors import SettingsError
from app.metering import paid_to
from app.providers.reranking.hosted import cohere_shape
from app.providers.reranking.hosted.limits import Limits
from app.providers.reranking.hosted.scorer import HostedScorer, Wire
from app.providers.reranking.hosted.served import served_by
from app.providers.reranking.hosted.service import OPENING, elsewhere, reached
from app.settings import Settings


def open_scorer(model: str, settings: Settings) -> HostedScorer:
    """The scorer of a model name, or with "" of the one it serves. Asks the server for its list of models."""
    base = settings.vllm_base_url
    if base is None:
        raise SettingsError("vLLM needs the address of a server.", hint="Set VLLM_BASE_URL in .env or the environment.")
    place = partial(reached, "vLLM", "VLLM", settings, base_url=base, key=settings.vllm_api_key)
    path = cohere_shape.path_at(base)
    served = served_by(place(seconds=OPENING), path.replace("rerank", "models"), model)
    return HostedScorer(
        place(),
        Wire(
            path,
            cohere_shape.body(served.model, use_activation=False, truncate_prompt_tokens=-1),
            cohere_shape.read,
            cohere_shape.units,
        ),
        ScorerProfile(
            ScorerId("vllm", served.model, elsewhere(base), "raw", window=served.window),
            label=f"vLLM {served.model} ({urlsplit(base).netloc})",
            scale=Scale.LOGIT,
            pointwise=True,
        ),
        Limits(documents=1000, window=served.window),
        paid_to=paid_to(base, "vllm"),
        seconds=settings.reranker_timeout,
    )
