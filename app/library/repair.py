"""Mending a library from what is whole in it, in one step: killed at any moment it is as before or mended.

Everything but text and its origin can be derived: the lexical index from the text, the vector index from the vectors,
lost vectors from the index, counts and the manifest from what is there. Text that was lost or altered cannot: its
documents are marked, so that the next ingest reads their files again.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.counting import counted
from app.errors import LibraryDamaged
from app.library import exact, journal, storing
from app.library.bases import MIN_RECALL
from app.library.catalogue import (
    LIVE,
    TOKENIZER,
    Generation,
    Manifest,
    connect,
    durable,
    latest,
    read_manifest,
    transaction,
    write_manifest,
)
from app.library.check_catalogue import rows_without_vector, torn_documents
from app.library.check_index import check_lexical, check_vectors, open_index
from app.library.faults import guarded
from app.library.lexical import indexed_words
from app.library.places import Places, existing
from app.library.rows import CHUNK_COLUMNS, CHUNK_TABLES, chunk_of
from app.library.turns import Waiting, write_lock
from app.library.vectors import IndexUnreadable
from app.library.writer import CatalogueWriter

AGAIN = "damaged"  # a recipe that no ingest has: the file is read again


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was mended, and what could not be; `again`: documents (uri) whose files have to be read in again."""

    done: tuple[str, ...]
    left: tuple[str, ...]
    again: tuple[str, ...]


def repair(
    directory: Path,
    name: str,
    *,
    chroma_url: str | None = None,
    wait_seconds: float = 0.0,
    waiting: Waiting | None = None,
) -> Repaired:
    """Mend what can be mended. Raises LibraryNotFound, LibraryLocked, LibraryFull, and LibraryDamaged where the
    catalogue itself cannot be read: then nothing was changed."""
    where = existing(directory, name)
    doing = f"repair {name}"
    with ExitStack() as undo:
        undo.enter_context(guarded(where))
        lock = write_lock(where.write_lock, name, wait_seconds, doing=doing, waiting=waiting)
        undo.callback(lock.release)
        connection = connect(where, write=True)
        undo.callback(connection.close)
        journal.prepare(connection)
        mending = _Mending(connection, where, chroma_url)
        with durable(connection):
            manifest = mending.manifest()
            with transaction(connection):
                mending.rows(manifest)
        writer = CatalogueWriter(where, lock, connection, manifest, chroma_url, doing)
        undo.pop_all()
    with closing(writer), guarded(where):
        if check_vectors(connection, where, manifest, latest(connection), chroma_url):
            recall = writer.rebuild()
            if recall < MIN_RECALL:
                mending.left.append("no vector index could be built that finds enough: all is searched exactly")
            else:
                mending.done.append(f"the vector index is new: it finds {recall:.1%} of what an exact search finds")
        else:
            writer.publish()  # tidies, and writes the file that describes the library
    return Repaired(tuple(mending.done), tuple(mending.left), tuple(sorted(mending.again)))


class _Mending:
    """One repair. Within a transaction of the caller, except `manifest`."""

    def __init__(self, connection: sqlite3.Connection, where: Places, chroma_url: str | None) -> None:
        self._connection = connection
        self._where = where
        self._chroma_url = chroma_url
        self.done: list[str] = []
        self.left: list[str] = []
        self.again: set[str] = set()

    def manifest(self) -> Manifest:
        """The manifest; from the file beside the catalogue where it is damaged. Raises LibraryDamaged."""
        try:
            return read_manifest(self._connection, self._where)
        except LibraryDamaged as damaged:
            try:
                said = json.loads(self._where.fingerprint.read_text(encoding="utf-8"))
                manifest = Manifest(
                    said["library"]["id"],
                    said["embedder"],
                    int(said["dimension"]),
                    said["chunker"],
                    said["library"]["created_at"],
                )
            except (OSError, ValueError, LookupError, TypeError):
                raise damaged from None
        with transaction(self._connection):
            write_manifest(self._connection, manifest)
        self.done.append(f"the manifest was written anew from {self._where.fingerprint.name}")
        return read_manifest(self._connection, self._where)  # a layout of another number stays refused

    def rows(self, manifest: Manifest) -> None:
        """Mend the catalogue, and publish what was mended as a generation. Raises LibraryDamaged."""
        current = latest(self._connection)
        self._structure()
        self._lexical(current)  # what follows takes words out of it
        storing.drop_after(self._connection, current.number)
        self._strays()
        self._vectors(manifest, current)
        self._marked(current)
        self._counts(current)
        self._lexical(current)
        if self.done:
            self._connection.execute(
                "INSERT INTO generations SELECT generation + 1, ?, documents, chunks, base, floor FROM generations "
                "WHERE generation = ?",
                (journal.now(), current.number),
            )

    def _structure(self) -> None:
        if self._sound():
            return
        self._connection.execute("REINDEX")
        if not self._sound():
            raise LibraryDamaged(
                f"The catalogue of library {self._where.name!r} is damaged in its rows, and they are nowhere else: "
                "nothing was changed",
                hint=f"Put back a copy (sluice library import FILE --name {self._where.name} --replace), or start "
                f"anew: sluice library delete {self._where.name} --all",
            )
        self.done.append("the catalogue's own indexes were built anew")

    def _sound(self) -> bool:
        return [row[0] for row in self._connection.execute("PRAGMA integrity_check(1)")] == ["ok"]

    def _strays(self) -> None:
        """Rows that belong to nothing."""
        strays = 0
        for table, which in (
            ("chunks", "document NOT IN (SELECT row FROM documents)"),
            ("vectors", "chunk NOT IN (SELECT row FROM chunks)"),
            ("seals", "document NOT IN (SELECT row FROM documents)"),
            ("seen", "document NOT IN (SELECT row FROM documents)"),
        ):
            if table == "chunks":  # their vectors first: they point to them
                orphaned = f"SELECT row FROM chunks WHERE {which}"
                self._connection.execute(f"DELETE FROM vectors WHERE chunk IN ({orphaned})")
            strays += self._connection.execute(f"DELETE FROM {table} WHERE {which}").rowcount
        if strays:
            self.done.append(
                counted(
                    strays, "row that belonged to nothing was removed", "rows that belonged to nothing were removed"
                )
            )

    def _vectors(self, manifest: Manifest, current: Generation) -> None:
        """Vectors that are lost or altered, back from the index; chunks without any are taken out of the search."""
        torn = [one for one in torn_documents(self._connection, current) if not one.text]
        marks = ", ".join(str(one.row) for one in torn)
        wanted = rows_without_vector(self._connection, manifest, current)
        altered = self._connection.execute(f"SELECT row FROM chunks WHERE document IN ({marks})").fetchall()
        wanted |= {row[0] for row in altered}
        if not wanted:
            return
        found = self._from_index(wanted, manifest, current)
        for row, vector in found.items():
            self._connection.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?)", (row, vector))
        for one in torn:
            storing.reseal(self._connection, one.row)
        if found:
            self.done.append(
                counted(len(found), "vector was put back from the index", "vectors were put back from the index")
            )
        without = rows_without_vector(self._connection, manifest, current)
        unsure = wanted - found.keys() - without
        for uri, chunks in self._documents_of(without | unsure).items():
            self.again.add(uri)
            self.left.append(f"{uri}: the vectors of {counted(chunks, 'passage')} are nowhere else")
        for row in without:
            for sql in ("DELETE FROM vectors WHERE chunk = ?", "DELETE FROM chunks WHERE row = ?"):
                self._connection.execute(sql, (row,))
        if without:
            self.done.append(
                counted(
                    len(without),
                    "passage without a vector was taken out of the search",
                    "passages without a vector were taken out of the search",
                )
            )

    def _from_index(self, rows: set[int], manifest: Manifest, current: Generation) -> dict[int, bytes]:
        try:
            base = open_index(self._where, manifest, current, self._chroma_url)
        except IndexUnreadable:
            return {}
        with closing(base):
            try:
                numbers, matrix = base.stored(np.array(sorted(rows), dtype=np.int64))
            except IndexUnreadable:
                return {}
        if matrix.shape != (len(numbers), manifest.dimension) or not np.isfinite(matrix).all():
            return {}
        return dict(zip(numbers.tolist(), (vector.tobytes() for vector in exact.unit(matrix)), strict=True))

    def _marked(self, current: Generation) -> None:
        """Documents whose text is not what was stored, or that lack chunks: to be read again."""
        torn = {one.uri for one in torn_documents(self._connection, current) if one.text}
        short = {
            row[0]
            for row in self._connection.execute(
                f"SELECT d.uri FROM documents d WHERE {LIVE.format('d')} AND d.chunks <> "
                "(SELECT count(*) FROM chunks c WHERE c.document = d.row)",
                {"generation": current.number},
            )
        }
        self.left += [
            f"{uri}: its text is not what was stored, or not all of it" for uri in sorted((torn | short) - self.again)
        ]
        self.again |= torn | short
        for uri in self.again:
            self._connection.execute(
                "UPDATE documents SET recipe = ? WHERE uri = ? AND removed_gen IS NULL", (AGAIN, uri)
            )

    def _counts(self, current: Generation) -> None:
        mended = self._connection.execute(
            "UPDATE documents SET chunks = (SELECT count(*) FROM chunks c WHERE c.document = documents.row) "
            "WHERE chunks <> (SELECT count(*) FROM chunks c WHERE c.document = documents.row)"
        ).rowcount
        generation = {"generation": current.number}
        there = [
            self._connection.execute(f"SELECT count(*) FROM {table} t WHERE {LIVE.format('t')}", generation).fetchone()[
                0
            ]
            for table in ("documents", "chunks")
        ]
        if there != [current.documents, current.chunks]:
            self._connection.execute(
                "UPDATE generations SET documents = ?, chunks = ? WHERE generation = ?", (*there, current.number)
            )
            mended += 1
        for uri in self.again:  # as it stands now is what verify is to hold it against, until it is read again
            row = self._connection.execute(
                "SELECT row FROM documents WHERE uri = ? AND removed_gen IS NULL", (uri,)
            ).fetchone()
            storing.reseal(self._connection, row[0])
        if mended:
            self.done.append("the counts of documents and passages were taken anew")

    def _lexical(self, current: Generation) -> None:
        """The lexical index from the text, where it is not what it should be."""
        whole = journal.has(self._connection, "lexical") and journal.has(self._connection, "postings")
        if whole and not check_lexical(self._connection, current):
            return
        self._connection.execute("DROP TABLE IF EXISTS postings")
        self._connection.execute("DROP TABLE IF EXISTS lexical")
        self._connection.execute(f"CREATE VIRTUAL TABLE lexical USING fts5 (words, tokenize = '{TOKENIZER}')")
        self._connection.execute("CREATE VIRTUAL TABLE postings USING fts5vocab (lexical, 'instance')")
        rows = self._connection.execute(f"SELECT c.row, {CHUNK_COLUMNS} FROM {CHUNK_TABLES}").fetchall()
        for row, *columns in rows:
            words = indexed_words(chunk_of(tuple(columns)))
            self._connection.execute("INSERT INTO lexical (rowid, words) VALUES (?, ?)", (row, " ".join(words)))
            self._connection.execute("UPDATE chunks SET words = ? WHERE row = ?", (len(words), row))
        self.done.append(f"the lexical index was built anew from {counted(len(rows), 'passage')}")

    def _documents_of(self, rows: set[int]) -> dict[str, int]:
        """uri -> how many of these chunks are its."""
        found = self._connection.execute(
            "SELECT d.uri, count(*) FROM chunks c JOIN documents d ON d.row = c.document "
            "WHERE c.row IN (SELECT value FROM json_each(?)) GROUP BY d.uri ORDER BY d.uri",
            (json.dumps(sorted(rows)),),
        )
        return dict(found.fetchall())
