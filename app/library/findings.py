"""What a check of a library finds, as values."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from app.counting import counted

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
    connection: sqlite3.Connection, part: Part, rows: Collection[int], one: str, many: str, *, before: str = ""
) -> list[Difference]:
    """One difference with the count, what is wrong with so many (`one`, `many`) and the first few chunk ids, or none.

    `before` are words that come before the count.
    """
    if not rows:
        return []
    first = sorted(rows)[:_NAMED]
    marks = ", ".join("?" * len(first))
    ids = dict(connection.execute(f"SELECT row, id FROM chunks WHERE row IN ({marks})", first))
    named = listed([ids.get(row, f"row {row}") for row in first], len(rows), one, many)
    return [Difference(part, before + named)]


def listed(first: Collection[str], count: int, one: str, many: str) -> str:
    """`listed(["a", "b"], 7, "chunk is missing", "chunks are missing") == "7 chunks are missing: a, b, ..."`."""
    return f"{counted(count, one, many)}: {', '.join(first)}{', ...' if count > len(first) else ''}"


def documents(uris: Collection[str], one: str, many: str, *, repairable: bool = True) -> list[Difference]:
    """The same for documents, by uri."""
    if not uris:
        return []
    return [Difference("catalogue", listed(sorted(uris)[:_NAMED], len(uris), one, many), repairable)]
