"""Exact vector search over the catalogue: what has no index yet, small selections, and the check of an index."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

import numpy as np

from app.library.catalogue import LIVE
from app.library.filters import Rows
from app.ports import Vectors

BATCH = 2000  # rows read at a time: 3 MB of 384-dimensional vectors

Hits = list[tuple[int, float]]  # (row, cosine), best first; ties by row


def unit(vectors: Vectors) -> Vectors:
    """The same rows at length 1, float32; rows of length 0 stay."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.ascontiguousarray(vectors / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def read_vectors(connection: sqlite3.Connection, rows: Rows, dimension: int) -> tuple[Rows, Vectors]:
    """The vectors of these rows, (found rows ascending, matrix of shape (found, dimension)). What is no whole vector
    counts as none."""
    found = connection.execute(
        "SELECT chunk, vector FROM vectors WHERE chunk IN (SELECT value FROM json_each(?)) AND length(vector) = ? "
        "ORDER BY chunk",
        (json.dumps(rows.tolist()), 4 * dimension),
    ).fetchall()
    numbers = np.fromiter((row[0] for row in found), dtype=np.int64, count=len(found))
    return numbers, np.frombuffer(b"".join(row[1] for row in found), dtype=np.float32).reshape(len(found), dimension)


def rows_added(connection: sqlite3.Connection, generation: int, since: int) -> Rows:
    """Rows that the generation sees and that were added after generation `since`, ascending."""
    sql = f"SELECT c.row FROM chunks c WHERE {LIVE.format('c')} AND c.added_gen > :since ORDER BY c.row"
    found = connection.execute(sql, {"generation": generation, "since": since})
    return np.fromiter((row[0] for row in found), dtype=np.int64)


def rows_removed(connection: sqlite3.Connection, generation: int, since: int) -> Rows:
    """Rows that generation `since` sees and `generation` no longer does, ascending."""
    sql = (
        "SELECT row FROM chunks WHERE added_gen <= :since AND removed_gen > :since AND removed_gen <= :generation "
        "ORDER BY row"
    )
    found = connection.execute(sql, {"generation": generation, "since": since})
    return np.fromiter((row[0] for row in found), dtype=np.int64)


def batches(connection: sqlite3.Connection, rows: Rows, dimension: int) -> Iterator[tuple[Rows, Vectors]]:
    """`read_vectors` over many rows, BATCH at a time."""
    for start in range(0, len(rows), BATCH):
        yield read_vectors(connection, rows[start : start + BATCH], dimension)


def nearest(rows: Rows, matrix: Vectors, vector: Vectors, k: int) -> Hits:
    """The k rows of highest cosine to `vector`; matrix rows and vector have length 1."""
    if not len(rows) or k <= 0:
        return []
    cosines = matrix @ vector
    k = min(k, len(rows))
    best = np.argpartition(-cosines, k - 1)[:k]
    best = best[np.lexsort((rows[best], -cosines[best]))]
    return [(int(rows[i]), float(cosines[i])) for i in best]


def merge(left: Hits, right: Hits, k: int) -> Hits:
    """The k best of two lists."""
    return sorted((*left, *right), key=lambda hit: (-hit[1], hit[0]))[:k]


def search(connection: sqlite3.Connection, rows: Rows, dimension: int, vector: Vectors, k: int) -> Hits:
    """The k nearest of these rows, read from the catalogue in batches."""
    best: Hits = []
    for numbers, matrix in batches(connection, rows, dimension):
        best = merge(best, nearest(numbers, matrix, vector, k), k)
    return best
