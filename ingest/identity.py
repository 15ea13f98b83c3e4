"""What a document and its making are called: ids from places, hashes from bytes, recipes from versions."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ingest import split
from ingest.load import Format, parser_version

CHUNKER = split.VERSION


def uri_of(path: Path) -> str:
    """A file's place: its absolute path with links followed, so that one file has one name however it was reached."""
    return str(path.resolve())


def document_id(uri: str) -> str:
    """The document's id: from where it stands, so that a changed file replaces its earlier version."""
    return hashlib.sha256(uri.encode("utf-8", errors="surrogateescape")).hexdigest()[:24]


def content_hash(data: bytes) -> str:
    """SHA-256 of a source's bytes, hex."""
    return hashlib.sha256(data).hexdigest()


def recipe(kind: Format, embedder_id: str) -> str:
    """Parser, chunker and embedder. Another recipe makes other passages of the same bytes."""
    return f"{parser_version(kind)}+{CHUNKER}+{embedder_id}"
