"""Which documents `--prune` takes out, and which it leaves because their going looks like an accident. Pure.

A drive that is not mounted is an empty folder. So a folder or pattern that has lost all its files, or most of many,
loses no document from the library until that is confirmed.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from app.counting import counted
from app.ports import StoredDocument
from ingest.plan import as_folder, vanished

MANY = 20  # documents: below it more than half may go without being asked about
_AFTER = "\U0010ffff"  # sorts behind every path of a folder


@dataclass(frozen=True, slots=True)
class Held:
    """Documents that stay: `gone` of the `stored` below a place have lost their files."""

    place: str
    gone: int
    stored: int

    @property
    def reason(self) -> str:
        if self.gone == self.stored:
            return f"it holds none of its {counted(self.stored, 'file')} any more: no document below it was removed"
        return f"{self.gone:,} of its {self.stored:,} files are gone: no document below it was removed"

    hint = "If a drive is not mounted, mount it; if they are meant to go, type the same with --prune-anyway."


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to be removed, by uri, and what was held back."""

    documents: tuple[StoredDocument, ...]
    held: tuple[Held, ...] = ()


def removal(
    stored: Mapping[str, StoredDocument],
    present: Set[str],
    *,
    folders: Sequence[str],
    patterns: Sequence[Callable[[str], object]] = (),
    unseen: Iterable[str] = (),
    anyway: bool = False,
) -> Removal:
    """The stored documents whose files are gone below `folders` or where a pattern matches (see `plan.vanished`).

    Without `anyway`, those of a place with no file in it now, or that has lost more than half of MANY and more, are
    held back.
    A document in several places is held back if one of them is.
    """
    gone = vanished(stored, present, folders=folders, matches=lambda uri: any(p(uri) for p in patterns), unseen=unseen)
    if anyway or not gone:
        return Removal(tuple(gone))
    held: list[Held] = []
    kept: set[str] = set()
    uris, here_now, lost = sorted(stored), sorted(present), [document.uri for document in gone]
    for folder in dict.fromkeys(map(as_folder, folders)):
        here = _below(lost, folder)
        total, empty = len(_below(uris, folder)), not _below(here_now, folder)
        if _too_many(len(here), total, empty=empty):
            held.append(Held(folder.rstrip("/\\").removesuffix("!"), len(here), total))
            kept.update(here)
    for pattern in patterns:
        here = [uri for uri in lost if pattern(uri)]
        total, empty = sum(1 for uri in uris if pattern(uri)), not any(map(pattern, here_now))
        if _too_many(len(here), total, empty=empty):
            held.append(Held(os.path.commonpath(here) if len(here) > 1 else here[0], len(here), total))
            kept.update(here)
    return Removal(
        tuple(document for document in gone if document.uri not in kept),
        tuple({one.place: one for one in held}.values()),
    )


def _too_many(gone: int, stored: int, *, empty: bool) -> bool:
    return gone > 0 and (empty or (stored >= MANY and gone > stored / 2))


def _below(uris: Sequence[str], folder: str) -> Sequence[str]:
    """Those below a folder, of uris in order."""
    return uris[bisect_left(uris, folder) : bisect_left(uris, folder + _AFTER)]
