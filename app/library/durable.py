"""Putting files on the disk itself, in order: what the next step relies on is there before that step, whatever fails.

A rename is atomic for programs, but after a power cut a folder may name a file whose contents never arrived. So files
are flushed before they get their name, and the folder after it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
_FULL = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone stops at the drive's own memory


def flush(path: Path) -> None:
    """Wait until a file's contents, or a folder's list of names, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if _FULL is not None:
            fcntl.fcntl(descriptor, _FULL)
        else:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_tree(folder: Path) -> None:
    """The same for everything in a folder, and the folder itself."""
    for here, _, names in os.walk(folder, topdown=False):
        for name in names:
            flush(Path(here, name))
        flush(Path(here))


def rename(old: Path, new: Path) -> None:
    """Rename within one file system and keep it so after a power cut."""
    old.rename(new)
    flush(new.parent)
    if old.parent != new.parent:
        flush(old.parent)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; at the end it becomes `path`, whole or not at all.

    A file that was there is replaced. On an error nothing is left behind.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=PARTIAL)
    os.close(descriptor)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o644)
        flush(beside)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    flush(path.parent)


def sweep_partial(folder: Path, name: str) -> None:
    """Remove what a killed `written_whole` of this name left, with its journals. Only while no one else writes it."""
    for leftover in folder.glob(f".{name}-*{PARTIAL}*"):
        leftover.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove a folder whose name is no longer used; what cannot be removed now stays for the next time."""
    shutil.rmtree(folder, ignore_errors=True)
