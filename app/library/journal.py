"""What runs leave in a catalogue beside the rows: who wrote when, the report, and the files that could not be read.

These tables came after layout 1 was in use. They are made where they are missing, and nothing fails without them, so
the layout's number stays: an older Sluice reads and writes such a library as before.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.ports import FailedFile

_REPORTS_KEPT = 20

_TABLES = """
CREATE TABLE IF NOT EXISTS failures (
  uri TEXT PRIMARY KEY, content_hash TEXT NOT NULL, recipe TEXT NOT NULL, reason TEXT NOT NULL, hint TEXT NOT NULL,
  patience REAL NOT NULL, failed_at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reports (run INTEGER PRIMARY KEY, report BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS seen (document INTEGER PRIMARY KEY, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seals (document INTEGER PRIMARY KEY, said BLOB NOT NULL, vectors BLOB NOT NULL)
"""
_FLOOR_OF = "floor_generation"  # a key of the manifest: the generation whose floor was measured


@dataclass(frozen=True, slots=True)
class Run:
    """One time that a process held the library for writing. `state`: `writing` (or killed), `published`, `unchanged`
    or `abandoned` (killed, or ended on an error, with rows that were dropped). Times are ISO 8601, UTC."""

    pid: int
    doing: str
    started_at: str
    ended_at: str | None
    generation: int
    state: str


@dataclass(frozen=True, slots=True)
class LastReport:
    """The newest saved report of an ingest, and the newest run of one: not the same where that one was killed."""

    report: Mapping[str, Any] | None
    reported: Run | None
    newest: Run | None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def prepare(connection: sqlite3.Connection) -> None:
    """Make what is missing. Only the holder of the write lock may."""
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    if not any(row[1] == "doing" for row in connection.execute("PRAGMA table_info(runs)")):
        connection.execute("ALTER TABLE runs ADD COLUMN doing TEXT NOT NULL DEFAULT ''")


def has(connection: sqlite3.Connection, table: str) -> bool:
    """Whether a library was written since there is such a table."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone()
    return found is not None


# -- runs ------------------------------------------------------------------------------------------


def begin(connection: sqlite3.Connection, generation: int, doing: str) -> int:
    """Note a run; returns its number."""
    row = connection.execute(
        "INSERT INTO runs (pid, started_at, generation, state, doing) VALUES (?, ?, ?, 'writing', ?)",
        (os.getpid(), now(), generation, doing),
    ).lastrowid
    return row if row is not None else 0


def end(connection: sqlite3.Connection, run: int, generation: int, state: str) -> None:
    connection.execute(
        "UPDATE runs SET ended_at = ?, state = ?, generation = ? WHERE id = ?", (now(), state, generation, run)
    )


def abandon_others(connection: sqlite3.Connection) -> None:
    """What still says `writing` was killed: this process holds the lock."""
    connection.execute("UPDATE runs SET state = 'abandoned', ended_at = ? WHERE state = 'writing'", (now(),))


# -- reports ---------------------------------------------------------------------------------------


def save_report(connection: sqlite3.Connection, run: int, report: Mapping[str, object]) -> None:
    """Keep a run's report, packed; the oldest go. Within a transaction of the caller."""
    packed = zlib.compress(json.dumps(report, ensure_ascii=False).encode("utf-8", errors="replace"))
    connection.execute("INSERT OR REPLACE INTO reports VALUES (?, ?)", (run, packed))
    connection.execute(
        "DELETE FROM reports WHERE run NOT IN (SELECT run FROM reports ORDER BY run DESC LIMIT ?)", (_REPORTS_KEPT,)
    )


def last_report(connection: sqlite3.Connection) -> LastReport:
    """None in all places where no ingest left anything."""
    if not has(connection, "reports"):
        return LastReport(None, None, None)
    columns = "r.pid, r.doing, r.started_at, r.ended_at, r.generation, r.state"
    saved = connection.execute(
        f"SELECT p.report, {columns} FROM reports p JOIN runs r ON r.id = p.run ORDER BY p.run DESC LIMIT 1"
    ).fetchone()
    newest = connection.execute(
        f"SELECT {columns} FROM runs r WHERE r.doing LIKE 'ingest%' ORDER BY r.id DESC LIMIT 1"
    ).fetchone()
    return LastReport(
        report=None if saved is None else json.loads(zlib.decompress(saved[0])),
        reported=None if saved is None else Run(*saved[1:]),
        newest=None if newest is None else Run(*newest),
    )


# -- files that could not be read ------------------------------------------------------------------


def failures(connection: sqlite3.Connection) -> dict[str, FailedFile]:
    """uri -> what is remembered of the file that failed."""
    rows = connection.execute("SELECT uri, content_hash, recipe, reason, hint, patience FROM failures")
    return {row[0]: FailedFile(*row) for row in rows}


def remember_failure(connection: sqlite3.Connection, failed: FailedFile) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?)",
        (failed.uri, failed.content_hash, failed.recipe, failed.reason, failed.hint, failed.patience, now()),
    )


def forget_failures(connection: sqlite3.Connection, uris: Iterable[str]) -> None:
    connection.executemany("DELETE FROM failures WHERE uri = ?", [(uri,) for uri in uris])


# -- documents whose files were found to hold what was read ----------------------------------------


def note_seen(connection: sqlite3.Connection, uris: Iterable[str], at: str) -> None:
    """`at` (ISO 8601, UTC) these documents' files held the bytes that were read, whatever their time of change says."""
    connection.executemany(
        "INSERT OR REPLACE INTO seen SELECT row, ? FROM documents WHERE uri = ? AND removed_gen IS NULL",
        [(at, uri) for uri in uris],
    )


def read_at(connection: sqlite3.Connection, documents: str) -> str:
    """When a document's file was last known to hold what was read: an expression of SQL over the table named so."""
    if not has(connection, "seen"):
        return f"{documents}.added_at"
    return f"COALESCE((SELECT at FROM seen WHERE document = {documents}.row), {documents}.added_at)"


# -- the floor -------------------------------------------------------------------------------------


def note_floor(connection: sqlite3.Connection, generation: int) -> None:
    connection.execute("INSERT OR REPLACE INTO manifest VALUES (?, ?)", (_FLOOR_OF, str(generation)))


def floor_of(connection: sqlite3.Connection) -> int | None:
    """The generation whose floor was measured; None where none was, or by a Sluice that did not note it."""
    row = connection.execute("SELECT value FROM manifest WHERE key = ?", (_FLOOR_OF,)).fetchone()
    return None if row is None else int(row[0])
