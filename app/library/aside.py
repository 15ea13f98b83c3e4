"""Whole libraries put aside by one rename, so that deleting or replacing one is done or not done, and never half.

`.NAME.deleted-*` is rubbish from the moment it has that name. `.NAME.replaced-*` is the library whose place an import
takes: rubbish once the new one stands, and put back where the import was killed before that. `.import-*` is one that is
being read in. The dot keeps them from being libraries: no name begins with one.
"""

from __future__ import annotations

import fcntl
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.library.durable import flush, remove_tree, rename
from app.library.locks import FileLock, exclusive

LOCK = "write.lock"  # in every library, and in what is put aside while a process is at work on it
CATALOGUE = "catalogue.sqlite3"
_REPLACED = re.compile(r"\.(?P<name>.+)\.replaced-[0-9a-f]+")
_RUBBISH = re.compile(r"\.(?:.+\.deleted|import)-[0-9a-f]+")


@contextmanager
def names(directory: Path) -> Iterator[None]:
    """Hold the names in a directory of libraries still: no library appears, goes or is replaced meanwhile.

    Held for moments only, so it waits; the kernel frees it when a process dies.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / ".names.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def importing(directory: Path) -> tuple[Path, FileLock]:
    """A folder in which to build a library before it has its name, and the hold on it that keeps `recover` away."""
    folder = directory / f".import-{uuid.uuid4().hex[:8]}"
    with names(directory):
        folder.mkdir()
        lock = exclusive(folder / LOCK, create=True)
    assert lock is not None  # the name was new a moment ago, and none could come between
    return folder, lock


def delete(root: Path) -> None:
    """Remove a library whose write lock the caller holds."""
    gone = _beside(root, "deleted")
    with names(root.parent):
        rename(root, gone)  # from here on the library does not exist
    remove_tree(gone)


def take_place(new: Path, root: Path) -> None:
    """Put a finished library where one may be already; the caller holds the write lock of that place."""
    old = _beside(root, "replaced")
    with names(root.parent):
        if (root / CATALOGUE).exists():
            rename(root, old)
        else:
            remove_tree(root)  # nothing but the lock file
        rename(new, root)
    remove_tree(old)


def left(directory: Path) -> list[Path]:
    """What is put aside in a directory, by name."""
    if not directory.is_dir():
        return []
    found = (path for path in directory.glob(".*") if _REPLACED.fullmatch(path.name) or _RUBBISH.fullmatch(path.name))
    return sorted(path for path in found if path.is_dir())


def recover(directory: Path) -> None:
    """Finish what was killed: put back libraries whose replacement never came, remove what is rubbish.

    What another process is at work on is left to it: it holds the lock in that folder. Raises OSError where the
    directory cannot be written.
    """
    if not left(directory):
        return
    rubbish: list[Path] = []
    with names(directory):
        for folder in left(directory):
            lock = exclusive(folder / LOCK, create=True)
            if lock is None:
                continue
            with lock:
                found = _REPLACED.fullmatch(folder.name)
                if found is not None and not (directory / found["name"] / CATALOGUE).exists():
                    remove_tree(directory / found["name"])
                    folder.rename(directory / found["name"])
                    flush(directory)
                else:
                    rubbish.append(folder)
    for folder in rubbish:
        remove_tree(folder)


def _beside(root: Path, why: str) -> Path:
    return root.with_name(f".{root.name}.{why}-{uuid.uuid4().hex[:8]}")
