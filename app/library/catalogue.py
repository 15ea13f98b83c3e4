"""The catalogue: one SQLite file (WAL) that holds everything a library cannot lose.

Rows are stamped: a row is seen by generation g if `added_gen <= g` and it was not removed by then. A generation is
published by one row in `generations`; rows stamped later than the last of them are a run that is not finished.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, LifoQueue

from app.domain import LibraryInfo
from app.errors import EmbedderMismatch, LibraryDamaged
from app.library.durable import flush, sweep_partial, written_whole
from app.library.faults import guarded
from app.library.places import Places

SCHEMA_VERSION = 1
LIVE = "{0}.added_gen <= :generation AND ({0}.removed_gen IS NULL OR {0}.removed_gen > :generation)"
TOKENIZER = "porter unicode61 remove_diacritics 2 categories ''L* N* Co Mn Mc''"

_SCHEMA = f"""
CREATE TABLE manifest (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE generations (
  generation INTEGER PRIMARY KEY, published_at TEXT NOT NULL, documents INTEGER NOT NULL, chunks INTEGER NOT NULL,
  base INTEGER NOT NULL, floor TEXT NOT NULL);
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, pid INTEGER NOT NULL, started_at TEXT NOT NULL, ended_at TEXT,
  generation INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('writing', 'published', 'unchanged', 'abandoned')));
CREATE TABLE documents (
  row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, title TEXT NOT NULL, uri TEXT NOT NULL, format TEXT NOT NULL,
  content_hash TEXT NOT NULL, metadata TEXT NOT NULL, recipe TEXT NOT NULL, chunks INTEGER NOT NULL,
  bytes INTEGER NOT NULL, added_at TEXT NOT NULL, added_gen INTEGER NOT NULL, removed_gen INTEGER);
CREATE UNIQUE INDEX live_document ON documents (id) WHERE removed_gen IS NULL;
CREATE UNIQUE INDEX live_uri ON documents (uri) WHERE removed_gen IS NULL;
CREATE TABLE chunks (
  row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, document INTEGER NOT NULL REFERENCES documents (row),
  ordinal INTEGER NOT NULL, text TEXT NOT NULL, title TEXT NOT NULL, section TEXT NOT NULL, page INTEGER,
  tokens INTEGER NOT NULL, metadata TEXT NOT NULL, words INTEGER NOT NULL,
  added_gen INTEGER NOT NULL, removed_gen INTEGER);
CREATE UNIQUE INDEX live_chunk ON chunks (id) WHERE removed_gen IS NULL;
CREATE INDEX chunk_id ON chunks (id);
CREATE INDEX chunk_place ON chunks (document, ordinal);
CREATE INDEX chunk_stamps ON chunks (added_gen, removed_gen, words);
CREATE TABLE vectors (chunk INTEGER PRIMARY KEY REFERENCES chunks (row), vector BLOB NOT NULL);
CREATE VIRTUAL TABLE lexical USING fts5 (words, tokenize = '{TOKENIZER}');
CREATE VIRTUAL TABLE postings USING fts5vocab (lexical, 'instance');
"""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a library was made with. `id` tells a library from another of the same name made later."""

    id: str
    embedder_id: str
    dimension: int
    chunker: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Generation:
    """One published generation; `base` is the generation its vector index was built at (0: none yet)."""

    number: int
    documents: int
    chunks: int
    base: int
    floor: tuple[float, ...]
    published_at: str


def connect(places: Places, *, write: bool = False) -> sqlite3.Connection:
    """A connection that may go from thread to thread, in autocommit mode. Use within `guarded`."""
    mode = "rwc" if write else "rw"
    uri = f"{places.catalogue.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=30.0, isolation_level=None, check_same_thread=False)
    if write:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone stops at the drive's own memory
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
    else:
        connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk has SQLite roll back by itself
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def durable(connection: sqlite3.Connection) -> Iterator[None]:
    """What is committed within, and all that was committed before it, survives a power cut."""
    connection.execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous = NORMAL")


def create(places: Places, manifest: Manifest) -> None:
    """Make the catalogue of an empty library with generation 0: whole, or not at all."""
    sweep_partial(places.root, places.catalogue.name)
    with written_whole(places.catalogue) as beside, closing(sqlite3.connect(beside, isolation_level=None)) as new:
        new.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.split(";\n"):
            if statement.strip():
                new.execute(statement)
        write_manifest(new, manifest)
        new.execute("INSERT INTO generations VALUES (0, ?, 0, 0, 0, '[]')", (manifest.created_at,))
        new.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        new.execute("COMMIT")
    flush(places.root.parent)


def write_manifest(connection: sqlite3.Connection, manifest: Manifest) -> None:
    values = {field: getattr(manifest, field) for field in Manifest.__dataclass_fields__}
    connection.executemany("INSERT OR REPLACE INTO manifest VALUES (?, ?)", [(k, str(v)) for k, v in values.items()])


def read_manifest(connection: sqlite3.Connection, places: Places) -> Manifest:
    """Raises LibraryDamaged for a catalogue that is not ours, or was written by a newer Sluice."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        raise LibraryDamaged(
            f"The catalogue of library {places.name!r} has layout {version}; this Sluice reads {SCHEMA_VERSION}",
            hint="Use the Sluice that wrote it, or ingest into another library: sluice ingest PATH --library OTHER",
        )
    values = dict(connection.execute("SELECT key, value FROM manifest").fetchall())
    try:
        return Manifest(
            values["id"], values["embedder_id"], int(values["dimension"]), values["chunker"], values["created_at"]
        )
    except (KeyError, ValueError) as error:
        raise LibraryDamaged(
            f"The manifest of library {places.name!r} is damaged: {error} is missing or off",
            hint=f"Put back a copy (sluice library import FILE --replace), or start anew: "
            f"sluice library delete {places.name} --all",
        ) from error


def latest(connection: sqlite3.Connection) -> Generation:
    """The last published generation."""
    row = connection.execute(
        "SELECT generation, documents, chunks, base, floor, published_at FROM generations "
        "ORDER BY generation DESC LIMIT 1"
    ).fetchone()
    if row is None:
        raise sqlite3.DatabaseError("no generation was ever published")
    return Generation(row[0], row[1], row[2], row[3], tuple(json.loads(row[4])), row[5])


def info(places: Places, manifest: Manifest, generation: Generation) -> LibraryInfo:
    return LibraryInfo(
        places.name,
        generation.number,
        generation.documents,
        generation.chunks,
        manifest.embedder_id,
        generation.floor,
    )


def check_embedder(places: Places, manifest: Manifest, embedder_id: str, dimension: int | None = None) -> None:
    """Raises EmbedderMismatch: vectors of two models, or of two lengths, must never meet."""
    if dimension is not None and (manifest.embedder_id, manifest.dimension) == (embedder_id, manifest.dimension):
        if dimension == manifest.dimension:
            return
        embedder_id = f"{embedder_id} with {dimension} numbers a vector instead of {manifest.dimension}"
    if manifest.embedder_id != embedder_id:
        raise EmbedderMismatch(
            f"Library {places.name!r} was filled with the embedding model {manifest.embedder_id}; "
            f"the setting EMBEDDING now gives {embedder_id}",
            hint=f"Set EMBEDDING back to {manifest.embedder_id}, or fill the library anew with the other model: "
            f"sluice library delete {places.name} --all && sluice ingest PATH --library {places.name}",
        )


class Connections:
    """Reading connections to one catalogue, lent to any thread and kept for the next."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[sqlite3.Connection]:
        """Raises LibraryDamaged or LibraryError (see `guarded`)."""
        with guarded(self._places):
            try:
                connection = self._idle.get_nowait()
            except Empty:
                connection = connect(self._places)
            try:
                yield connection
            finally:
                if self._closed:
                    connection.close()
                else:
                    self._idle.put(connection)

    def close(self) -> None:
        self._closed = True
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()
