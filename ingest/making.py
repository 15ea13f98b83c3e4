"""What a parsed file becomes: a document and its chunks. A pure function of the text, the cutting and the tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.domain import Document, Scalar
from app.errors import DocumentError
from app.language import detect
from ingest.cutting import Cutting, chosen_for
from ingest.identity import document_id
from ingest.load.parsed import Parsed
from ingest.pieces import Count
from ingest.split import Cut, split

MOST_CHUNKS = 200_000  # of one document: it is written whole, and its vectors are held until then


@dataclass(frozen=True, slots=True)
class Made:
    """A document, cut; `language` where it can be told."""

    document: Document
    cuts: tuple[Cut, ...]
    language: str | None


def make(parsed: Parsed, path: Path, uri: str, format_name: str, digest: str, cutting: Cutting, count: Count) -> Made:
    """`count` gives the tokens of texts in the embedding model's tokenizer. Raises DocumentError for a document of too
    many chunks."""
    language = detect("\n".join(block.text for block in parsed.blocks))
    known: dict[str, Scalar] = {} if language is None else {"language": language}
    metadata = {"file": path.name, "folder": path.parent.name, **known, **parsed.metadata}
    document = Document(document_id(uri), parsed.title, uri, format_name, digest, metadata)
    strategy = chosen_for(format_name, cutting).strategy
    cuts = split(parsed, document.id, count, limit=cutting.limit, strategy=strategy)
    if len(cuts) > MOST_CHUNKS:
        raise DocumentError(f"too long: {len(cuts):,} passages", hint="Split it into smaller files.")
    return Made(document, cuts, language)
