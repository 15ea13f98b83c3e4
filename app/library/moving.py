"""Libraries out of their folder and into it, as one file (app.library.parcel)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

from app.domain import Document, LibraryInfo
from app.errors import DocumentError, LibraryDamaged, LibraryError, UsageError, disk_errors
from app.library import aside, exact, journal
from app.library.catalogue import LIVE, Connections, info, latest, read_manifest
from app.library.durable import flush_tree, remove_tree, sweep_partial, written_whole
from app.library.faults import guarded
from app.library.filters import Rows
from app.library.parcel import Head, Packed, ParcelReader, ParcelWriter
from app.library.places import Places, existing, places
from app.library.rows import CHUNK_COLUMNS, CHUNK_TABLES, chunk_of
from app.library.turns import Waiting, write_lock
from app.library.writer import open_writer


def export_library(directory: Path, name: str, file: Path, *, overwrite: bool = False) -> LibraryInfo:
    """Write the last published generation of a library into a file, whole or not at all. An ingest may go on.

    Failed files, reports and old generations stay behind. Raises UsageError for a file that is there already (unless
    `overwrite`), LibraryNotFound, LibraryDamaged where a document lacks passages or vectors, DiskError.
    """
    where = existing(directory, name)
    if file.exists() and not overwrite:
        raise UsageError(f"{file} is there already.", hint="Name another file, or replace it with --overwrite.")
    connections = Connections(where)
    try:
        with connections.lend() as connection, disk_errors():
            connection.execute("BEGIN")  # one state of it, whatever is written meanwhile
            try:
                return _export(connection, where, file)
            finally:
                connection.execute("ROLLBACK")
    finally:
        connections.close()


def _export(connection: sqlite3.Connection, where: Places, file: Path) -> LibraryInfo:
    manifest, current = read_manifest(connection, where), latest(connection)
    head = Head(
        where.name,
        manifest.embedder_id,
        manifest.dimension,
        manifest.chunker,
        current.documents,
        current.chunks,
        current.floor,
        journal.now(),
    )
    sweep_partial(file.parent, file.name)
    with written_whole(file) as beside, beside.open("wb") as out:
        parcel = ParcelWriter(out, head)
        for packed in _documents(connection, where, current.number, manifest.dimension):
            parcel.add(packed)
        parcel.finish()
    return info(where, manifest, current)


def _documents(connection: sqlite3.Connection, where: Places, generation: int, dimension: int) -> Iterator[Packed]:
    """The documents a generation sees, in the order in which they were stored, one in memory at a time."""
    rows = connection.execute(
        "SELECT d.row, d.id, d.title, d.uri, d.format, d.content_hash, d.metadata, d.recipe, d.chunks FROM documents d "
        f"WHERE {LIVE.format('d')} ORDER BY d.row",
        {"generation": generation},
    )
    for row, document_id, title, uri, kind, content_hash, metadata, recipe, count in rows:
        chunks = connection.execute(
            f"SELECT c.row, {CHUNK_COLUMNS} FROM {CHUNK_TABLES} WHERE c.document = ? ORDER BY c.row", (row,)
        ).fetchall()
        numbers: Rows = np.array([each[0] for each in chunks], dtype=np.int64)
        found, matrix = exact.read_vectors(connection, numbers, dimension)
        if not len(chunks) == len(found) == count:
            raise LibraryDamaged(
                f"Library {where.name!r} is damaged: {uri} is not whole",
                hint=f"sluice library repair {where.name}",
            )
        document = Document(document_id, title, uri, kind, content_hash, json.loads(metadata))
        yield Packed(document, recipe, tuple(chunk_of(tuple(each[1:])) for each in chunks), matrix)


def import_library(
    directory: Path,
    file: Path,
    *,
    name: str | None = None,
    replace: bool = False,
    chroma_url: str | None = None,
    waiting: Waiting | None = None,
) -> LibraryInfo:
    """Make a library of a file that `export_library` wrote; `name` is the file's own where none is given.

    The library is built whole beside the others and takes its name by one rename: whatever fails before, and a kill at
    any moment, leaves everything as it was. Raises UsageError for a name that cannot be one or that is taken (unless
    `replace`), LibraryDamaged for a file that is damaged or no library, LibraryLocked, LibraryFull, DiskError.
    """
    with disk_errors(), file.open("rb") as source:
        parcel = ParcelReader(source, file)
        where = places(directory, name if name is not None else parcel.head.name)
        aside.recover(directory)
        _refuse_taken(where, replace=replace)
        with ExitStack() as undo:
            undo.enter_context(guarded(where))
            building, lock = aside.importing(directory)
            undo.callback(remove_tree, building)
            undo.callback(lock.release)
            new = _build(building, where.name, parcel)
            undo.enter_context(
                write_lock(where.write_lock, where.name, 0.0, doing=f"import {file.name}", waiting=waiting)
            )
            _refuse_taken(where, replace=replace)  # someone may have made it meanwhile
            aside.take_place(new.root, where.root)
    if chroma_url is not None:
        _to_server(directory, where.name, parcel.head, chroma_url)
    connections = Connections(where)
    try:
        with connections.lend() as connection:
            return info(where, read_manifest(connection, where), latest(connection))
    finally:
        connections.close()


def _refuse_taken(where: Places, *, replace: bool) -> None:
    if where.catalogue.exists() and not replace:
        raise UsageError(
            f"There is a library {where.name!r} already.",
            hint="Give the new one another name with --name, or replace the old one with --replace.",
        )


def _build(building: Path, name: str, parcel: ParcelReader) -> Places:
    """The library in a folder of its own, read to the parcel's checked end and on the disk."""
    head = parcel.head
    writer = open_writer(
        building, name, embedder_id=head.embedder, dimension=head.dimension, chunker=head.chunker, doing="import"
    )
    with closing(writer):
        for packed in parcel.documents():
            try:
                writer.replace(packed.document, packed.chunks, packed.vectors, packed.recipe)
            except (LibraryError, DocumentError) as error:
                raise type(error)(f"{error.message}. Nothing was changed", hint=error.hint) from error
        writer.publish()
        if (writer.info.documents, writer.info.chunks) != (head.documents, head.chunks):
            raise LibraryDamaged(
                f"{parcel.path} cannot be read in: it holds a document twice, or fewer than it says. "
                "Nothing was changed",
                hint="Make it anew where the library is: sluice library export NAME FILE",
            )
        if head.floor:
            writer.set_floor(head.floor)
    new = places(building, name)
    flush_tree(new.root)
    return new


def _to_server(directory: Path, name: str, head: Head, chroma_url: str) -> None:
    writer = open_writer(
        directory,
        name,
        embedder_id=head.embedder,
        dimension=head.dimension,
        chunker=head.chunker,
        chroma_url=chroma_url,
        doing=f"import {name}",
    )
    with closing(writer):
        writer.rebuild()
