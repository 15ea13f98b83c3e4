"""Whether the file a document came from still stands as it was read."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from app.files import found_at

OnDisk = Literal["unchanged", "changed", "gone", "elsewhere"]


def on_disk(uri: str, read_at: str) -> OnDisk:
    """`changed`: written to since it was read (`read_at`, ISO 8601, UTC); `elsewhere`: not a path of this machine.

    >>> on_disk("https://example.org/page", "2026-01-01T00:00:00+00:00")
    'elsewhere'
    """
    path = file_of(uri)
    if not path.is_absolute():
        return "elsewhere"
    try:
        written = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    except OSError:
        return "gone"
    read = datetime.fromisoformat(read_at)
    noted = read.replace(tzinfo=read.tzinfo or UTC) + timedelta(seconds=1)  # it was noted to the second, cut off
    return "changed" if written >= noted else "unchanged"


def file_of(uri: str) -> Path:
    """The file a document stands in: itself, or the archive that it is a member of.

    >>> file_of("/docs/papers.zip!/2020/owls.pdf").name
    'papers.zip'
    """
    whole, parts = Path(uri), uri.split("!/")
    if len(parts) == 1 or found_at(whole) is not None:
        return whole
    return next(
        (start for n in range(1, len(parts)) if found_at(start := Path("!/".join(parts[:n]))) == "file"),
        Path(parts[0]),
    )


def same_bytes(uri: str, content_hash: str) -> bool:
    """Whether the file holds the bytes that were read; members of archives are taken to, without opening them."""
    path = file_of(uri)
    if path != Path(uri):
        return True
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == content_hash
    except OSError:
        return False
