"""Everything a library holds, read at once: for locating labels and drafting questions, which look at all of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from app.domain import Chunk, Document, LibraryInfo
from app.library.catalogue import LIVE, Connections, info, latest, read_manifest
from app.library.places import existing
from app.library.rows import CHUNK_COLUMNS, CHUNK_TABLES, chunk_of


@dataclass(frozen=True, slots=True)
class Contents:
    """The documents of one generation, by uri, and their chunks, by document and place in it."""

    info: LibraryInfo
    documents: tuple[Document, ...]
    chunks: tuple[Chunk, ...]


def _document(row_id: str, title: str, uri: str, kind: str, content_hash: str, metadata: str) -> Document:
    return Document(row_id, title, uri, kind, content_hash, json.loads(metadata))


def read_contents(directory: Path, name: str) -> Contents:
    """The last published generation of a library. Raises LibraryNotFound, LibraryDamaged."""
    where = existing(directory, name)
    connections = Connections(where)
    try:
        with connections.lend() as connection:
            current = latest(connection)
            generation = {"generation": current.number}
            documents = connection.execute(
                "SELECT d.id, d.title, d.uri, d.format, d.content_hash, d.metadata FROM documents d "
                f"WHERE {LIVE.format('d')} ORDER BY d.uri",
                generation,
            ).fetchall()
            chunks = connection.execute(
                f"SELECT {CHUNK_COLUMNS} FROM {CHUNK_TABLES} WHERE {LIVE.format('c')} ORDER BY d.uri, c.ordinal",
                generation,
            ).fetchall()
            return Contents(
                info(where, read_manifest(connection, where), current),
                tuple(_document(*row) for row in documents),
                tuple(chunk_of(row) for row in chunks),
            )
    finally:
        connections.close()
