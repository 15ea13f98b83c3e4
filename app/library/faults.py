"""SQLite's errors in our words: which mean damage, which a full disk, and which only that it cannot be now."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import LibraryDamaged, LibraryError, LibraryFull, disk_errors
from app.library.places import Places

# What a write meets where there is no room: the disk itself, or a limit on files. SQLite has one code for the first.
_NO_ROOM = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_TRUNCATE,
        sqlite3.SQLITE_IOERR_SHMSIZE,
    }
)
_NO_ROOM_FOR_FILES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DAMAGE = ("no such table", "no such column", "unable to open", "disk I/O")


@contextmanager
def guarded(places: Places) -> Iterator[None]:
    """Turn SQLite's errors into ours. Raises LibraryDamaged where the file cannot be read, LibraryFull where there is
    no room to write, LibraryError otherwise; DiskError for other files of the library."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM_FOR_FILES:
            raise full(places, error) from error
        with disk_errors():
            raise
    except sqlite3.IntegrityError as error:
        raise LibraryError(
            f"Library {places.name!r} refused a row: {error}", hint=f"sluice library verify {places.name}"
        ) from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in _NO_ROOM:
            raise full(places, error) from error
        if any(sign in str(error) for sign in _DAMAGE):
            raise _damaged(places, error) from error
        raise LibraryError(
            f"The catalogue of library {places.name!r} cannot be used now: {error}",
            hint=f"df -h {places.root}  (is the disk full, or the folder read-only?)",
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damaged(places, error) from error


def full(places: Places, error: Exception) -> LibraryFull:
    """The error for a disk without room, with what is left of it."""
    try:
        left = f"{shutil.disk_usage(places.root).free / 1e6:,.1f} MB left"
    except OSError:
        left = "how much is left cannot be read"
    return LibraryFull(
        f"Library {places.name!r} cannot be written to, there is no room ({error}; {left} at {places.root}). "
        "What was published before is whole and searchable",
        hint=f"Make room and run the same command again; it goes on from there: df -h {places.root}",
    )


def _damaged(places: Places, error: Exception) -> LibraryDamaged:
    return LibraryDamaged(
        f"The catalogue of library {places.name!r} is damaged: {error}",
        hint=f"See what is left: sluice library verify {places.name}; then put back a copy "
        f"(sluice library import FILE --replace), or start anew: sluice library delete {places.name} --all",
    )
