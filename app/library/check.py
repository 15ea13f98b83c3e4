"""Comparing the parts of a library: catalogue, lexical index, Chroma."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from app.errors import LibraryDamaged
from app.library import bases, exact
from app.library.catalogue import LIVE, Connections, Generation, Manifest, latest, read_manifest
from app.library.filters import select_rows
from app.library.places import Places, existing
from app.library.vectors import EmbeddedBase, IndexUnreadable

_SAMPLE = 50
_NAMED = 5
_UNKNOWN = 0.2  # SQLite knows an older Unicode: letters newer than it are no words to it


def verify(directory: Path, name: str) -> list[str]:
    """What does not agree in the last published generation, a line each; empty when everything does.

    Raises LibraryNotFound.
    """
    where = existing(directory, name)
    connections = Connections(where)
    try:
        with connections.lend() as connection:
            manifest, current = read_manifest(connection, where), latest(connection)
            return [
                *_catalogue(connection, manifest, current),
                *_lexical(connection, current),
                *_index(connection, where, manifest, current),
            ]
    except LibraryDamaged as error:
        return [error.message]
    finally:
        connections.close()


def _catalogue(connection: sqlite3.Connection, manifest: Manifest, current: Generation) -> list[str]:
    found = [f"catalogue: {row[0]}" for row in connection.execute("PRAGMA quick_check(10)") if row[0] != "ok"]
    generation = {"generation": current.number}
    for table, stated in (("documents", current.documents), ("chunks", current.chunks)):
        there = connection.execute(f"SELECT count(*) FROM {table} t WHERE {LIVE.format('t')}", generation).fetchone()[0]
        if there != stated:
            found.append(f"catalogue: generation {current.number} has {there} {table}, and was published with {stated}")
    short = connection.execute(
        f"SELECT d.uri, d.chunks, count(c.row) AS there FROM documents d LEFT JOIN chunks c "
        f"ON c.document = d.row AND {LIVE.format('c')} WHERE {LIVE.format('d')} "
        "GROUP BY d.row HAVING there <> d.chunks",
        generation,
    )
    found += [f"catalogue: {uri} has {there} chunks, and was stored with {stated}" for uri, stated, there in short]
    size = 4 * manifest.dimension
    without = connection.execute(
        f"SELECT c.row FROM chunks c LEFT JOIN vectors v ON v.chunk = c.row WHERE {LIVE.format('c')} "
        "AND (v.vector IS NULL OR length(v.vector) <> :size)",
        {**generation, "size": size},
    )
    missing = {row[0] for row in without}
    return found + _named(connection, "catalogue: {} chunks without a whole vector", missing)


def _lexical(connection: sqlite3.Connection, current: Generation) -> list[str]:
    stored = {row[0] for row in connection.execute("SELECT row FROM chunks")}
    live = set(select_rows(connection, current.number, ()).tolist())
    indexed = {row[0] for row in connection.execute("SELECT rowid FROM lexical")}
    counted = dict(connection.execute("SELECT doc, count(*) FROM postings GROUP BY doc"))
    off = {
        row
        for row, words in connection.execute("SELECT row, words FROM chunks")
        if row in live and row in indexed and abs(counted.get(row, 0) - words) > _UNKNOWN * words
    }
    return [
        *_named(connection, "lexical index: {} chunks are missing", live - indexed),
        *_named(connection, "lexical index: {} entries belong to no chunk", indexed - stored),
        *_named(connection, "lexical index: {} chunks have another number of words", off),
    ]


def _index(connection: sqlite3.Connection, where: Places, manifest: Manifest, current: Generation) -> list[str]:
    if current.chunks == 0:
        return []
    hint = f"(sluice ingest builds a new one; until then library {where.name!r} is searched exactly)"
    held = bases.hold(where, current.base) if current.base > 0 else None
    if held is None:
        return [f"vectors: generation {current.number} has no base index {hint}"]
    with held:
        try:
            base = bases.open_embedded(where, current.base)
        except IndexUnreadable as error:
            return [f"vectors: the base index {current.base} cannot be read: {error} {hint}"]
        try:
            return _compare(connection, base, manifest, current)
        except IndexUnreadable as error:
            return [f"vectors: the base index {current.base} cannot be searched: {error} {hint}"]
        finally:
            base.close()


def _compare(connection: sqlite3.Connection, base: EmbeddedBase, manifest: Manifest, current: Generation) -> list[str]:
    expected = select_rows(connection, current.base, ())
    rows = set(expected.tolist())
    indexed = base.rows()
    sample = np.random.default_rng(0).choice(expected, size=min(_SAMPLE, len(expected)), replace=False)
    numbers, matrix = exact.read_vectors(connection, np.sort(sample), manifest.dimension)
    lost = set()
    for row, vector in zip(numbers.tolist(), matrix, strict=True):
        best = base.nearest(vector, 1)
        if row in indexed and (not best or best[0][1] < 1.0 - 1e-3) and vector.any():
            lost.add(row)
    return [
        *_named(connection, f"vectors: {{}} chunks are missing from the base index {current.base}", rows - indexed),
        *_named(connection, f"vectors: the base index {current.base} holds {{}} rows of no chunk", indexed - rows),
        *_named(connection, f"vectors: {{}} of {len(numbers)} sampled chunks are not found by their own vector", lost),
    ]


def _named(connection: sqlite3.Connection, line: str, rows: set[int]) -> list[str]:
    """One line with the count and the first few chunk ids, or none."""
    if not rows:
        return []
    first = sorted(rows)[:_NAMED]
    marks = ", ".join("?" * len(first))
    ids = dict(connection.execute(f"SELECT row, id FROM chunks WHERE row IN ({marks})", first))
    more = ", ..." if len(rows) > _NAMED else ""
    return [f"{line.format(len(rows))}: {', '.join(ids.get(row, f'row {row}') for row in first)}{more}"]
