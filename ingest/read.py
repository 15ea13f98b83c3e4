"""One file's bytes, as they stood at one moment."""

from __future__ import annotations

from pathlib import Path

from app.errors import DocumentError
from ingest.walk import reason_of

LARGEST = 256 * 1024 * 1024


class Unreadable(Exception):
    """A file that is passed over without being at fault: empty, for instance. The message says why."""


def read_whole(path: Path) -> bytes:
    """The file's bytes; hash and text both come from them, so they belong together.

    A file that changes while it is read is read once more. Raises Unreadable for an empty file, DocumentError for
    one that is too large, cannot be opened, vanishes, or does not hold still.
    """
    try:
        for _ in range(2):
            before = path.stat()
            if before.st_size == 0:
                raise Unreadable("empty file")
            if before.st_size > LARGEST:
                raise DocumentError(
                    f"larger than {LARGEST >> 20} MB ({before.st_size >> 20} MB)", hint="Split it into smaller files."
                )
            data = path.read_bytes()
            after = path.stat()
            if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns) and len(
                data
            ) == after.st_size:
                return data
    except OSError as error:
        raise DocumentError(reason_of(error), hint="Check the file and its permissions.") from error
    raise DocumentError("it changed while it was being read", hint="Run the same command once it is written.")
