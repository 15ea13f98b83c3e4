"""Scores on disk: one SQLite file (WAL), bounded, shared by the processes and threads of this machine.

A key is a digest of the scorer id, what it runs on, the question and the passage text, so that neither questions nor
passages can be read from the file. A row never changes its meaning: whatever is found under a key is right, or fails
its checksum. A cache is a convenience: a file that is damaged is set aside, one that cannot be used is left alone, a
warning is logged, and the question is scored live.
"""

from __future__ import annotations

import hashlib
import logging
import math
import platform
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from app.domain import Score, ScorerId

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_VERSION = 1
_SCHEMA = (
    # value: raw (float64), windows (uint32), checksum (4 bytes); used: seconds since 1970
    "CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, value BLOB NOT NULL, used INTEGER NOT NULL)"
    " WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS scores_used ON scores (used)",
    f"PRAGMA user_version = {_VERSION}",
)
_BYTES_PER_SCORE = 150  # measured on a full file: both trees and their slack
_BODY = struct.Struct("<dI")
_KEY_BYTES = 16
_CHECK_BYTES = 4
_AT_ONCE = 500  # keys in one statement
_PATIENCE = 0.5  # seconds to wait for another writer; scoring live takes about as long
_FRESH = 3600  # seconds in which a use need not be noted again
_LEAVE = 0.9  # share of the limit that an eviction leaves
# SQLite's primary result codes that say the file itself is wrong
_WRONG_FILE = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_MISMATCH})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_RUNTIME = ("numpy", "onnxruntime", "tokenizers", "torch", "sentence-transformers", "transformers")


class _Damaged(Exception):
    """The file holds what this class never wrote."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the cache holds; `megabytes` on disk."""

    scores: int
    megabytes: float


class ScoreFile:
    """A `ScoreCache` in one file. Opened when first used; one connection a process, behind a lock."""

    def __init__(
        self, path: Path, *, megabytes: float, runs_on: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        """`megabytes` bounds the file, about. `runs_on` tells apart what computes (see `runtime`)."""
        self.path = path
        self.limit = max(1, int(megabytes * 1e6 / _BYTES_PER_SCORE))
        self._runs_on = runs_on
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._unchecked = self.limit  # look at the size with the first scores that are put
        self._warned: set[str] = set()

    def get(self, scorer: ScorerId, question: str, passages: Sequence[str]) -> list[Score | None]:
        """See `ScoreCache.get`. A use is noted at most once an hour."""
        keys = self._keys(scorer, question, passages)
        if not keys or not self.path.is_file():
            return [None] * len(keys)
        nothing: dict[bytes, tuple[Score, int]] = {}
        found = self._attempt(lambda c: _read(c, keys), nothing)
        now = int(self._clock())
        stale = [(now, key) for key, (_, used) in found.items() if used < now - _FRESH]
        if stale:
            self._attempt(lambda c: _write(c, "UPDATE scores SET used = ? WHERE key = ?", stale), None)
        return [found[key][0] if key in found else None for key in keys]

    def put(self, scorer: ScorerId, question: str, passages: Sequence[str], scores: Sequence[Score]) -> None:
        """See `ScoreCache.put`. Evicts the least recently used when the limit is passed."""
        now = int(self._clock())
        keys = self._keys(scorer, question, passages)
        rows = [
            (key, _packed(key, score.raw, score.windows), now)
            for key, score in zip(keys, scores, strict=True)
            if score.raw is not None and math.isfinite(score.raw)
        ]
        if rows:
            self._attempt(lambda c: self._put(c, rows), None)

    def held(self) -> Held:
        """What is there now, over all scorers."""
        if not self.path.is_file():
            return Held(0, 0.0)
        scores = self._attempt(lambda c: _count(c), 0)
        files = [self.path, *_beside(self.path)]
        return Held(scores, sum(f.stat().st_size for f in files if f.is_file()) / 1e6)

    def clear(self) -> int:
        """Forget every score, and give the room on disk back; returns how many there were."""
        if not self.path.is_file():
            return 0

        def empty(connection: sqlite3.Connection) -> int:
            count = _count(connection)
            connection.execute("DELETE FROM scores")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return count

        return self._attempt(empty, 0)

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            self._close()

    # -- within the lock ---------------------------------------------------------------------------

    def _attempt(self, action: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        with self._lock:
            try:
                return action(self._opened())
            except sqlite3.ProgrammingError:
                raise  # a defect of this file, not of the one on disk
            except (sqlite3.DatabaseError, OSError, _Damaged) as error:
                self._failed(error)
                return otherwise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None:
            try:
                same = self.path.stat().st_ino == self._inode
            except FileNotFoundError:
                same = False
            if same:
                return self._connection
            self._close()  # someone removed it or set it aside
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise _Damaged(f"its layout is {version}, this Sluice writes {_VERSION}")
        if version == 0:
            for statement in _SCHEMA:
                self._connection.execute(statement)
        self._inode = self.path.stat().st_ino
        return self._connection

    def _put(self, connection: sqlite3.Connection, rows: list[tuple[bytes, bytes, int]]) -> None:
        _write(
            connection,
            "INSERT INTO scores VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET used = excluded.used",
            rows,
        )
        self._unchecked += len(rows)
        if self._unchecked < max(1, min(2000, self.limit // 20)):
            return
        self._unchecked = 0
        count = _count(connection)
        if count > self.limit:
            over = count - int(self.limit * _LEAVE)
            connection.execute(
                "DELETE FROM scores WHERE key IN (SELECT key FROM scores ORDER BY used LIMIT ?)", (over,)
            )
            if over > count // 2:  # the limit was lowered
                connection.execute("VACUUM")

    def _failed(self, error: Exception) -> None:
        self._close()
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _BUSY:
            _log.info("The score cache %s is busy; these scores are not kept.", self.path)
            return
        wrong = isinstance(error, _Damaged) or code in _WRONG_FILE
        aside = self.path.with_suffix(".damaged")
        said = f"The score cache {self.path} cannot be used: {error}."
        if wrong:
            try:
                self.path.replace(aside)
                for file in _beside(self.path):
                    file.unlink(missing_ok=True)
                said = f"The score cache {self.path} is damaged ({error}): it was set aside as {aside.name}."
            except OSError as other:
                said = f"The score cache {self.path} is damaged ({error}) and cannot be set aside: {other}."
        if said not in self._warned:  # once a process: every question would say the same
            self._warned.add(said)
            _log.warning("%s Questions are scored without it.", said)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _keys(self, scorer: ScorerId, question: str, passages: Sequence[str]) -> list[bytes]:
        start = hashlib.blake2b(digest_size=_KEY_BYTES)
        for part in (str(scorer), self._runs_on, question):
            _add(start, part)
        keys = []
        for passage in passages:
            digest = start.copy()
            _add(digest, passage)
            keys.append(digest.digest())
        return keys


@cache
def runtime() -> str:
    """What local scores are computed with: another version may round differently, and its scores are its own."""
    versions = []
    for name in _RUNTIME:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join([platform.machine(), *versions])


def _add(digest: hashlib.blake2b, text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    digest.update(struct.pack("<Q", len(data)))  # so that no two different lists of parts read alike
    digest.update(data)


def _packed(key: bytes, raw: float, windows: int) -> bytes:
    body = _BODY.pack(raw, windows)
    return body + _check(key, body)


def _check(key: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(key + body, digest_size=_CHECK_BYTES).digest()


def _read(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, tuple[Score, int]]:
    found: dict[bytes, tuple[Score, int]] = {}
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        for key, value, used in connection.execute(f"SELECT * FROM scores WHERE key IN ({marks})", some):
            body = value[: _BODY.size] if isinstance(value, bytes) else b""
            if len(body) != _BODY.size or value[_BODY.size :] != _check(key, body):
                raise _Damaged("a score does not fit its checksum")
            raw, windows = _BODY.unpack(body)
            found[key] = (Score(raw, windows, cached=True), used)
    return found


def _write(connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(statement, rows)
    except sqlite3.Error:
        if connection.in_transaction:  # a full disk has rolled back already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM scores").fetchone()[0])


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
