"""Hugging Face Text Embeddings Inference with a reranker: POST /rerank, and GET /info for what it serves.

Raw scores (logits) are asked for. A call may hold as many passages as the server's `--max-client-batch-size` says (32
unless it was told otherwise): more are split, which changes no score, because each passage is judged alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from app.domain import Scale, ScorerId, ScorerProfile
from app.errors import ProviderRejected, SettingsError
from app.metering import paid_to
from app.providers.http import HttpService
from app.providers.reranking.hosted.answer import rows
from app.providers.reranking.hosted.limits import Limits
from app.providers.reranking.hosted.scorer import HostedScorer, Wire
from app.providers.reranking.hosted.service import OPENING, elsewhere, reached
from app.settings import Settings

_BATCH = 32  # the server's default
_PAYLOAD = 1_900_000  # bytes; the server's default limit for a body is 2,000,000


@dataclass(frozen=True, slots=True)
class Info:
    """What a server says of itself; "" and 0 where it does not."""

    model: str = ""
    sha: str = ""
    dtype: str = ""
    window: int = 0
    batch: int = _BATCH
    reranks: bool = True


def info_in(found: object) -> Info:
    """The answer of /info. A field that is missing or of another type is left at its default.

    >>> info_in({"model_id": "BAAI/bge-reranker-base", "max_client_batch_size": 8}).batch
    8
    """
    if not isinstance(found, Mapping):
        return Info()
    kinds = found.get("model_type")
    named = {str(kind).lower() for kind in kinds} if isinstance(kinds, Mapping | list) else {str(kinds).lower()}
    return Info(
        model=_text(found.get("model_id")),
        sha=_text(found.get("model_sha"))[:12],
        dtype=_text(found.get("model_dtype")),
        window=_count(found.get("max_input_length"), 0),
        batch=_count(found.get("max_client_batch_size"), _BATCH),
        reranks="embedding" not in named,
    )


def open_scorer(model: str, settings: Settings) -> HostedScorer:
    """The scorer of the model a server serves; a name is held against what the server says. Asks for /info.

    Raises ProviderRejected where another model or an embedding model is served, else what asking raises.
    """
    base = settings.tei_base_url
    if base is None:
        raise SettingsError(
            "Text Embeddings Inference needs the address of a server.",
            hint="Set TEI_BASE_URL in .env or the environment.",
        )
    place = partial(reached, "Text Embeddings Inference", "TEI", settings, base_url=base, key=settings.tei_api_key)
    service = place()
    info = _asked(place(seconds=OPENING))
    if not info.reranks:
        raise ProviderRejected(
            f"{service.service.name} serves {info.model or 'a model'} for embeddings, which is no reranker.",
            hint="Start the server with a reranker: --model-id BAAI/bge-reranker-v2-m3",
        )
    if model and info.model and model != info.model:
        raise ProviderRejected(
            f"{service.service.name} serves {info.model}, not {model}.", hint=f"Set RERANKER=tei:{info.model}"
        )
    name = model or info.model or "reranker"
    limits = Limits(documents=info.batch, window=info.window, size=_PAYLOAD)
    return HostedScorer(
        service,
        Wire("/rerank", body, rows(None, score="score")),
        ScorerProfile(
            ScorerId("tei", name, info.sha or elsewhere(base), "raw", info.dtype, window=limits.window),
            label=f"Text Embeddings Inference {name} ({urlsplit(base).netloc})",
            scale=Scale.LOGIT,
            pointwise=True,
        ),
        limits,
        paid_to=paid_to(base, "tei"),
        seconds=settings.reranker_timeout,
    )


def body(question: str, passages: Sequence[str]) -> dict[str, object]:
    """A request: cut what is too long, give logits, do not send the texts back."""
    return {"query": question, "texts": list(passages), "truncate": True, "raw_scores": True, "return_text": False}


def _asked(service: HttpService) -> Info:
    try:
        return info_in(service.get("/info"))
    except ProviderRejected:  # a gateway that hands on /rerank alone
        return Info()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default
