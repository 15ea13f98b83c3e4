"""Who may write a library: one process at a time, named to those who wait."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.errors import LibraryLocked
from app.library.aside import names
from app.library.locks import FileLock, exclusive

_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a write lock, as it noted itself. `since` is in seconds since the epoch; None where it is unknown."""

    pid: int | None
    doing: str
    since: float | None

    @property
    def named(self) -> str:
        """`Holder(123, "ingest docs", None).named == "process 123 (ingest docs)"`."""
        if self.pid is None:
            return "another process"
        return f"process {self.pid}" + (f" ({self.doing})" if self.doing else "")

    def held(self, now: float) -> float | None:
        """Seconds it has been at it."""
        return None if self.since is None else max(0.0, now - self.since)


class Waiting(Protocol):
    """Told again and again while a lock is awaited; what it raises ends the wait."""

    def __call__(self, holder: Holder, waited: float) -> None: ...


def holder_of(path: Path) -> Holder:
    """Who noted itself in a lock file last; says nothing about whether it is still held."""
    try:
        pid, doing, since = json.loads(path.read_text(encoding="utf-8"))
        return Holder(int(pid), str(doing), float(since))
    except (OSError, ValueError, TypeError):  # not there, half written this moment, or by an older Sluice
        return Holder(None, "", None)


def write_lock(
    path: Path,
    library: str,
    wait_seconds: float,
    *,
    doing: str = "",
    waiting: Waiting | None = None,
) -> FileLock:
    """The library's one write lock, in a folder that is made where it is missing.

    `doing` is what others are told while it is held. Raises LibraryLocked, naming the process that has it, after
    `wait_seconds` (`math.inf`: never).
    """
    began = time.monotonic()
    while True:
        with names(path.parent.parent):
            path.parent.mkdir(exist_ok=True)  # each time: a library that was deleted meanwhile took it along
            lock = exclusive(path, create=True)
        if lock is not None:
            lock.note(json.dumps([os.getpid(), doing, time.time()]))
            return lock
        holder, waited = holder_of(path), time.monotonic() - began
        if waited >= wait_seconds:
            raise LibraryLocked(
                f"Library {library!r} is being written by {holder.named}",
                hint=f"Wait until it is done and try again; ps -p {holder.pid or 'PID'} shows what it is.",
            )
        if waiting is not None:
            waiting(holder, waited)
        time.sleep(_PAUSE)
