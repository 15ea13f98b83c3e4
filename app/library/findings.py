"""What a check of a library finds, as values."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Part = Literal["files", "manifest", "catalogue", "lexical index", "vectors"]

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """Two parts of a library that should agree and do not. `repairable`: everything it takes is in the catalogue or
    the index; otherwise the documents have to be read again."""

    part: Part
    what: str
    repairable: bool = True

    def __str__(self) -> str:
        return f"{self.part}: {self.what}"


@dataclass(frozen=True, slots=True)
class Sources:
    """The files that documents came from, by uri: those that are gone, and those whose bytes are others now."""

    compared: int
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """`notes` are no differences: what a killed run left, which the next writer tidies away."""

    library: str
    generation: int | None
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()


def chunks(
    connection: sqlite3.Connection, part: Part, what: str, rows: Collection[int], *, repairable: bool = True
) -> list[Difference]:
    """One difference with the count (where `what` says {}) and the first few chunk ids, or none."""
    if not rows:
        return []
    first = sorted(rows)[:_NAMED]
    marks = ", ".join("?" * len(first))
    ids = dict(connection.execute(f"SELECT row, id FROM chunks WHERE row IN ({marks})", first))
    return [Difference(part, listed(what, len(rows), [ids.get(row, f"row {row}") for row in first]), repairable)]


def listed(what: str, count: int, first: Collection[str]) -> str:
    """`listed("{} chunks are missing", 7, ["a", "b"]) == "7 chunks are missing: a, b, ..."`."""
    return f"{what.format(count)}: {', '.join(first)}{', ...' if count > len(first) else ''}"


def documents(what: str, uris: Collection[str], *, repairable: bool = True) -> list[Difference]:
    """The same for documents, by uri."""
    if not uris:
        return []
    return [Difference("catalogue", listed(what, len(uris), sorted(uris)[:_NAMED]), repairable)]
