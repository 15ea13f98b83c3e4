"""Where the parts of a library lie on disk."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.errors import LibraryNotFound, UsageError
from app.library.aside import CATALOGUE, LOCK, left, recover

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one library: the catalogue is the truth, everything under `vectors` can be built again."""

    name: str
    root: Path

    @property
    def catalogue(self) -> Path:
        return self.root / CATALOGUE

    @property
    def vectors(self) -> Path:
        return self.root / "vectors"

    @property
    def write_lock(self) -> Path:
        return self.root / LOCK

    @property
    def fingerprint(self) -> Path:
        return self.root / "fingerprint.json"

    def base(self, generation: int) -> Path:
        return self.vectors / str(generation)

    def building(self, generation: int) -> Path:
        """Where a base is built before it is verified and renamed to `base(generation)`."""
        return self.vectors / f"{generation}.building"

    def bases(self) -> list[int]:
        """Generations that have a finished base, oldest first."""
        if not self.vectors.is_dir():
            return []
        return sorted(int(path.name) for path in self.vectors.iterdir() if path.name.isdecimal() and path.is_dir())


def places(directory: Path, name: str) -> Places:
    """Raises UsageError for a name that cannot be a folder and a Chroma collection at once."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a library",
            hint="Use 1 to 48 letters, digits, dots, dashes and underscores, a letter or digit first.",
        )
    return Places(name, directory / name)


def existing(directory: Path, name: str) -> Places:
    """As `places`; raises LibraryNotFound where there is no such library."""
    found = places(directory, name)
    if not found.catalogue.is_file() and left(directory):
        with suppress(OSError):  # it may be one whose replacement was killed; who cannot write here leaves it there
            recover(directory)
    if not found.catalogue.is_file():
        others = list_libraries(directory)
        known = f" (there are: {', '.join(others)})" if others else ""
        raise LibraryNotFound(
            f"There is no library {name!r} in {directory}{known}", hint=f"sluice ingest PATH --library {name}"
        )
    return found


def list_libraries(directory: Path) -> list[str]:
    """The names of the libraries in a directory, sorted. Empty where the directory does not exist."""
    if not directory.is_dir():
        return []
    return sorted(path.parent.name for path in directory.glob(f"*/{CATALOGUE}") if _NAME.fullmatch(path.parent.name))
