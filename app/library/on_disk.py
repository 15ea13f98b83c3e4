"""Whether the file a document came from still stands as it was read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

OnDisk = Literal["unchanged", "changed", "gone", "elsewhere"]


def on_disk(uri: str, added_at: str) -> OnDisk:
    """`changed`: written to since it was ingested (`added_at`, ISO 8601, UTC); `elsewhere`: not a path of this machine.

    >>> on_disk("https://example.org/page", "2026-01-01T00:00:00+00:00")
    'elsewhere'
    """
    path = Path(uri)
    if not path.is_absolute():
        return "elsewhere"
    try:
        written = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    except OSError:
        return "gone"
    read = datetime.fromisoformat(added_at)
    return "changed" if written > read.replace(tzinfo=read.tzinfo or UTC) else "unchanged"
