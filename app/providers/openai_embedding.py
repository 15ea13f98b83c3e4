"""OpenAI's embedding API (platform.openai.com/docs/api-reference/embeddings), and servers that speak it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.addresses import host_of
from app.errors import ProviderAuth, ProviderNonsense
from app.metering import paid_to
from app.providers.failures import Service
from app.providers.hosted_embedding import Batch, Bounds, HostedEmbedder
from app.providers.token_bounds import estimated_tokens as estimated_tokens
from app.providers.token_bounds import most_tokens
from app.providers.wire import httpx2_client
from app.settings import Settings

_PUBLIC = "https://api.openai.com/v1"
_DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
_WINDOW = 8191  # tokens of one text
# the API takes 2,048 texts and 300,000 tokens a request; smaller requests lose less when one fails
_BOUNDS = Bounds(tokens=_WINDOW, texts=256, request_tokens=250_000)


class OpenAIEmbedder(HostedEmbedder):
    """`EMBEDDING=openai:MODEL`, at EMBEDDING_BASE_URL, else OPENAI_BASE_URL, else at OpenAI."""

    def __init__(self, model: str, settings: Settings) -> None:
        """Raises ProviderAuth without a key for OpenAI itself; another base URL needs none.

        A key only goes where its own setting says: EMBEDDING_BASE_URL never gets OPENAI_API_KEY.
        """
        import openai

        own = settings.embedding_base_url is not None
        prefix = "EMBEDDING" if own or settings.embedding_api_key is not None else "OPENAI"
        base = settings.embedding_base_url if own else settings.openai_base_url
        key = settings.embedding_api_key if prefix == "EMBEDDING" else settings.openai_api_key
        if key is None and base is None:
            raise ProviderAuth("OpenAI embeddings need a key.", hint="Set OPENAI_API_KEY in .env or the environment.")
        secret = None if key is None else key.get_secret_value()
        host = "" if base is None else host_of(base)
        service = Service(
            name="The OpenAI API" if base is None else f"The embedding server at {host}",
            key_setting=f"{prefix}_API_KEY",
            url_setting="EMBEDDING_BASE_URL" if own else "OPENAI_BASE_URL",
            timeout_setting="EMBEDDING_TIMEOUT",
            model_setting="EMBEDDING",
            secret=secret,
            at=f"{host_of(base or _PUBLIC)}/embeddings",  # which may be down while the chat is not
        )
        super().__init__(
            model,
            settings,
            service,
            provider=paid_to(base, "openai", "api.openai.com"),
            host=host,
            bounds=_BOUNDS,
            known=_DIMENSIONS.get(model),
        )
        client = httpx2_client(settings.embedding_timeout)
        self._client = openai.OpenAI(
            api_key=secret if secret is not None else "not-needed",
            base_url=base if base is not None else _PUBLIC,
            http_client=client,
            timeout=client.timeout,
            max_retries=0,  # `ask` does it, and keeps to a limit
        )

    def _request(self, batch: Sequence[str], *, question: bool) -> Batch:
        shorter: dict[str, Any] = {} if self._wanted is None else {"dimensions": self._wanted}
        texts = [_within_window(text) for text in batch]
        answer = self._client.embeddings.create(model=self._model, input=texts, encoding_format="float", **shorter)
        data = getattr(answer, "data", None) or []
        rows = {getattr(item, "index", None): getattr(item, "embedding", None) for item in data}
        if len(data) != len(batch) or set(rows) != set(range(len(batch))):
            raise self._numbered(len(data), len(batch))
        tokens = getattr(getattr(answer, "usage", None), "prompt_tokens", None)
        return Batch([rows[index] for index in range(len(batch))], tokens if isinstance(tokens, int) else None)

    def _numbered(self, found: int, wanted: int) -> ProviderNonsense:
        return self._nonsense(f"{found} vectors for {wanted} texts, or with wrong numbers")


def _within_window(text: str) -> str:
    """OpenAI refuses a text beyond its window; bytes bound its tokens from above."""
    if most_tokens(text) <= _WINDOW:
        return text
    return text.encode("utf-8")[:_WINDOW].decode("utf-8", errors="ignore")
