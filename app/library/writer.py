"""Writing a library: rows of the next generation, published with one row; one writer at a time."""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace as changed
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app.domain import Chunk, Document, LibraryInfo
from app.errors import DocumentError
from app.library import bases, exact
from app.library.catalogue import (
    LIVE,
    Manifest,
    check_embedder,
    connect,
    create,
    guarded,
    info,
    latest,
    read_manifest,
    transaction,
    write_manifest,
)
from app.library.fingerprint import write_fingerprint
from app.library.lexical import indexed_words
from app.library.locks import FileLock, write_lock
from app.library.places import Places, places
from app.library.remote import about, entries
from app.library.rows import pack
from app.library.server import Server
from app.ports import StoredDocument, Vectors


def _json(section: tuple[str, ...]) -> str:
    return json.dumps(section, ensure_ascii=False)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class CatalogueWriter:
    """A LibraryWriter that holds the write lock until `close`. Not for several threads at once."""

    def __init__(
        self, places: Places, lock: FileLock, connection: sqlite3.Connection, manifest: Manifest, chroma_url: str | None
    ) -> None:
        self._places = places
        self._chroma_url = chroma_url
        self._lock = lock
        self._connection = connection
        self._manifest = manifest
        self._current = latest(connection)
        self._next = self._current.number + 1
        self._wrote = False
        self._drop_unpublished()
        if self._current.base == 0:
            bases.ready(places, 0)
        self._first = self._next
        self._run = self._begin_run()

    @property
    def info(self) -> LibraryInfo:
        return info(self._places, self._manifest, self._current)

    def stored(self) -> dict[str, StoredDocument]:
        with guarded(self._places):
            rows = self._connection.execute(
                "SELECT uri, id, content_hash, recipe, chunks FROM documents WHERE removed_gen IS NULL"
            ).fetchall()
        return {uri: StoredDocument(id_, uri, hash_, recipe, chunks) for uri, id_, hash_, recipe, chunks in rows}

    def replace(self, document: Document, chunks: Sequence[Chunk], vectors: Vectors, recipe: str) -> None:
        """See `LibraryWriter.replace`. A document of the same uri under another id makes way too.

        Vectors are stored at length 1. Raises ValueError for vectors of another shape or with NaN in them,
        DocumentError for text or metadata that cannot be stored, LibraryError when the disk is full.
        """
        wanted = (len(chunks), self._manifest.dimension)
        if vectors.shape != wanted:
            raise ValueError(f"{document.uri}: vectors have shape {vectors.shape}, not {wanted}")
        if not np.isfinite(vectors).all():
            raise ValueError(f"{document.uri}: a vector holds NaN or infinity")
        matrix = exact.unit(vectors)
        with guarded(self._places), transaction(self._connection):
            try:
                self._withdraw("id = :value OR uri = :other", document.id, document.uri)
                self._insert(document, chunks, matrix, recipe)
            except UnicodeEncodeError as error:
                raise DocumentError(
                    f"{document.uri}: its text holds characters that are not Unicode ({error.reason})",
                    hint="Save the file again as UTF-8.",
                ) from error
        self._wrote = True

    def remove(self, document_id: str) -> None:
        """Remove a document; nothing happens where there is none of this id."""
        with guarded(self._places), transaction(self._connection):
            if self._withdraw("id = :value", document_id):
                self._wrote = True

    def publish(self) -> int:
        """See `LibraryWriter.publish`. The rows are published first; the new base is built and switched to after."""
        with guarded(self._places):
            if self._wrote:
                self._publish_rows()
            if bases.is_due(self._connection, self._places, self._current):
                self.rebuild()
            else:
                self._tidy()
        return self._current.number

    def rebuild(self) -> float:
        """Build the base index of the published generation anew; returns its recall on a sample (0..1)."""
        with guarded(self._places):
            if self._chroma_url is None:
                recall = bases.build(self._connection, self._places, self._current, self._manifest.dimension)
            else:
                recall = self._upload(self._chroma_url)
            self._tidy()
        return recall

    def _upload(self, url: str) -> float:
        """Put the published generation on the server as its new base; every chunk must be there (1.0)."""
        chunks = entries(self._connection, self._current.number, self._manifest.dimension)
        Server(url, self._places.name).upload(self._current.number, about(self._manifest, self._current), chunks)
        bases.ready(self._places, self._current.number)
        bases.switch(self._connection, self._current.number)
        return 1.0

    def set_floor(self, floor: Sequence[float]) -> None:
        with guarded(self._places), transaction(self._connection):
            self._connection.execute(
                "UPDATE generations SET floor = ? WHERE generation = ?",
                (json.dumps([float(value) for value in floor]), self._current.number),
            )
        self._current = changed(self._current, floor=tuple(float(value) for value in floor))
        if self._chroma_url is not None and self._current.base > 0:
            server = Server(self._chroma_url, self._places.name)
            server.describe(self._current.base, about(self._manifest, self._current))

    def close(self) -> None:
        """Let the lock go. What was not published is dropped by the next writer.

        With a Chroma server, what was published since its last base goes there first. Raises ProviderError.
        """
        try:
            if self._chroma_url is not None and self._current.base != self._current.number and self._current.chunks:
                self.rebuild()
        finally:
            self._end_run()

    def _end_run(self) -> None:
        state = "abandoned" if self._wrote else "published" if self._next > self._first else "unchanged"
        with self._lock, guarded(self._places):
            self._connection.execute(
                "UPDATE runs SET ended_at = ?, state = ?, generation = ? WHERE id = ?",
                (_now(), state, self._current.number, self._run),
            )
            self._connection.close()

    # -- inside a transaction of the caller --------------------------------------------------------

    def _withdraw(self, which: str, value: str, other: str = "") -> int:
        """Stamp documents as removed in the next generation; those that nobody has seen yet are deleted at once."""
        found = self._connection.execute(
            f"SELECT row, added_gen FROM documents WHERE removed_gen IS NULL AND ({which})",
            {"value": value, "other": other},
        ).fetchall()
        for row, added in found:
            if added == self._next:
                bases.drop_chunks(self._connection, "document = ?", row)
                self._connection.execute("DELETE FROM documents WHERE row = ?", (row,))
            else:
                for table, column in (("chunks", "document"), ("documents", "row")):
                    self._connection.execute(
                        f"UPDATE {table} SET removed_gen = ? WHERE {column} = ?", (self._next, row)
                    )
        return len(found)

    def _insert(self, document: Document, chunks: Sequence[Chunk], matrix: Vectors, recipe: str) -> None:
        size = sum(len(chunk.text.encode("utf-8")) for chunk in chunks)
        row = self._connection.execute(
            "INSERT INTO documents (id, title, uri, format, content_hash, metadata, recipe, chunks, bytes, added_at, "
            "added_gen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.id, document.title, document.uri, document.format, document.content_hash,
                pack(document.metadata, document), recipe, len(chunks), size, _now(), self._next,
            ),
        ).lastrowid  # fmt: skip
        for chunk, vector in zip(chunks, matrix, strict=True):
            words = indexed_words(chunk)
            place = self._connection.execute(
                "INSERT INTO chunks (id, document, ordinal, text, title, section, page, tokens, metadata, words, "
                "added_gen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    chunk.id, row, chunk.ordinal, chunk.text, chunk.title, _json(chunk.section),
                    chunk.page, chunk.tokens, pack(chunk.metadata, document), len(words), self._next,
                ),
            ).lastrowid  # fmt: skip
            self._connection.execute("INSERT INTO vectors VALUES (?, ?)", (place, vector.tobytes()))
            self._connection.execute("INSERT INTO lexical (rowid, words) VALUES (?, ?)", (place, " ".join(words)))

    # -- generations -------------------------------------------------------------------------------

    def _publish_rows(self) -> None:
        counts = [
            self._connection.execute(
                f"SELECT count(*) FROM {table} t WHERE {LIVE.format('t')}", {"generation": self._next}
            ).fetchone()[0]
            for table in ("documents", "chunks")
        ]
        self._connection.execute("PRAGMA synchronous = FULL")  # this commit, and all before it, survive a power cut
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO generations VALUES (?, ?, ?, ?, ?, ?)",
                (self._next, _now(), *counts, self._current.base, json.dumps(self._current.floor)),
            )
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._current = latest(self._connection)
        self._next += 1
        self._wrote = False

    def _tidy(self) -> None:
        self._current = latest(self._connection)
        bases.remove_unused(self._places, self._current)
        bases.purge(self._connection, self._places)
        write_fingerprint(self._places, self._manifest, self._current)

    def _drop_unpublished(self) -> None:
        """Undo what a run that was killed, or ended without `publish`, has left."""
        with transaction(self._connection):
            last = self._current.number
            bases.drop_chunks(self._connection, "added_gen > ?", last)
            self._connection.execute("DELETE FROM documents WHERE added_gen > ?", (last,))
            for table in ("documents", "chunks"):
                self._connection.execute(f"UPDATE {table} SET removed_gen = NULL WHERE removed_gen > ?", (last,))
            self._connection.execute(
                "UPDATE runs SET state = 'abandoned', ended_at = ? WHERE state = 'writing'", (_now(),)
            )

    def _begin_run(self) -> int:
        row = self._connection.execute(
            "INSERT INTO runs (pid, started_at, generation, state) VALUES (?, ?, ?, 'writing')",
            (os.getpid(), _now(), self._current.number),
        ).lastrowid
        return row if row is not None else 0


def open_writer(
    directory: Path,
    name: str,
    *,
    embedder_id: str,
    dimension: int,
    chunker: str,
    wait_seconds: float = 0.0,
    chroma_url: str | None = None,
) -> CatalogueWriter:
    """Open a library for writing, making it where it does not exist. Waits up to `wait_seconds` for the write lock.

    With `chroma_url` the base goes to that Chroma server instead of a folder beside the catalogue.

    Raises UsageError for a name that cannot be used, LibraryLocked, EmbedderMismatch, LibraryDamaged.
    """
    where = places(directory, name)
    with ExitStack() as undo:
        where.root.mkdir(parents=True, exist_ok=True)
        lock = write_lock(where.write_lock, name, wait_seconds)
        undo.callback(lock.release)
        undo.enter_context(guarded(where))
        connection = connect(where, write=True)
        undo.callback(connection.close)
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            create(connection, Manifest(uuid.uuid4().hex, embedder_id, dimension, chunker, _now()))
        manifest = read_manifest(connection, where)
        check_embedder(where, manifest, embedder_id, dimension)
        if manifest.chunker != chunker:
            manifest = changed(manifest, chunker=chunker)
            write_manifest(connection, manifest)
        writer = CatalogueWriter(where, lock, connection, manifest, chroma_url)
        undo.pop_all()
    return writer
