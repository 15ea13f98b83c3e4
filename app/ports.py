"""What the stages ask of the world. Concrete parts live in `app.library` and `app.providers`; `app.wiring` joins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from app.domain import (
    CalibrationKind,
    Chunk,
    Document,
    Filter,
    GatePolicy,
    Judgement,
    LibraryInfo,
    Retrieved,
    Score,
    ScorerId,
    ScorerProfile,
    Usage,
)

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Turns text into unit-length vectors."""

    @property
    def id(self) -> str:
        """provider/model/revision/precision: vectors of two ids must never meet in one library."""
        ...

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads; the rest would be cut silently, so ingest never sends more."""
        ...

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimension), float32, rows of length 1."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """As `embed_questions`, with the model's passage prompt where it has one."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text in the model's own tokenizer, without special tokens."""
        ...


class Scorer(Protocol):
    """A reranker."""

    @property
    def profile(self) -> ScorerProfile: ...

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """One score a passage, in the order given. Empty in, empty out.

        Raises ProviderError or ModelError when it cannot; never returns made-up numbers.
        """
        ...


class ScoreCache(Protocol):
    """Scores that were computed before. It never fails a question: what cannot be read is scored again."""

    def get(self, scorer: ScorerId, question: str, passages: Sequence[str]) -> list[Score | None]:
        """The score of each passage (the text the scorer sees), exactly as it was put; None where it is not known."""
        ...

    def put(self, scorer: ScorerId, question: str, passages: Sequence[str], scores: Sequence[Score]) -> None:
        """Keep the scores, one a passage; those that are None or not finite are left out."""
        ...


class Calibration(Protocol):
    """The fitted maps from raw scores and retrieval evidence to p and p_answerable (design.md section 3)."""

    @property
    def kind(self) -> CalibrationKind: ...

    @property
    def note(self) -> str:
        """Where p comes from, in words for the page: "general calibration, measured on ..."."""
        ...

    @property
    def policy(self) -> GatePolicy:
        """The gate policy it proposes, with the measured errors."""
        ...

    def judge(self, retrieved: Retrieved, scores: Sequence[Score]) -> Judgement:
        """p, shares, order and p_answerable of one question. `scores` follow the candidates."""
        ...

    def evidence(self, retrieved: Retrieved) -> Judgement:
        """The same from retrieval evidence alone: the map refitted without the scorer (the fourth arm)."""
        ...


@dataclass(frozen=True, slots=True)
class Lexical:
    """BM25 of some chunks for one question. `bm25` maps chunk id -> score; `matched` maps chunk id -> indices into
    `term_weights` (the IDF of each distinct question term that is not a stop word; 0 < weight).
    `ceiling` is the most any passage could score for this question: sum of idf * (k1 + 1)."""

    bm25: Mapping[str, float]
    matched: Mapping[str, frozenset[int]]
    term_weights: tuple[float, ...]
    ceiling: float


class LibraryReader(Protocol):
    """One pinned generation of a library: whole documents only, unchanged while it is open."""

    @property
    def info(self) -> LibraryInfo: ...

    @property
    def has_lexical(self) -> bool: ...

    def dense(self, vector: Vectors, k: int, where: Filter) -> list[tuple[str, float]]:
        """The k nearest chunks to one vector (shape (dimension,)): (chunk id, cosine -1..1), best first."""
        ...

    def lexical(self, question: str, k: int, where: Filter) -> Lexical:
        """BM25 of the k best-matching chunks; fewer when fewer match."""
        ...

    def cosines(self, vector: Vectors, chunk_ids: Sequence[str]) -> dict[str, float]: ...

    def bm25(self, question: str, chunk_ids: Sequence[str]) -> Lexical:
        """BM25 of exactly these chunks (0.0 where nothing matches)."""
        ...

    def chunks(self, chunk_ids: Sequence[str]) -> dict[str, Chunk]: ...

    def around(self, chunk_id: str, reach: int = 1) -> tuple[Chunk, ...]:
        """The chunk with up to `reach` neighbours on either side in its document, in order: for showing a citation in
        place, and for what is sent with it."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as the catalogue has it. `recipe` identifies parser, chunker and embedder versions: an unchanged
    content hash with another recipe must be ingested again. `read_at` (ISO 8601, UTC): when its file was last known to
    hold what was read."""

    id: str
    uri: str
    content_hash: str
    recipe: str
    chunks: int
    read_at: str = ""


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that could not be read, remembered so that it need not be parsed again: bytes and recipe (see
    `StoredDocument`), why, what to do, and `patience`, the seconds its parser was given."""

    uri: str
    content_hash: str
    recipe: str
    reason: str
    hint: str
    patience: float


class LibraryWriter(Protocol):
    """The one door for writing. Holds the library's write lock from opening to close.

    Rows become the next generation in transactions, one a document; readers see none of them before `publish`.
    A kill at any moment leaves the last published generation, and the next writer drops what was not published.
    """

    @property
    def info(self) -> LibraryInfo:
        """The last published generation."""
        ...

    def stored(self) -> dict[str, StoredDocument]:
        """uri -> document, of the last published generation and what this run has changed since."""
        ...

    def replace(self, document: Document, chunks: Sequence[Chunk], vectors: Vectors, recipe: str) -> None:
        """Add a document, or replace the one of the same id whole. `vectors` has shape (len(chunks), dimension)."""
        ...

    def remove(self, document_id: str) -> None: ...

    def publish(self) -> int:
        """Make everything since the last publish visible at once, rebuilding the base index when the recent part
        has grown past its share; returns the generation (unchanged when nothing was written)."""
        ...

    @property
    def floor_is_measured(self) -> bool:
        """Whether the floor is that of the published generation, and not one it took over from an earlier."""
        ...

    def failures(self) -> dict[str, FailedFile]:
        """uri -> what is remembered of a file that failed."""
        ...

    def remember_failure(self, failed: FailedFile) -> None:
        """Remember a file that failed; kept at once, whatever becomes of the run. `replace` forgets it."""
        ...

    def forget_failures(self, uris: Sequence[str]) -> None: ...

    def confirm(self, uris: Sequence[str], at: str) -> None:
        """Note that these documents' files, though written to since, held at `at` (ISO 8601, UTC) what was read."""
        ...

    def save_report(self, report: Mapping[str, object]) -> None:
        """Keep this run's report (JSON values) in the library, beside the last few."""
        ...

    def set_floor(self, floor: Sequence[float]) -> None:
        """Record what the shipped off-topic questions scored in this library (see `LibraryInfo.floor`)."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed chat answer; the last one brings `finish`, and `usage` where the provider sends it.
    `used`: the same as a use that can be priced. `because`: why it was cut, in words."""

    text: str
    finish: Literal["stop", "length", "cut"] | None = None
    usage: Mapping[str, int] | None = None
    used: Usage | None = None
    because: str = ""


class ChatModel(Protocol):
    """A chat model, whoever serves it."""

    @property
    def name(self) -> str: ...

    @property
    def window(self) -> int | None:
        """Tokens of context the model reads; None when its profile is unknown."""
        ...

    def stream(self, system: str, user: str, *, max_tokens: int) -> Iterator[Delta]:
        """Raises ProviderError before the first piece; a stream that breaks later ends with finish="cut"."""
        ...

    def complete(self, system: str, user: str, *, max_tokens: int) -> str: ...
