"""Does the catalogue hold what was stored? Structure, counts, and each document against its seal."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from app.counting import counted
from app.library import findings, journal
from app.library.catalogue import LIVE, Generation, Manifest
from app.library.findings import Difference
from app.library.storing import Seal, seal_of


def check_catalogue(connection: sqlite3.Connection, manifest: Manifest, current: Generation) -> list[Difference]:
    return [
        *_structure(connection),
        *_counts(connection, current),
        *_vectors(connection, manifest, current),
        *_sealed(connection, current),
    ]


def _structure(connection: sqlite3.Connection) -> list[Difference]:
    found = [
        Difference("catalogue", str(row[0]), repairable="index" in str(row[0]))
        for row in connection.execute("PRAGMA integrity_check(10)")
        if row[0] != "ok"
    ]
    strays = connection.execute("PRAGMA foreign_key_check").fetchall()
    if strays:
        tables = ", ".join(sorted({row[0] for row in strays}))
        found.append(
            Difference(
                "catalogue",
                counted(len(strays), f"row of {tables} belongs to nothing", f"rows of {tables} belong to nothing"),
            )
        )
    return found


def _counts(connection: sqlite3.Connection, current: Generation) -> list[Difference]:
    found = []
    generation = {"generation": current.number}
    for table, stated in (("documents", current.documents), ("chunks", current.chunks)):
        there = connection.execute(f"SELECT count(*) FROM {table} t WHERE {LIVE.format('t')}", generation).fetchone()[0]
        if there != stated:
            what = f"generation {current.number} has {there} {table}, and was published with {stated}"
            found.append(Difference("catalogue", what))
    short = connection.execute(
        f"SELECT d.uri, d.chunks, count(c.row) AS there FROM documents d LEFT JOIN chunks c "
        f"ON c.document = d.row AND {LIVE.format('c')} WHERE {LIVE.format('d')} "
        "GROUP BY d.row HAVING there <> d.chunks",
        generation,
    )
    return found + [
        Difference("catalogue", f"{uri} has {counted(there, 'chunk')}, and was stored with {stated}", repairable=False)
        for uri, stated, there in short
    ]


def _vectors(connection: sqlite3.Connection, manifest: Manifest, current: Generation) -> list[Difference]:
    without = rows_without_vector(connection, manifest, current)
    return findings.chunks(
        connection, "catalogue", without, "chunk without a whole vector", "chunks without a whole vector"
    )


def rows_without_vector(connection: sqlite3.Connection, manifest: Manifest, current: Generation) -> set[int]:
    """Chunks the generation sees whose vector is missing or has another length."""
    found = connection.execute(
        f"SELECT c.row FROM chunks c LEFT JOIN vectors v ON v.chunk = c.row WHERE {LIVE.format('c')} "
        "AND (v.vector IS NULL OR length(v.vector) <> :size)",
        {"generation": current.number, "size": 4 * manifest.dimension},
    )
    return {row[0] for row in found}


def _sealed(connection: sqlite3.Connection, current: Generation) -> list[Difference]:
    torn = torn_documents(connection, current)
    text = [one.uri for one in torn if one.text]
    vectors = [one.uri for one in torn if not one.text]
    return [
        *findings.documents(
            text, "document does not say what was stored", "documents do not say what was stored", repairable=False
        ),
        *findings.documents(
            vectors, "document has other vectors than were stored", "documents have other vectors than were stored"
        ),
    ]


@dataclass(frozen=True, slots=True)
class Torn:
    """A document that is not what was stored: its text (`text`), or only its vectors."""

    row: int
    uri: str
    text: bool


def torn_documents(connection: sqlite3.Connection, current: Generation) -> list[Torn]:
    """The documents that differ from their seal. Those stored before there were seals are passed over: nothing tells
    what they were."""
    if not journal.has(connection, "seals"):
        return []
    stored = connection.execute(
        f"SELECT d.row, d.uri, s.said, s.vectors FROM documents d JOIN seals s ON s.document = d.row "
        f"WHERE {LIVE.format('d')} ORDER BY d.uri",
        {"generation": current.number},
    ).fetchall()
    torn = []
    for row, uri, said, vectors in stored:
        now = seal_of(connection, row)
        if now != Seal(said, vectors):
            torn.append(Torn(row, uri, now.said != said))
    return torn
