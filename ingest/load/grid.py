"""Rows of cells (a CSV file, a sheet) to records: a caption above, a header line or none, and every row below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.load.parsed import Block
from ingest.load.records import Choice, guess_columns, record_block
from ingest.load.scalars import scalar


@dataclass(frozen=True, slots=True)
class Grid:
    """`title`: a caption that stood above the table, or "". `notes`: what was guessed, for the report."""

    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]
    header: bool


def read_grid(rows: Sequence[Sequence[str]], *, first: int = 1, choice: Choice | None = None) -> Grid:
    """Rows of stripped cells, none of them empty as a whole and one at least. `first` numbers the first record."""
    rows = list(rows)
    title = ""
    if len(rows) > 2 and sum(map(bool, rows[0])) == 1 < sum(map(bool, rows[1])):
        title = next(cell for cell in rows.pop(0) if cell)
    header = has_header(rows)
    names = _names(rows[0] if header else [], max(map(len, rows)))
    body = rows[1:] if header else rows
    records = [dict(zip(names, row, strict=False)) for row in body]
    columns = guess_columns(names, records, choice)
    blocks = [record_block(columns, record, number) for number, record in enumerate(records, first)]
    notes = [str(columns)]
    if ragged := sum(len(row) != len(rows[0]) for row in body):
        notes.append(f"{ragged} of {len(body)} rows have more or fewer cells than the first line")
    if not header:
        notes.append("no header line found")
    return Grid(title, tuple(block for block in blocks if block is not None), tuple(notes), header)


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """The first line is a header unless it looks like the rows below: a number in it, an empty cell, a repeated or
    very long name."""
    first = [cell for cell in rows[0] if cell]
    if len(rows) < 2 or len(first) < len(rows[0]) - 1 or len(set(first)) < len(first):
        return False
    return not any(not isinstance(scalar(cell), str) or len(cell) > 80 for cell in first)


def _names(header: Sequence[str], width: int) -> list[str]:
    names = [*header, *([""] * (width - len(header)))]
    return [name or f"column {number}" for number, name in enumerate(names, 1)]
