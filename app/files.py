"""What stands at a path."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Literal


def found_at(path: Path) -> Literal["file", "folder", "other"] | None:
    """What stands there, links followed; None where nothing does, or where it may not be looked at. (`Path.exists` and
    its like raise PermissionError in a folder that may not be entered.)"""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"
