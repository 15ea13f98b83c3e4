"""Writing a library: rows of the next generation, published with one row; one writer at a time."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace as changed
from pathlib import Path

import numpy as np

from app.domain import Chunk, Document, LibraryInfo
from app.errors import DocumentError
from app.library import aside, bases, exact, journal, storing
from app.library.catalogue import (
    LIVE,
    Manifest,
    check_embedder,
    connect,
    create,
    durable,
    info,
    latest,
    read_manifest,
    transaction,
    write_manifest,
)
from app.library.faults import guarded
from app.library.fingerprint import write_fingerprint
from app.library.locks import FileLock
from app.library.places import Places, places
from app.library.remote import about, entries
from app.library.server import Server
from app.library.turns import Waiting, write_lock
from app.ports import FailedFile, StoredDocument, Vectors


class CatalogueWriter:
    """A LibraryWriter that holds the write lock until `close`. Not for several threads at once."""

    def __init__(
        self,
        places: Places,
        lock: FileLock,
        connection: sqlite3.Connection,
        manifest: Manifest,
        chroma_url: str | None,
        doing: str,
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
        self._run = journal.begin(connection, self._current.number, doing)

    @property
    def info(self) -> LibraryInfo:
        return info(self._places, self._manifest, self._current)

    def stored(self) -> dict[str, StoredDocument]:
        with guarded(self._places):
            rows = self._connection.execute(
                f"SELECT d.id, d.uri, d.content_hash, d.recipe, d.chunks, {journal.read_at(self._connection, 'd')} "
                "FROM documents d WHERE d.removed_gen IS NULL"
            ).fetchall()
        return {row[1]: StoredDocument(*row) for row in rows}

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
                storing.withdraw(self._connection, self._next, "id = :value OR uri = :other", document.id, document.uri)
                storing.insert(self._connection, document, chunks, matrix, recipe, self._next)
                journal.forget_failures(self._connection, [document.uri])
            except UnicodeEncodeError as error:
                raise DocumentError(
                    f"{document.uri}: its text holds characters that are not Unicode ({error.reason})",
                    hint="Save the file again as UTF-8.",
                ) from error
        self._wrote = True

    def remove(self, document_id: str) -> None:
        """Remove a document; nothing happens where there is none of this id."""
        with guarded(self._places), transaction(self._connection):
            if storing.withdraw(self._connection, self._next, "id = :value", document_id):
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
            journal.note_floor(self._connection, self._current.number)
        self._current = changed(self._current, floor=tuple(float(value) for value in floor))
        if self._chroma_url is not None and self._current.base > 0:
            server = Server(self._chroma_url, self._places.name)
            server.describe(self._current.base, about(self._manifest, self._current))

    @property
    def floor_is_measured(self) -> bool:
        with guarded(self._places):
            return journal.floor_of(self._connection) == self._current.number

    # -- the journal -------------------------------------------------------------------------------

    def failures(self) -> dict[str, FailedFile]:
        with guarded(self._places):
            return journal.failures(self._connection)

    def remember_failure(self, failed: FailedFile) -> None:
        with guarded(self._places), transaction(self._connection):
            journal.remember_failure(self._connection, failed)

    def forget_failures(self, uris: Sequence[str]) -> None:
        with guarded(self._places), transaction(self._connection):
            journal.forget_failures(self._connection, uris)

    def confirm(self, uris: Sequence[str], at: str) -> None:
        with guarded(self._places), transaction(self._connection):
            journal.note_seen(self._connection, uris, at)

    def save_report(self, report: Mapping[str, object]) -> None:
        with guarded(self._places), durable(self._connection), transaction(self._connection):
            journal.save_report(self._connection, self._run, report)

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
        # without room to note the end the run stays as one that was killed, and the next writer says so of it
        noted = suppress(sqlite3.OperationalError)
        with self._lock, guarded(self._places), closing(self._connection), noted:
            journal.end(self._connection, self._run, self._current.number, state)

    # -- generations -------------------------------------------------------------------------------

    def _publish_rows(self) -> None:
        counts = [
            self._connection.execute(
                f"SELECT count(*) FROM {table} t WHERE {LIVE.format('t')}", {"generation": self._next}
            ).fetchone()[0]
            for table in ("documents", "chunks")
        ]
        with durable(self._connection), transaction(self._connection):
            self._connection.execute(
                "INSERT INTO generations VALUES (?, ?, ?, ?, ?, ?)",
                (self._next, journal.now(), *counts, self._current.base, json.dumps(self._current.floor)),
            )
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
            storing.drop_after(self._connection, self._current.number)
            journal.abandon_others(self._connection)


def open_writer(
    directory: Path,
    name: str,
    *,
    embedder_id: str,
    dimension: int,
    chunker: str,
    wait_seconds: float = 0.0,
    chroma_url: str | None = None,
    doing: str = "",
    waiting: Waiting | None = None,
) -> CatalogueWriter:
    """Open a library for writing, making it where it does not exist. Waits up to `wait_seconds` for the write lock.

    `doing` ("ingest docs") is what others are told while it is held, and what the journal says of the run; `waiting`
    is told while another holds it. With `chroma_url` the base goes to that Chroma server instead of a folder beside
    the catalogue.

    Raises UsageError for a name that cannot be used, LibraryLocked, EmbedderMismatch, LibraryDamaged.
    """
    where = places(directory, name)
    with ExitStack() as undo:
        undo.enter_context(guarded(where))
        aside.recover(directory)
        lock = write_lock(where.write_lock, name, wait_seconds, doing=doing, waiting=waiting)
        undo.callback(lock.release)
        if not where.catalogue.is_file() or where.catalogue.stat().st_size == 0:
            create(where, Manifest(uuid.uuid4().hex, embedder_id, dimension, chunker, journal.now()))
        connection = connect(where, write=True)
        undo.callback(connection.close)
        manifest = read_manifest(connection, where)
        journal.prepare(connection)
        check_embedder(where, manifest, embedder_id, dimension)
        if manifest.chunker != chunker:
            manifest = changed(manifest, chunker=chunker)
            write_manifest(connection, manifest)
        writer = CatalogueWriter(where, lock, connection, manifest, chroma_url, doing)
        undo.pop_all()
    return writer
