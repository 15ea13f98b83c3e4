"""What a document and its making are called: ids from places, hashes from bytes, recipes from versions."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ingest.cutting import VERSION, Cutting, chunker_id
from ingest.load import Format, parser_version

CHUNKER = VERSION


def uri_of(path: Path) -> str:
    """A file's place: its absolute path with links followed, so that one file has one name however it was reached."""
    return str(path.resolve())


def document_id(uri: str) -> str:
    """The document's id: from where it stands, so that a changed file replaces its earlier version."""
    return hashlib.sha256(uri.encode("utf-8", errors="surrogateescape")).hexdigest()[:24]


def content_hash(data: bytes) -> str:
    """SHA-256 of a source's bytes, hex."""
    return hashlib.sha256(data).hexdigest()


def recipe(kind: Format, embedder_id: str, cutting: Cutting = Cutting()) -> str:  # noqa: B008  # frozen
    """Parser, chunker and embedder. Another recipe makes other passages of the same bytes."""
    return f"{parser_version(kind)}+{chunker_id(kind.name, cutting)}+{embedder_id}"


def chunker_of(recipe: str) -> str:
    """The chunker's part of a recipe.

    >>> chunker_of("csv-2[name|a+b]+split-1/tokens+bundled/x")
    'split-1/tokens'
    """
    return next((part for part in recipe.split("+") if part.partition("/")[0].startswith("split-")), "")
