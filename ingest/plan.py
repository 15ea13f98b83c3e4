"""What is to be done, by comparing what is wanted with what is stored. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Literal

from app.ports import StoredDocument

Action = Literal["add", "keep", "replace"]


def action(stored: StoredDocument | None, content_hash: str, recipe: str) -> Action:
    """`keep` where bytes and recipe are those of the stored document; a new recipe means reading it again."""
    if stored is None:
        return "add"
    return "keep" if (stored.content_hash, stored.recipe) == (content_hash, recipe) else "replace"


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
    below = tuple(_as_folder(folder) for folder in folders)
    hidden = tuple(_as_folder(folder) for folder in unseen)
    return [
        document
        for uri, document in sorted(stored.items())
        if uri not in present and (uri.startswith(below) or matches(uri)) and not uri.startswith(hidden)
    ]


def _as_folder(path: str) -> str:
    return path.rstrip("/\\") + ("\\" if "\\" in path and "/" not in path else "/")
