"""What all embedding services have in common: batches, limits, attempts, and vectors of length 1 or an error.

A provider's file says how one batch is asked for and read; see `HostedEmbedder._request`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.errors import ProviderNonsense
from app.metering import billed
from app.ports import Vectors
from app.providers.asking import ask
from app.providers.failures import Service, provider_errors
from app.providers.token_bounds import estimated_tokens, most_tokens
from app.settings import Settings

_PATIENCE = 2.0  # times EMBEDDING_TIMEOUT for one batch with all its attempts: ingest can wait, a question is limited


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a service takes: tokens of one text, texts of a request, and tokens of a request."""

    tokens: int
    texts: int
    request_tokens: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A service's answer: one row a text, in the order of the texts, and the tokens it counted (None: unsaid)."""

    rows: Sequence[object]
    tokens: int | None


class HostedEmbedder(ABC):
    """An `Embedder` behind a service. Tokens are counted offline by an estimate that errs upwards."""

    def __init__(
        self,
        model: str,
        settings: Settings,
        service: Service,
        *,
        provider: str,
        host: str,
        bounds: Bounds,
        known: int | None,
    ) -> None:
        """`provider`: whose prices apply; `host`: "" at the provider itself, else part of the id; `known`: the length
        of its vectors, where it is."""
        self._model = model
        self._service = service
        self._provider = provider
        self._bounds = bounds
        self._known = known
        self._wanted = settings.embedding_dimensions
        self._seconds = _PATIENCE * settings.embedding_timeout
        self._prompts = (settings.embedding_question_prompt or "", settings.embedding_passage_prompt or "")
        shorter = "" if self._wanted is None else f"@{self._wanted}"
        self._id = f"{service_name(self)}/{model}{shorter}{prompts_in_id(*self._prompts)}/{host}/float32"

    @property
    def id(self) -> str:
        return self._id

    @cached_property
    def dimension(self) -> int:
        """What was asked for, else known for the provider's own models; for others one short text is embedded."""
        if self._wanted is not None:
            return self._wanted
        return (
            self._known if self._known is not None else self._embed(["dimension"], question=False, any_length=True)[1]
        )

    @property
    def max_tokens(self) -> int:
        longest = max(estimated_tokens(prompt) for prompt in self._prompts)
        return max(1, self._bounds.tokens - longest)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return self._vectors(texts, question=True)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._vectors(texts, question=False)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """An estimate from above: the tokenizer's tables would have to be downloaded."""
        return [estimated_tokens(text) for text in texts]

    @abstractmethod
    def _request(self, batch: Sequence[str], *, question: bool) -> Batch:
        """Ask for one batch; what the client raises is translated by the caller."""

    def _vectors(self, texts: Sequence[str], *, question: bool) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        rows, _ = self._embed(texts, question=question)
        return rows

    def _embed(self, texts: Sequence[str], *, question: bool, any_length: bool = False) -> tuple[Vectors, int]:
        prompt = self._prompts[0 if question else 1]
        sent = [fitting(prompt + text if text.strip() else text, self._bounds.request_tokens) for text in texts]
        rows = [row for batch in batches(sent, self._bounds) for row in self._asked(batch, question=question)]
        vectors = np.asarray(rows, dtype=np.float32)
        length = vectors.shape[1]
        if not any_length and length != self.dimension:
            raise ProviderNonsense(
                f"{self._service.name} answered with vectors of length {length} instead of {self.dimension}.",
                hint="Set EMBEDDING_DIMENSIONS to a length this model has, or leave it empty.",
            )
        if not np.isfinite(vectors).all():
            raise self._nonsense("values that are not numbers")
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        if (lengths == 0).any():
            raise self._nonsense("a vector of zeros")
        return np.asarray(vectors / lengths, dtype=np.float32), length

    def _asked(self, batch: Sequence[str], *, question: bool) -> list[list[float]]:
        def once() -> list[list[float]]:
            with billed(self._provider, self._model) as bill:
                with provider_errors(self._service):
                    answer = self._request(batch, question=question)
                bill.units = {"input_tokens": answer.tokens} if answer.tokens else None
                return self._rows(answer.rows, len(batch))

        return ask(self._service, once, seconds=self._seconds)

    def _rows(self, rows: Sequence[object], count: int) -> list[list[float]]:
        if len(rows) != count:
            raise self._nonsense(f"{len(rows)} vectors for {count} texts")
        found: list[list[float]] = []
        for row in rows:
            numbers = isinstance(row, list) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in row)
            if not isinstance(row, list) or not row or not numbers:
                raise self._nonsense("what is no vector")
            if found and len(row) != len(found[0]):
                raise self._nonsense("vectors of different lengths")
            found.append(row)
        return found

    def _nonsense(self, what: str) -> ProviderNonsense:
        hint = f"Check {self._service.url_setting} and EMBEDDING."
        return ProviderNonsense(f"{self._service.name} answered with {what}.", hint=hint)


def service_name(embedder: HostedEmbedder) -> str:
    """The first part of an id: the interface it is asked by."""
    return type(embedder).__name__.removesuffix("Embedder").lower()


def prompts_in_id(question: str, passage: str) -> str:
    """ "" without prompts; else what tells vectors made with these prompts from others."""
    if not question and not passage:
        return ""
    return "+" + hashlib.sha256(f"{question}\n{passage}".encode()).hexdigest()[:8]


def fitting(text: str, most: int) -> str:
    """The text cut so that it surely fits into a request; a dash for an empty one, which services refuse."""
    if most_tokens(text) > most:
        text = text.encode("utf-8")[:most].decode("utf-8", errors="ignore")
    return text if text.strip() else "-"


def batches(texts: Sequence[str], bounds: Bounds) -> Iterator[list[str]]:
    """The texts in order, as many together as one request takes."""
    batch: list[str] = []
    tokens = 0
    for text in texts:
        size = most_tokens(text)
        if batch and (len(batch) == bounds.texts or tokens + size > bounds.request_tokens):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += size
    if batch:
        yield batch
