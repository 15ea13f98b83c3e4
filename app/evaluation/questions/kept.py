"""Where question sets and drafts are kept: <home>/questions/<library>/sets/<name>.jsonl and drafts.jsonl beside it."""

from __future__ import annotations

import re
from pathlib import Path

from app.errors import UsageError
from app.library.places import places

_NAME = re.compile(r"[\w][\w.() -]{0,79}")


def questions_dir(home: Path) -> Path:
    """The directory that `Drafts` takes, below SLUICE_HOME."""
    return home / "questions"


def set_path(home: Path, library: str, name: str) -> Path:
    """Where a library's set of this name is kept. Raises UsageError for a name that cannot be a file's or library's."""
    places(home, library)
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a question set.", hint="Use letters, digits, dots, dashes, underscores and blanks."
        )
    return questions_dir(home) / library / "sets" / f"{name}.jsonl"


def kept_sets(home: Path, library: str) -> list[Path]:
    """The question sets kept for a library, by name; empty where there are none. Raises UsageError as `set_path`."""
    return sorted(set_path(home, library, "any").parent.glob("*.jsonl"))
