"""The question as it was asked, and the frozen candidates that retrieval found for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.domain.library import Chunk, Filter, LibraryInfo


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier turn of the conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What was typed, and the question that stands alone and is searched for; `note`: what went wrong on the way."""

    text: str
    standalone: str
    rewrite: Literal["none", "model", "terms", "edited"] = "none"
    note: str = ""

    @property
    def asked(self) -> str:
        """The words a passage is expected to contain. Terms carried over from earlier turns help to search and to
        compare meaning; an answer need not repeat them."""
        return self.text if self.rewrite == "terms" else self.standalone


RetrievalMode = Literal["dense", "lexical", "hybrid"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that retrieval returned, with its evidence. Ranks are 1-based.

    `cosine` (-1..1) and `bm25` (>= 0) are computed for every candidate, whichever leg found it; None only where the
    leg is unavailable (a Chroma server without its catalogue has no lexical leg). `bm25_share` is BM25 divided by
    the most this question could score (0..1), so that it carries over between corpora. `matched` indexes the
    question's terms (`Retrieved.term_weights`) that occur in the chunk. Both are about `Question.asked`.
    """

    chunk: Chunk
    rank_before: int
    cosine: float | None = None
    bm25: float | None = None
    bm25_share: float | None = None
    rank_dense: int | None = None
    rank_lexical: int | None = None
    matched: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The frozen candidate set of one question. `term_weights` are the IDFs of the question's terms in this library."""

    candidates: tuple[Candidate, ...]
    mode: RetrievalMode
    k: int
    library: LibraryInfo
    filter: Filter = ()
    term_weights: tuple[float, ...] = ()
    lexical_available: bool = True
