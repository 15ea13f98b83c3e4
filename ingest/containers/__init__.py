"""Files that hold documents: archives, and tables too long for one document. Each document in them is a member with a
place of its own, `archive.zip!/inner/path`, and goes its own way through the run.

Nothing is unpacked to disk. Listing and reading happen in a process of their own, with the limits of a parser.
"""

from __future__ import annotations

import functools
import multiprocessing
import threading
from pathlib import Path, PurePath

from app.files import found_at
from ingest.containers import archive, rows
from ingest.containers.members import MARK, Listing
from ingest.limits import Limits
from ingest.load.worker import ParserProcess

_ONE_AT_A_TIME = threading.Lock()


def is_container(path: Path) -> bool:
    """Whether a file of this name (and, for tables, this size) is opened for what is in it."""
    return archive.is_archive(path.name) or rows.is_long(path)


def member_of(path: PurePath) -> tuple[Path, str] | None:
    """The container and the name inside it: `/a/b.zip!/c/d.md` is ("/a/b.zip", "c/d.md"); None for an ordinary path.

    A real file of that very name is an ordinary path.
    """
    whole = str(path)
    if MARK not in whole or found_at(Path(path)) is not None:
        return None
    start = whole.find(MARK)
    while start >= 0:
        container = Path(whole[:start])
        if found_at(container) == "file":
            return container, whole[start + len(MARK) :]
        start = whole.find(MARK, start + 1)
    return None


def list_members(container: Path, limits: Limits) -> Listing:
    """What is inside, in the order in which it is read fastest. Raises DocumentError where it cannot be opened."""
    if multiprocessing.parent_process() is not None:  # already in a bounded process, which may start no other
        return _listing(str(container), limits)
    with _ONE_AT_A_TIME:
        return _process(limits.seconds, limits.memory).call(_listing, str(container), limits)


def read_member(container: Path, name: str, limits: Limits) -> bytes:
    """One member's bytes. Raises DocumentError where it is too large, damaged, protected or gone."""
    if multiprocessing.parent_process() is not None:
        return _content(str(container), name, limits)
    with _ONE_AT_A_TIME:
        return _process(limits.seconds, limits.memory).call(_content, str(container), name, limits)


@functools.cache
def _process(seconds: float, memory: int) -> ParserProcess:
    """One for the whole run: it keeps the archive open that is being read. It ends with this process."""
    return ParserProcess(seconds, memory)


def _listing(container: str, limits: Limits) -> Listing:
    path = Path(container)
    return archive.listing(path, limits) if archive.is_archive(path.name) else rows.listing(path, limits)


def _content(container: str, name: str, limits: Limits) -> bytes:
    path = Path(container)
    if archive.is_archive(path.name):
        return archive.content(path, name, limits)
    return rows.content(path, name, limits)
