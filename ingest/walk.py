"""Paths, folders and globs to the files of a run."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from app.errors import DocumentError
from app.files import found_at
from ingest.containers import is_container, list_members
from ingest.containers.archive import is_archive
from ingest.containers.members import MARK
from ingest.limits import Limits
from ingest.report import FileResult, State

_NEVER = frozenset({"node_modules", "__pycache__", "site-packages", "venv"})


@dataclass(slots=True)
class Found:
    """What a run works on. `files` are real paths, each once; of an archive its members, `archive.zip!/inner/path`,
    which `ingest.read` can read. `folders` and `patterns` say how far `--prune` reaches; below `unseen` nothing could
    be read. `problems` are paths that are no file to read."""

    files: list[Path] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    patterns: list[re.Pattern[str]] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    problems: list[FileResult] = field(default_factory=list)
    sizes: dict[Path, int] = field(default_factory=dict)  # bytes of archive members, which the file system cannot tell
    tables: list[Path] = field(default_factory=list)  # long tables, whose parts are among the files


def find(
    paths: Sequence[str], *, exclude: Sequence[str] = (), home: Path | None = None, limits: Limits | None = None
) -> Found:
    """The files below the given paths, sorted within each, every real file once.

    Folders are walked with their subfolders; links are followed, loops are not. Hidden files and folders,
    node_modules, virtual environments, caches and `home` (where libraries live) are left out, unless given by name.
    `exclude` globs are held against the name and against the path below the folder given. Archives are opened within
    the limits, and so are tables too long for one document.
    """
    found = Found()
    seen: set[str] = set()
    base = None if home is None else str(home.resolve())
    for given in paths:
        for path in _expanded(given, found):
            for file in _below(path, exclude, base, found):
                real = os.path.realpath(file)
                if real not in seen:
                    seen.add(real)
                    _take(Path(real), exclude, limits if limits is not None else Limits(), found)
    return found


def _take(file: Path, exclude: Sequence[str], limits: Limits, found: Found) -> None:
    """A file, or what is in it. Hidden and excluded members are left out as they are in folders."""
    if not is_container(file):
        found.files.append(file)
        return
    inside = f"{file}{MARK}"
    found.folders.append(inside)  # as far as `--prune` is concerned, an archive is a folder
    try:
        listing = list_members(file, limits)
    except DocumentError as error:
        found.unseen.append(inside)
        found.problems.append(FileResult(shown(file), State.FAILED, error.message, hint=error.hint))
        return
    except OSError as error:
        found.unseen.append(inside)
        hint = "Check the file and its permissions."
        found.problems.append(FileResult(shown(file), State.FAILED, reason_of(error), hint=hint))
        return
    for refused in listing.refused:
        path = file if refused.name == "." else f"{inside}{refused.name}"
        state = State.FAILED if refused.failed else State.SKIPPED
        found.problems.append(FileResult(shown(path), state, refused.reason, hint=refused.hint))
    if not is_archive(file.name):
        found.tables.append(file)
    if any(refused.failed for refused in listing.refused):
        found.unseen.append(inside)  # what could not be read may still be there
    for member in listing.members:
        if not _left_out(member.name, exclude):
            path = Path(inside + member.name)
            found.files.append(path)
            found.sizes[path] = member.size
    if not listing.members and not listing.refused:
        found.problems.append(FileResult(shown(file), State.SKIPPED, "nothing in it"))


def _left_out(name: str, exclude: Sequence[str]) -> bool:
    path = PurePosixPath(name)
    return any(part.startswith((".", "__MACOSX")) or part in _NEVER for part in path.parts) or any(
        fnmatch.fnmatch(path.name, pattern) or fnmatch.fnmatch(name, pattern) for pattern in exclude
    )


def _expanded(given: str, found: Found) -> list[Path]:
    """One argument: a path as it stands, or what its glob matches."""
    path = Path(given).expanduser()
    if os.path.lexists(path):
        return [path]
    if not glob.has_magic(given):
        found.problems.append(
            FileResult(
                shown(given), State.FAILED, "no such file or folder", hint="Check the path; nothing was removed."
            )
        )
        return []
    parts = path.parts
    fixed = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    base, rest = Path(*parts[:fixed]).resolve(), parts[fixed:]
    found.patterns.append(_pattern(base, rest))
    # A recursive glob gives folders too: their files come from the pattern or not at all.
    matches = [match for match in sorted(base.glob("/".join(rest))) if "**" not in rest or found_at(match) != "folder"]
    if not matches:
        hint = "Check the pattern; put it in quotes, so that the shell leaves it alone."
        found.problems.append(FileResult(shown(given), State.FAILED, "no file matches this pattern", hint=hint))
    return matches


def _pattern(base: Path, rest: Sequence[str]) -> re.Pattern[str]:
    """A glob as a regular expression over real paths: `*` stays within a folder, `**` does not."""
    slash = r"[/\\]"
    parts = [re.escape(str(base).rstrip("/\\")), slash]
    for segment in rest:
        if segment == "**":
            parts.append(rf"(?:[^/\\]+{slash})*")
        else:
            inner = fnmatch.translate(segment).removeprefix("(?s:").removesuffix(r")\Z").removesuffix(r")\z")
            parts.append(inner.replace(".*", r"[^/\\]*") + slash)
    whole = "".join(parts).removesuffix(slash)
    return re.compile(f"{whole}(?:{re.escape(MARK)}.*)?")  # and the members of the archives it matches


def _below(path: Path, exclude: Sequence[str], home: str | None, found: Found) -> Iterator[Path]:
    if found_at(path) == "folder":
        found.folders.append(os.path.realpath(path))
        yield from _walk(path, exclude, home, found)
    elif _is_regular(path, found):
        yield path


def _is_regular(path: Path, found: Found) -> bool:
    """Whether this is a file to read; what it is instead becomes a problem. What may be there and cannot be looked at
    is unseen."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        reason, hint = reason_of(error), "Check the path and its permissions."
        if isinstance(error, PermissionError):
            found.unseen.append(str(Path(os.path.realpath(path)).parent))
        elif path.is_symlink():
            reason, hint = "a link that leads nowhere", "Mend the link or remove it."
        found.problems.append(FileResult(_place(path), State.FAILED, reason, hint=hint))
        return False
    if not stat.S_ISREG(mode):
        found.problems.append(FileResult(_place(path), State.SKIPPED, "not a regular file"))
        return False
    return True


def _walk(root: Path, exclude: Sequence[str], home: str | None, found: Found) -> Iterator[Path]:
    visited: set[str] = set()

    def unreadable(error: OSError) -> None:
        folder = str(error.filename)
        found.unseen.append(os.path.realpath(folder))
        reason, hint = f"folder not readable: {reason_of(error)}", "Check its permissions; nothing in it was removed."
        found.problems.append(FileResult(_place(folder), State.FAILED, reason, hint=hint))

    for folder, subfolders, names in os.walk(root, followlinks=True, onerror=unreadable):
        real = os.path.realpath(folder)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        here = Path(folder)
        subfolders[:] = sorted(
            name for name in subfolders if _enter(here / name, home) and not _excluded(here / name, root, exclude)
        )
        for name in sorted(names):
            file = here / name
            if name.startswith(".") or _excluded(file, root, exclude):
                continue
            if _is_regular(file, found):
                yield file


def _enter(folder: Path, home: str | None) -> bool:
    if folder.name.startswith(".") or folder.name in _NEVER or found_at(folder / "pyvenv.cfg") is not None:
        return False
    return home is None or os.path.realpath(folder) != home


def _excluded(path: Path, root: Path, exclude: Sequence[str]) -> bool:
    below = path.relative_to(root).as_posix()
    return any(fnmatch.fnmatch(path.name, pattern) or fnmatch.fnmatch(below, pattern) for pattern in exclude)


def _place(path: Path | str) -> str:
    """Where it stands, whole, as every file of a report is named; a link by its own name."""
    return shown(Path(path).absolute())


def shown(path: Path | str) -> str:
    """A path as it can be printed and stored: bytes of its name that are no UTF-8 become question marks."""
    return str(path).encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")


def reason_of(error: OSError) -> str:
    """An operating system's error in words, without the path (the report has it)."""
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError):
        return "it vanished before it was read"
    return (error.strerror or str(error)).lower()
