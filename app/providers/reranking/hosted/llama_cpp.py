"""A llama.cpp server with a reranker (`llama-server --rerank`): POST /v1/rerank.

It cannot be asked for raw scores: classifiers such as BGE answer with logits, Qwen3-Reranker with probabilities. Which
one it is has to be declared (RERANKER_SCALE; logits by default), and an answer outside it is a failure.
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
    base = settings.llamacpp_base_url
    if base is None:
        raise SettingsError(
            "llama.cpp needs the address of a server.", hint="Set LLAMACPP_BASE_URL in .env or the environment."
        )
    place = partial(reached, "llama.cpp", "LLAMACPP", settings, base_url=base, key=settings.llamacpp_api_key)
    path = cohere_shape.path_at(base)
    name = model or served_by(place(seconds=OPENING), path.replace("rerank", "models"), "").model
    scale = Scale(settings.reranker_scale or Scale.LOGIT)
    return HostedScorer(
        place(),
        Wire(path, cohere_shape.body(name), cohere_shape.read, cohere_shape.units),
        ScorerProfile(
            ScorerId("llama-cpp", name, elsewhere(base), f"declared {scale}"),
            label=f"llama.cpp {name} ({urlsplit(base).netloc})",
            scale=scale,
            pointwise=True,
        ),
        Limits(documents=1000),
        paid_to=paid_to(base, "llama-cpp"),
        seconds=settings.reranker_timeout,
    )
