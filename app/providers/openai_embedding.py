"""OpenAI's embedding API (platform.openai.com/docs/api-reference/embeddings), and servers that speak it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from urllib.parse import urlsplit

import numpy as np

from app.errors import ProviderAuth, ProviderNonsense
from app.metering import billed, paid_to
from app.ports import Vectors
from app.providers.failures import Service, provider_errors, retry_within
from app.settings import Settings

_DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
_WINDOW = 8191  # tokens of one text
_REQUEST_TOKENS = 250_000  # the API takes 300,000 a request
_REQUEST_TEXTS = 256  # the API takes 2,048; smaller requests lose less when one fails
_PIECES = re.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]")


class OpenAIEmbedder:
    """Vectors of length 1 from `POST /embeddings`. Tokens are counted offline by an estimate that errs upwards."""

    def __init__(self, model: str, settings: Settings, *, patience: float = 60.0) -> None:
        """Raises ProviderAuth without a key for OpenAI itself; another base URL needs none.

        `patience`: seconds that waiting out rate limits and outages may take in all.
        """
        import openai

        key, base = settings.openai_api_key, settings.openai_base_url
        if key is None and base is None:
            raise ProviderAuth("OpenAI embeddings need a key.", hint="Set OPENAI_API_KEY in .env or the environment.")
        secret = None if key is None else key.get_secret_value()
        self._model = model
        self._patience = patience
        self._host = "" if base is None else urlsplit(base).netloc
        self._provider = paid_to(base, "openai", "api.openai.com")
        self._service = Service(
            name="The OpenAI API" if base is None else f"The embedding server at {self._host}",
            key_setting="OPENAI_API_KEY",
            url_setting="OPENAI_BASE_URL",
            timeout_setting="CHAT_TIMEOUT",
            model_setting="EMBEDDING",
            secret=secret,
        )
        self._client = openai.OpenAI(
            api_key=secret if secret is not None else "not-needed",
            base_url=base if base is not None else "https://api.openai.com/v1",
            timeout=settings.chat_timeout,
            max_retries=0,  # retry_within does it, and keeps to a limit
        )

    @property
    def id(self) -> str:
        return f"openai/{self._model}/{self._host}/float32"

    @cached_property
    def dimension(self) -> int:
        """Known for OpenAI's models; for others one short text is embedded to see."""
        known = _DIMENSIONS.get(self._model)
        return known if known is not None else len(self._request(["dimension"])[0])

    @property
    def max_tokens(self) -> int:
        return _WINDOW

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """An estimate from above: the tokenizer's tables would have to be downloaded."""
        return [estimated_tokens(text) for text in texts]

    def _embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        rows = [row for batch in _batches([_fitting(text) for text in texts]) for row in self._request(batch)]
        vectors = np.asarray(rows, dtype=np.float32)
        if vectors.shape != (len(texts), self.dimension) or not np.isfinite(vectors).all():
            raise self._nonsense(f"vectors of shape {vectors.shape}, or with values that are not numbers")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if (lengths == 0).any():
            raise self._nonsense("a vector of zeros")
        return np.asarray(vectors / lengths, dtype=np.float32)

    def _request(self, batch: Sequence[str]) -> list[list[float]]:
        def ask() -> list[list[float]]:
            with billed(self._provider, self._model) as bill, provider_errors(self._service):
                answer = self._client.embeddings.create(model=self._model, input=list(batch), encoding_format="float")
                tokens = getattr(getattr(answer, "usage", None), "prompt_tokens", None)
                bill.units = {"input_tokens": tokens} if isinstance(tokens, int) and tokens > 0 else None
            data = getattr(answer, "data", None) or []
            rows = {getattr(item, "index", None): getattr(item, "embedding", None) for item in data}
            if len(data) != len(batch) or set(rows) != set(range(len(batch))):
                raise self._nonsense(f"{len(data)} vectors for {len(batch)} texts, or with wrong numbers")
            ordered = [rows[index] for index in range(len(batch))]
            if any(not isinstance(row, list) or len(row) != len(ordered[0] or []) for row in ordered):
                raise self._nonsense("vectors of different lengths")
            return [list(row) for row in ordered if row is not None]

        return retry_within(self._patience, ask)

    def _nonsense(self, what: str) -> ProviderNonsense:
        return ProviderNonsense(
            f"{self._service.name} answered with {what}.", hint="Check OPENAI_BASE_URL and EMBEDDING."
        )


def estimated_tokens(text: str) -> int:
    """Meant to be somewhat above what OpenAI's tokenizers make of prose, code and tables.

    A word counts a token for every six letters, a number one for every three digits, any other character one; the
    whole at least one for every four bytes; and 15 % on top.
    """
    pieces = sum(_piece_tokens(piece) for piece in _PIECES.findall(text))
    return min(most_tokens(text), math.ceil(1.15 * max(pieces, len(text.encode("utf-8")) / 4)))


def most_tokens(text: str) -> int:
    """The bytes: no token of a byte-level tokenizer is shorter, so this bound holds for any text."""
    return len(text.encode("utf-8"))


def _piece_tokens(piece: str) -> int:
    if piece[0].isdigit():
        return math.ceil(len(piece) / 3)
    return math.ceil(len(piece) / 6) if piece[0].isalpha() and piece.isascii() else 1


def _fitting(text: str) -> str:
    """The text cut so that it surely fits the model's window; a blank for an empty one, which the API refuses."""
    if most_tokens(text) > _WINDOW:
        text = text.encode("utf-8")[:_WINDOW].decode("utf-8", errors="ignore")
    return text if text.strip() else "-"


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    tokens = 0
    for text in texts:
        size = most_tokens(text)
        if batch and (len(batch) == _REQUEST_TEXTS or tokens + size > _REQUEST_TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += size
    if batch:
        yield batch
