"""One file's bytes, as they stood at one moment."""

from __future__ import annotations

from pathlib import Path

from app.errors import DocumentError
from ingest.containers import member_of, read_member
from ingest.limits import Limits
from ingest.walk import reason_of

LARGEST = Limits().file_bytes


class Unreadable(Exception):
    """A file that is passed over without being at fault: empty, for instance. The message says why."""


def read_whole(path: Path, limits: Limits | None = None) -> bytes:
    """The file's bytes; hash and text both come from them, so they belong together. `path` may be a member of an
    archive, `archive.zip!/inner/path`.

    A file that changes while it is read is read once more. Raises Unreadable for an empty file, DocumentError for
    one that is too large (it is not read then), cannot be opened, vanishes, or does not hold still.
    """
    limits = limits if limits is not None else Limits()
    inside = member_of(path)
    if inside is not None:
        data = read_member(*inside, limits)
        if not data:
            raise Unreadable("empty file")
        return data
    try:
        for _ in range(2):
            before = path.stat()
            if before.st_size == 0:
                raise Unreadable("empty file")
            if before.st_size > limits.file_bytes:
                raise DocumentError(
                    f"larger than {limits.file_bytes >> 20} MB ({before.st_size >> 20} MB)",
                    hint="Split it into smaller files, or allow more with --largest-file.",
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
