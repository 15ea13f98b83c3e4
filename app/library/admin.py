"""Looking after libraries: what there is, what is in it, and taking things out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.domain import LibraryInfo, Scalar
from app.library import aside, journal
from app.library import places as _places
from app.library.catalogue import LIVE, Connections, Manifest, info, latest, read_manifest
from app.library.check import verify
from app.library.filters import BUILT_IN_FIELDS
from app.library.journal import LastReport
from app.library.places import Places, existing
from app.library.server import Server
from app.library.turns import write_lock
from app.library.writer import CatalogueWriter, open_writer

__all__ = [
    "DocumentRow",
    "FailedRow",
    "delete_documents",
    "delete_library",
    "documents",
    "failed_files",
    "filter_fields",
    "last_report",
    "library_info",
    "list_libraries",
    "rebuild_index",
    "verify",
]

_CHOICES = 50


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One line of the Library page. `bytes` counts the text of the chunks (UTF-8); `added_at` is ISO 8601, UTC,
    and so is `read_at`, when its file was last known to hold what was read."""

    id: str
    title: str
    uri: str
    format: str
    chunks: int
    bytes: int
    added_at: str
    generation: int
    language: str | None = None
    read_at: str | None = None


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A file that could not be read, with the reason and what to do about it."""

    path: str
    reason: str
    hint: str


@contextmanager
def _connections(where: Places) -> Iterator[Connections]:
    connections = Connections(where)
    try:
        yield connections
    finally:
        connections.close()


def list_libraries(directory: Path) -> list[LibraryInfo]:
    """All libraries of a directory, by name. Raises LibraryDamaged for one that cannot be read."""
    return [library_info(directory, name) for name in _places.list_libraries(directory)]


def library_info(directory: Path, name: str) -> LibraryInfo:
    """The last published generation. Raises LibraryNotFound, LibraryDamaged."""
    where = existing(directory, name)
    with _connections(where) as connections, connections.lend() as connection:
        return info(where, read_manifest(connection, where), latest(connection))


def documents(directory: Path, name: str) -> list[DocumentRow]:
    """The documents of the last published generation, by title. Raises LibraryNotFound, LibraryDamaged."""
    where = existing(directory, name)
    with _connections(where) as connections, connections.lend() as connection:
        rows = connection.execute(
            "SELECT d.id, d.title, d.uri, d.format, d.chunks, d.bytes, d.added_at, d.added_gen, "
            f"json_extract(d.metadata, '$.language'), {journal.read_at(connection, 'd')} FROM documents d "
            f"WHERE {LIVE.format('d')} ORDER BY d.title COLLATE NOCASE, d.uri",
            {"generation": latest(connection).number},
        ).fetchall()
    return [DocumentRow(*row) for row in rows]


def filter_fields(directory: Path, name: str) -> dict[str, list[Scalar]]:
    """Fields a filter can use, with their values, sorted: those with 2 to 50 different values in the library.

    Raises LibraryNotFound, LibraryDamaged.
    """
    where = existing(directory, name)
    found: dict[str, set[Scalar]] = {}
    with _connections(where) as connections, connections.lend() as connection:
        generation = {"generation": latest(connection).number}
        for field in BUILT_IN_FIELDS:
            column = "title" if field == "document" else field
            rows = connection.execute(
                f"SELECT DISTINCT d.{column} FROM documents d WHERE {LIVE.format('d')}", generation
            )
            found[field] = {row[0] for row in rows}
        for table in ("documents", "chunks"):
            rows = connection.execute(
                f"SELECT DISTINCT m.key, m.value, m.type FROM {table} t, json_each(t.metadata) m "
                f"WHERE {LIVE.format('t')}",
                generation,
            )
            for key, value, kind in rows:
                found.setdefault(key, set()).add(bool(value) if kind in ("true", "false") else value)
    return {
        field: sorted(values, key=lambda value: (isinstance(value, str), value))
        for field, values in found.items()
        if 2 <= len(values) <= _CHOICES
    }


def failed_files(directory: Path, name: str) -> list[FailedRow]:
    """Files that could not be read, by path: those remembered from any ingest, and all of the last one's.

    Raises LibraryNotFound, LibraryDamaged.
    """
    where = existing(directory, name)
    with _connections(where) as connections, connections.lend() as connection:
        if not journal.has(connection, "failures"):
            return []
        remembered = journal.failures(connection).values()
        report = journal.last_report(connection).report
    found = {failed.uri: FailedRow(failed.uri, failed.reason, failed.hint) for failed in remembered}
    for file in report["files"] if report is not None else ():
        if file["state"] == "failed":
            found[file["path"]] = FailedRow(file["path"], file["reason"] or "", file["hint"])
    return [found[path] for path in sorted(found)]


def last_report(directory: Path, name: str) -> LastReport:
    """The newest saved report of an ingest, with the runs that tell whether one was killed since.

    Raises LibraryNotFound, LibraryDamaged.
    """
    where = existing(directory, name)
    with _connections(where) as connections, connections.lend() as connection:
        return journal.last_report(connection)


@contextmanager
def _writing(directory: Path, name: str, chroma_url: str | None, doing: str) -> Iterator[CatalogueWriter]:
    """The writer of an existing library, as it was made. Raises LibraryNotFound, LibraryLocked, LibraryDamaged."""
    manifest = _manifest(existing(directory, name))
    writer = open_writer(
        directory,
        name,
        embedder_id=manifest.embedder_id,
        dimension=manifest.dimension,
        chunker=manifest.chunker,
        chroma_url=chroma_url,
        doing=f"{doing} {name}",
    )
    try:
        yield writer
    finally:
        writer.close()


def _manifest(where: Places) -> Manifest:
    with _connections(where) as connections, connections.lend() as connection:
        return read_manifest(connection, where)


def delete_documents(directory: Path, name: str, document_ids: Sequence[str], *, chroma_url: str | None = None) -> int:
    """Remove documents and publish; returns the new generation. New readers see it at once; ids not there are ignored.

    Text and vectors leave the disk when the next base is built (`rebuild_index` does it now).
    Raises LibraryNotFound, LibraryLocked, LibraryDamaged.
    """
    with _writing(directory, name, chroma_url, "delete from") as writer:
        for document_id in document_ids:
            writer.remove(document_id)
        return writer.publish()


def rebuild_index(directory: Path, name: str, *, chroma_url: str | None = None) -> float:
    """Build the vector index anew from the catalogue and delete removed rows for good; returns its recall (0..1).

    Raises LibraryNotFound, LibraryLocked, LibraryDamaged.
    """
    with _writing(directory, name, chroma_url, "rebuild") as writer:
        return writer.rebuild()


def delete_library(directory: Path, name: str, *, chroma_url: str | None = None) -> None:
    """Remove a library with everything in it, also a damaged one. Raises LibraryNotFound, LibraryLocked."""
    where = existing(directory, name)
    with write_lock(where.write_lock, name, 0.0, doing=f"delete {name}"):
        if chroma_url is not None:
            Server(chroma_url, name).remove()
        aside.delete(where.root)
