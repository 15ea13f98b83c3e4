"""Cohere's embedding API, version 2 (docs.cohere.com/reference/embed), through its SDK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.addresses import host_of
from app.errors import ProviderAuth
from app.metering import paid_to
from app.providers.failures import Service
from app.providers.hosted_embedding import Batch, Bounds, HostedEmbedder
from app.providers.wire import http_client
from app.settings import Settings

_PUBLIC = "https://api.cohere.com"
_DIMENSIONS = {
    "embed-v4.0": 1536,
    "embed-english-v3.0": 1024,
    "embed-multilingual-v3.0": 1024,
    "embed-english-light-v3.0": 384,
    "embed-multilingual-light-v3.0": 384,
}
_V3_WINDOW = 512  # tokens of one text; 128,000 since v4


class CohereEmbedder(HostedEmbedder):
    """`EMBEDDING=cohere:MODEL`. Questions and passages are embedded as such (`input_type`); at most 96 in a request."""

    def __init__(self, model: str, settings: Settings) -> None:
        """Raises ProviderAuth without a key for Cohere itself; another base URL needs none."""
        import cohere

        key, base = settings.cohere_api_key, settings.cohere_base_url
        if key is None and base is None:
            raise ProviderAuth("Cohere embeddings need a key.", hint="Set COHERE_API_KEY in .env or the environment.")
        secret = None if key is None else key.get_secret_value()
        host = "" if base is None else host_of(base)
        service = Service(
            name="Cohere's embeddings" if base is None else f"The embedding server at {host}",
            key_setting="COHERE_API_KEY",
            url_setting="COHERE_BASE_URL",
            timeout_setting="EMBEDDING_TIMEOUT",
            model_setting="EMBEDDING",
            secret=secret,
            at=f"{host_of(base or _PUBLIC)}/embed",
        )
        super().__init__(
            model,
            settings,
            service,
            provider=paid_to(base, "cohere", "api.cohere.com", "api.cohere.ai"),
            host=host,
            bounds=Bounds(_V3_WINDOW if "-v3.0" in model else 128_000, texts=96, request_tokens=500_000),
            known=_DIMENSIONS.get(model),
        )
        self._client = cohere.ClientV2(
            api_key=secret if secret is not None else "not-needed",
            base_url=base if base is not None else _PUBLIC,  # the SDK would read the environment
            httpx_client=http_client(settings.embedding_timeout),
            max_retries=0,  # `ask` does it, and keeps to a limit
            log_warning_experimental_features=False,
        )

    def _request(self, batch: Sequence[str], *, question: bool) -> Batch:
        shorter: dict[str, Any] = {} if self._wanted is None else {"output_dimension": self._wanted}
        answer = self._client.embed(
            model=self._model,
            texts=list(batch),
            input_type="search_query" if question else "search_document",
            embedding_types=["float"],
            truncate="END",  # ingest sends nothing so long
            **shorter,
        )
        rows = getattr(getattr(answer, "embeddings", None), "float_", None)
        tokens = getattr(getattr(getattr(answer, "meta", None), "billed_units", None), "input_tokens", None)
        return Batch(rows if isinstance(rows, list) else [], int(tokens) if isinstance(tokens, int | float) else None)
