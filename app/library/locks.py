"""Locks that the kernel frees when a process dies, however it dies (flock)."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType


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
