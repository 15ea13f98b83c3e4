"""Locks that the kernel frees when a process dies, however it dies (flock)."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from app.errors import LibraryLocked

_PAUSE = 0.05


class FileLock:
    """An flock on one file, held until `release` or the end of the process."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor: int | None = descriptor
        self.path = path

    def note(self, text: str) -> None:
        """Write a line into the locked file, for whoever waits."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text.encode("utf-8"), 0)

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        self.release()  # a reader that is dropped without close must not hold its base for ever

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def shared(path: Path) -> FileLock | None:
    """A lock that many may hold. None where the file is gone, or is being removed by the holder of `exclusive`."""
    return _take(path, os.O_RDONLY, fcntl.LOCK_SH)


def exclusive(path: Path, *, create: bool = False) -> FileLock | None:
    """A lock that one may hold, None while anyone holds one."""
    return _take(path, os.O_RDWR | (os.O_CREAT if create else 0), fcntl.LOCK_EX)


def _take(path: Path, flags: int, kind: int) -> FileLock | None:
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    # whoever removes the file holds it exclusively while doing so: once locked, the name tells the truth
    if not _still_named(descriptor, path):
        os.close(descriptor)
        return None
    return FileLock(descriptor, path)


def _still_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


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
    path: Path, library: str, wait_seconds: float, *, doing: str = "", waiting: Waiting | None = None
) -> FileLock:
    """The library's one write lock, in a folder that is made where it is missing.

    `doing` is what others are told while it is held. Raises LibraryLocked, naming the process that has it, after
    `wait_seconds` (`math.inf`: never).
    """
    began = time.monotonic()
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)  # again: a library that was deleted meanwhile took it along
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
