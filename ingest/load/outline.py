"""Headings become section paths: shared by the formats that have headings."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain import Scalar
from ingest.load.parsed import Block, Kind


class Outline:
    """Collects blocks under the headings met so far.

    A heading that has neither text nor a heading below it would be lost: it becomes a block of its own.
    """

    def __init__(self) -> None:
        self._path: list[tuple[int, str]] = []
        self._blocks: list[Block] = []
        self._bare = False

    def heading(self, level: int, text: str) -> None:
        """Open a section; `level` counts from 1. Levels may be skipped (an h1 may be followed by an h4)."""
        text = " ".join(text.split())
        if not text:
            return
        if self._bare and self._path and level <= self._path[-1][0]:
            self._keep_bare()
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._path.append((level, text))
        self._bare = True

    def restart(self) -> None:
        """Close all sections: what follows stands under none of them."""
        if self._bare:
            self._keep_bare()
            self._bare = False
        self._path.clear()

    def add(
        self, text: str, kind: Kind = "prose", page: int | None = None, metadata: Mapping[str, Scalar] | None = None
    ) -> None:
        if text.strip():
            self._bare = False
            if kind == "table" and "\n|-" not in text:
                kind = "prose"  # one column or one row: lines
            self._blocks.append(Block(text, self.section, page, kind, metadata=dict(metadata or {})))

    @property
    def section(self) -> tuple[str, ...]:
        return tuple(text for _, text in self._path)

    def blocks(self) -> tuple[Block, ...]:
        if self._bare:
            self._keep_bare()
            self._bare = False
        return tuple(self._blocks)

    def _keep_bare(self) -> None:
        self._blocks.append(Block(self._path[-1][1], self.section[:-1]))
