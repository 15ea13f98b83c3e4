"""A page in reading order, by where its text stands. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.load.pdf_columns import by_columns, gutter, interleaved
from ingest.load.pdf_rows import Row, Segment, rows_of
from ingest.load.pdf_tables import find_tables
from ingest.load.table import markdown_table


@dataclass(frozen=True, slots=True)
class Page:
    """A page's lines in reading order; "" is a gap. `tables` by the line that stands for each (its index)."""

    lines: tuple[str, ...]
    tables: dict[int, str]


def read_page(segments: Sequence[Segment]) -> Page | None:
    """The page as its geometry has it; None where that says no more than the order of the file does: one column or
    two in order, and no table."""
    letters = [c for s in segments for c in s.text[:40] if c.isalpha()]
    if sum(unicodedata.bidirectional(c) in ("R", "AL") for c in letters) > 0.2 * len(letters):
        return None  # right to left: the parts of a line come in visual order here
    rows = rows_of(segments)
    middle = gutter(rows)
    if middle is not None:
        if not interleaved(segments, middle):
            return None
        return Page(tuple(_lines(by_columns(rows, middle))), {})
    tables = find_tables(rows)
    if not tables:
        return None
    lines: list[str] = []
    marks: dict[int, str] = {}
    at = 0
    for start, end, cells in tables:
        lines += [*_lines(rows[at:start]), ""]
        marks[len(lines)] = markdown_table(cells)
        lines += ["table", ""]
        at = end
    lines += _lines(rows[at:])
    return Page(tuple(lines), marks)


def _lines(rows: Sequence[Row]) -> list[str]:
    lines: list[str] = []
    above: Segment | None = None
    for row in rows:
        here = row[0]
        if above is not None and abs(above.middle - here.middle) > 1.7 * max(above.height, here.height):
            lines.append("")
        lines.append(" ".join(segment.text for segment in row))
        above = here
    return lines
