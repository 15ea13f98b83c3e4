"""What a library holds: documents, their chunks, and the conditions that narrow a search among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Scalar = str | int | float | bool
Metadata = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Document:
    """One source file or page. `content_hash` is the SHA-256 (hex) of the source's bytes."""

    id: str
    title: str
    uri: str
    format: str
    content_hash: str
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document that is embedded and retrieved.

    `tokens` counts title and text with the embedding model's own tokenizer (at most 220). `ordinal` is the
    0-based place within the document; `page` is 1-based, None where the format has no pages.
    """

    id: str
    document_id: str
    text: str
    title: str
    ordinal: int
    tokens: int
    section: tuple[str, ...] = ()
    page: int | None = None
    metadata: Metadata = field(default_factory=dict)

    @property
    def context(self) -> str:
        """Where the text stands, in one line: `Reranking > Cross-encoders`. A heading that only repeats the title is
        left out."""
        return " > ".join(part for part in (self.title, *(p for p in self.section if p != self.title)) if part)


def same_place(chunk: Chunk, other: Chunk) -> bool:
    """Whether both stand in one section of one document; in one page of it, where it has no sections."""
    return (
        (chunk.document_id, chunk.title, chunk.section) == (other.document_id, other.title, other.section)
        and dict(chunk.metadata) == dict(other.metadata)
        and (bool(chunk.section) or chunk.page == other.page)
    )


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """What a reader knows about the pinned generation it reads.

    `floor` is p_answerable's offset for this library (see `app.calibration.floor`): the scores that about thirty
    shipped off-topic questions reach here; empty until ingest has asked them.
    """

    name: str
    generation: int
    documents: int
    chunks: int
    embedder_id: str
    floor: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """One metadata condition: the field's value is one of `values` ("in"), or compares with `values[0]`."""

    field: str
    op: Literal["in", ">=", "<="]
    values: tuple[Scalar, ...]


Filter = tuple[Condition, ...]  # all must hold; () lets everything through
