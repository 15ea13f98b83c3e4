"""What is to be done, by comparing what is wanted with what is stored. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Literal

from app.ports import FailedFile, StoredDocument

Action = Literal["add", "keep", "replace"]


def action(stored: StoredDocument | None, content_hash: str, recipe: str) -> Action:
    """`keep` where bytes and recipe are those of the stored document; a new recipe means reading it again."""
    if stored is None:
        return "add"
    return "keep" if (stored.content_hash, stored.recipe) == (content_hash, recipe) else "replace"


def known_failure(failed: FailedFile, content_hash: str, recipe: str, patience: float) -> bool:
    """Whether reading a file again would fail as before: the same bytes, the same parser, no more time for it."""
    return failed.patience >= patience and (failed.content_hash, failed.recipe) == (content_hash, recipe)


def vanished(
    stored: Mapping[str, StoredDocument],
    present: Set[str],
    *,
    folders: Iterable[str],
    matches: Callable[[str], bool] = lambda _: False,
    unseen: Iterable[str] = (),
) -> list[StoredDocument]:
    """The stored documents that `--prune` removes, by uri.

    Below one of the `folders` given, or `matches` a glob given; and not `present`.
    What lies below `unseen` folders (they could not be read) stays: it may well be there.
    """
    below = tuple(as_folder(folder) for folder in folders)
    hidden = tuple(as_folder(folder) for folder in unseen)
    return [
        document
        for uri, document in sorted(stored.items())
        if uri not in present and (uri.startswith(below) or matches(uri)) and not uri.startswith(hidden)
    ]


def as_folder(path: str) -> str:
    """A folder's path as the beginning of the paths below it: `as_folder("/docs") == "/docs/"`."""
    return path.rstrip("/\\") + ("\\" if "\\" in path and "/" not in path else "/")
