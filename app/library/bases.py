"""Base indexes: when to build one, building beside the old one, the check before the switch, and the removal."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from app.library import exact
from app.library.catalogue import Generation, durable, transaction
from app.library.durable import flush_tree, remove_tree, rename
from app.library.filters import Rows, select_rows
from app.library.locks import FileLock, exclusive, shared
from app.library.places import Places
from app.library.vectors import EmbeddedBase, IndexUnreadable, fill
from app.ports import Vectors

log = logging.getLogger(__name__)

RECENT_SHARE = 0.1
RECENT_LEAST = 1000
RECENT_MOST = 20_000
MIN_RECALL = 0.95
_SAMPLE = 50
_DEPTH = 20
_TIE = 1e-4  # cosines closer than this are one place in the order

_NO_ROOM = "disk is full"  # in what Chroma's own SQLite says
UNREADABLE = "unreadable"  # the mark of a base that could not be opened
HELD = "held"  # the file in a base that its readers lock


def ready(places: Places, generation: int) -> None:
    """Make the folder that readers of a base hold."""
    folder = places.base(generation)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HELD).touch()


def hold(places: Places, generation: int) -> FileLock | None:
    """Keep a base from being removed; None where it is gone."""
    return shared(places.base(generation) / HELD)


def in_use(places: Places, generation: int) -> bool:
    """Whether a reader holds a base."""
    lock = exclusive(places.base(generation) / HELD)
    if lock is None:
        return (places.base(generation) / HELD).is_file()
    lock.release()
    return False


def open_embedded(places: Places, generation: int) -> EmbeddedBase:
    """Open a base; one that cannot be read is marked, and the next `publish` builds another. Raises IndexUnreadable."""
    if (places.base(generation) / UNREADABLE).exists():
        raise IndexUnreadable(f"{places.base(generation)} could not be opened before")
    try:
        return EmbeddedBase(places.base(generation))
    except IndexUnreadable as error:
        if places.base(generation).is_dir() and _NO_ROOM not in str(error):  # opening it writes: it is not to blame
            with suppress(OSError):  # a reader need not be able to write; then each finds out for itself
                (places.base(generation) / UNREADABLE).touch()
        raise


def is_due(connection: sqlite3.Connection, places: Places, current: Generation) -> bool:
    """Whether the part that Chroma does not know has outgrown its share, or the base is missing or unreadable."""
    if current.chunks == 0:
        return False
    base = places.base(current.base)
    if current.base == 0 or not (base / HELD).is_file() or (base / UNREADABLE).exists():
        return True
    added = len(exact.rows_added(connection, current.number, current.base))
    removed = len(exact.rows_removed(connection, current.number, current.base))
    indexed = current.chunks - added + removed
    return added + removed > min(RECENT_MOST, max(RECENT_LEAST, RECENT_SHARE * indexed))


def build(connection: sqlite3.Connection, places: Places, current: Generation, dimension: int) -> float:
    """Build, check and switch to a base of the current generation; returns its recall (0..1) on a sample.

    Readers go on with the old one. Below MIN_RECALL the old one stays, and what it lacks is searched exactly.
    """
    beside = places.building(current.number)
    remove_tree(beside)
    beside.mkdir(parents=True)
    rows = select_rows(connection, current.number, ())
    check = _Check(connection, rows, dimension)
    try:
        fill(beside, check.watch(exact.batches(connection, rows, dimension)), len(rows))
        recall = check.recall(EmbeddedBase(beside))
        flush_tree(beside)
    except (IndexUnreadable, OSError) as error:
        log.warning("library %s: no new base index: %s", places.name, error)
        recall = 0.0
    if recall < MIN_RECALL:
        log.warning("library %s: the new base index found %.3f of the nearest; not used", places.name, recall)
        remove_tree(beside)
        return recall
    (beside / HELD).touch()
    _set_aside(places.base(current.number))  # there is one where the same generation is built anew
    rename(beside, places.base(current.number))
    switch(connection, current.number)
    return recall


def switch(connection: sqlite3.Connection, generation: int) -> None:
    """Make the base of this generation the one that readers of it open."""
    with durable(connection), transaction(connection):
        connection.execute("UPDATE generations SET base = ? WHERE generation = ?", (generation, generation))


class _Check:
    """Recall of a new base against exact search, for some of its own vectors as questions."""

    def __init__(self, connection: sqlite3.Connection, rows: Rows, dimension: int) -> None:
        chosen = np.random.default_rng(0).choice(rows, size=min(_SAMPLE, len(rows)), replace=False)
        _, self._questions = exact.read_vectors(connection, np.sort(chosen), dimension)
        self._best: list[exact.Hits] = [[] for _ in self._questions]
        self._count = len(rows)

    def watch(self, batches: Iterator[tuple[Rows, Vectors]]) -> Iterator[tuple[Rows, Vectors]]:
        """Pass the vectors on, keeping the nearest of each question."""
        for rows, matrix in batches:
            for place, question in enumerate(self._questions):
                here = exact.nearest(rows, matrix, question, _DEPTH)
                self._best[place] = exact.merge(self._best[place], here, _DEPTH)
            yield rows, matrix

    def recall(self, base: EmbeddedBase) -> float:
        """0.0 when the base lost rows. Passages that say the same have equal cosines: any of them counts."""
        try:
            if base.count() != self._count:
                return 0.0
            shares = []
            for question, best in zip(self._questions, self._best, strict=True):
                found = base.nearest(question, len(best))
                shares.append(sum(cosine >= best[-1][1] - _TIE for _, cosine in found) / len(best))
            return float(np.mean(shares))
        finally:
            base.close()


def remove_unused(places: Places, current: Generation) -> None:
    """Remove old bases that no reader holds, and what killed builds left."""
    if not places.vectors.is_dir():
        return
    for leftover in (*places.vectors.glob("*.building"), *places.vectors.glob("*.gone")):
        remove_tree(leftover)
    for generation in places.bases():
        folder = places.base(generation)
        if generation == current.base:
            continue
        lock = exclusive(folder / HELD, create=True)
        if lock is not None:
            with lock:
                _set_aside(folder)


def _set_aside(folder: Path) -> None:
    """Remove a base; a reader that comes now finds nothing under its name. Nothing happens where there is none."""
    gone = folder.with_suffix(".gone")
    remove_tree(gone)
    with suppress(FileNotFoundError):
        folder.rename(gone)
    remove_tree(gone)


def purge(connection: sqlite3.Connection, places: Places) -> None:
    """Delete for good the rows that no reader can see: removed at or before the oldest base that still stands."""
    oldest = min(places.bases(), default=0)
    gone = connection.execute("SELECT count(*) FROM documents WHERE removed_gen <= ?", (oldest,)).fetchone()[0]
    with transaction(connection):
        drop_chunks(connection, "removed_gen <= ?", oldest)
        drop_documents(connection, "removed_gen <= ?", oldest)
        connection.execute("DELETE FROM generations WHERE generation < ?", (oldest,))
        if gone:  # FTS5 keeps deleted words until its segments are merged
            connection.execute("INSERT INTO lexical (lexical) VALUES ('optimize')")
    if gone:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def drop_chunks(connection: sqlite3.Connection, condition: str, value: int) -> None:
    """Delete chunks with their vectors and words. `condition` is SQL over `chunks` with one parameter."""
    which = f"SELECT row FROM chunks WHERE {condition}"
    connection.execute(f"DELETE FROM lexical WHERE rowid IN ({which})", (value,))
    connection.execute(f"DELETE FROM vectors WHERE chunk IN ({which})", (value,))
    connection.execute(f"DELETE FROM chunks WHERE {condition}", (value,))


def drop_documents(connection: sqlite3.Connection, condition: str, value: int) -> None:
    """Delete documents, their chunks being gone. `condition` is SQL over `documents` with one parameter."""
    for table in ("seals", "seen"):
        which = f"SELECT row FROM documents WHERE {condition}"
        connection.execute(f"DELETE FROM {table} WHERE document IN ({which})", (value,))
    connection.execute(f"DELETE FROM documents WHERE {condition}", (value,))
