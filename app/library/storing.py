"""Documents into the catalogue and out of it, stamped with a generation. Within a transaction of the caller."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain import Chunk, Document
from app.library import bases, journal
from app.library.lexical import indexed_words
from app.library.rows import pack
from app.ports import Vectors

_FIELDS = "id, title, uri, format, content_hash, metadata, recipe, chunks"
_CHUNK_FIELDS = "id, ordinal, text, title, section, page, tokens, metadata"


def insert(
    connection: sqlite3.Connection,
    document: Document,
    chunks: Sequence[Chunk],
    matrix: Vectors,
    recipe: str,
    generation: int,
) -> None:
    """Add a document. `matrix`: unit rows, one a chunk. Raises UnicodeEncodeError, DocumentError."""
    size = sum(len(chunk.text.encode("utf-8")) for chunk in chunks)
    about = (
        document.id, document.title, document.uri, document.format, document.content_hash,
        pack(document.metadata, document), recipe, len(chunks),
    )  # fmt: skip
    row = connection.execute(
        f"INSERT INTO documents ({_FIELDS}, bytes, added_at, added_gen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*about, size, journal.now(), generation),
    ).lastrowid
    seal = _Sealing(about)
    for chunk, vector in zip(chunks, matrix, strict=True):
        words = indexed_words(chunk)
        said = (
            chunk.id, chunk.ordinal, chunk.text, chunk.title, json.dumps(chunk.section, ensure_ascii=False),
            chunk.page, chunk.tokens, pack(chunk.metadata, document),
        )  # fmt: skip
        place = connection.execute(
            f"INSERT INTO chunks ({_CHUNK_FIELDS}, document, words, added_gen) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*said, row, len(words), generation),
        ).lastrowid
        stored = vector.tobytes()
        connection.execute("INSERT INTO vectors VALUES (?, ?)", (place, stored))
        connection.execute("INSERT INTO lexical (rowid, words) VALUES (?, ?)", (place, " ".join(words)))
        seal.add(said, stored)
    connection.execute("INSERT OR REPLACE INTO seals VALUES (?, ?, ?)", (row, *seal.value))


def withdraw(connection: sqlite3.Connection, generation: int, which: str, value: str, other: str = "") -> int:
    """Stamp documents as removed in `generation`; those that nobody has seen yet are deleted at once.

    `which` is SQL over documents with `:value` and `:other`. Returns how many there were.
    """
    found = connection.execute(
        f"SELECT row, added_gen FROM documents WHERE removed_gen IS NULL AND ({which})",
        {"value": value, "other": other},
    ).fetchall()
    for row, added in found:
        if added == generation:
            bases.drop_chunks(connection, "document = ?", row)
            bases.drop_documents(connection, "row = ?", row)
        else:
            for table, column in (("chunks", "document"), ("documents", "row")):
                connection.execute(f"UPDATE {table} SET removed_gen = ? WHERE {column} = ?", (generation, row))
    return len(found)


def drop_after(connection: sqlite3.Connection, generation: int) -> None:
    """Undo what was written after a generation: a run that was killed, or ended without `publish`."""
    bases.drop_chunks(connection, "added_gen > ?", generation)
    bases.drop_documents(connection, "added_gen > ?", generation)
    for table in ("documents", "chunks"):
        connection.execute(f"UPDATE {table} SET removed_gen = NULL WHERE removed_gen > ?", (generation,))


@dataclass(frozen=True, slots=True)
class Seal:
    """SHA-256 of a document as it was stored: of what it says (itself and its chunks), and of their vectors. Apart,
    for vectors that were lost can be had from the index, and text cannot."""

    said: bytes
    vectors: bytes


class _Sealing:
    def __init__(self, about: tuple[object, ...]) -> None:
        self._said = hashlib.sha256(_packed(about))
        self._vectors = hashlib.sha256()

    def add(self, said: tuple[object, ...], vector: bytes) -> None:
        self._said.update(_packed(said))
        self._vectors.update(len(vector).to_bytes(4, "big") + vector)

    @property
    def value(self) -> tuple[bytes, bytes]:
        return self._said.digest(), self._vectors.digest()


def _packed(values: tuple[object, ...]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode("utf-8", errors="surrogatepass") + b"\n"


def seal_of(connection: sqlite3.Connection, row: int) -> Seal:
    """The seal of a document as it stands now."""
    sealing = _Sealing(tuple(connection.execute(f"SELECT {_FIELDS} FROM documents WHERE row = ?", (row,)).fetchone()))
    columns = ", ".join(f"c.{name}" for name in _CHUNK_FIELDS.split(", "))
    chunks = connection.execute(
        f"SELECT v.vector, {columns} FROM chunks c LEFT JOIN vectors v ON v.chunk = c.row "
        "WHERE c.document = ? ORDER BY c.row",
        (row,),
    )
    for stored, *said in chunks:
        sealing.add(tuple(said), stored or b"")
    return Seal(*sealing.value)


def reseal(connection: sqlite3.Connection, row: int) -> None:
    """Take a document as it stands now for what was stored."""
    now = seal_of(connection, row)
    connection.execute("INSERT OR REPLACE INTO seals VALUES (?, ?, ?)", (row, now.said, now.vectors))
