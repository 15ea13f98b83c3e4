"""What a report is made of: sections of words, tables and plots."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; the first column names the row, the others are numbers unless `words` says so. `aside`: about a
    configuration that is not the headline's, so folded away where that is possible."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    words: bool = False
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing as an SVG element; the tables of its section hold its numbers."""

    title: str
    svg: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, sentences, tables and plots."""

    title: str
    words: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
