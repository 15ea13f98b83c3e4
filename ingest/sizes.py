"""How much text files hold, by their sizes and formats: the measure of the work and of the room they will take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingest.load import format_of
from ingest.room import Rest


def text_size(path: Path, known: int | None = None) -> int:
    """Bytes of text to expect in a file (of `known` bytes, where that is known): 0 where it will not be read."""
    kind = format_of(path)
    try:
        size = known if known is not None else path.stat().st_size
        return int(size * kind.text_share) if kind is not None else 0
    except OSError:
        return 0  # it vanished since the walk; reading it names the reason


def rest_of(files: Sequence[Path], dimension: int) -> Rest:
    """How much disk these files need in a library that is empty yet."""
    return Rest(len(files), sum(map(text_size, files)), held=0, written=0, read=0, dimension=dimension)
