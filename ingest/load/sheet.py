"""XLSX, XLS, XLSB and ODS: every sheet a section; a table with a header as records, anything else as a table."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import python_calamine as calamine

from app.errors import DocumentError
from ingest.load.grid import has_header, read_grid
from ingest.load.package import OLD_OFFICE, Package
from ingest.load.parsed import Block, Parsed, finish
from ingest.load.records import MOST_RECORDS, Choice, too_many
from ingest.load.scalars import scalar
from ingest.load.table import markdown_table

_HINT = "Open it in a spreadsheet program and save it again as .xlsx."
_FEW = 4  # rows below a header from which on a table is records: a smaller one is read at a glance
_SHARE = 0.6  # of the cells that records have filled; a form or a report with gaps has fewer


def load(name: str, data: bytes, choice: Choice | None = None) -> Parsed:
    """Sheets in order; hidden ones too. Blank rows part the tables of a sheet. Dates are ISO 8601, whole numbers
    have no ".0". Raises DocumentError for a password, a broken file, or one without cells."""
    if not data.startswith(OLD_OFFICE):
        Package(data, "a spreadsheet", _HINT)  # its limits, before a reader in Rust unpacks everything
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    except calamine.PasswordError as error:
        raise DocumentError("protected by a password", hint="Save a copy without the password.") from error
    except (calamine.CalamineError, OSError, ValueError) as error:
        if b"E\x00n\x00c\x00r\x00y\x00p\x00t" in data[: 1 << 20]:
            raise DocumentError("protected by a password", hint="Save a copy without the password.") from error
        what = " ".join(str(error).split())[:120]
        raise DocumentError(f"not a spreadsheet that can be read: {what}", hint=_HINT) from error
    blocks: list[Block] = []
    notes: list[str] = []
    rows_read = 0
    for sheet_name in book.sheet_names:
        try:
            rows = list(_rows(book.get_sheet_by_name(sheet_name)))
        except (calamine.CalamineError, ValueError) as error:
            notes.append(f"sheet {sheet_name} left out: {' '.join(str(error).split())[:120]}")
            continue
        rows_read += len(rows)
        if rows_read > MOST_RECORDS:
            raise too_many()
        for table in _tables(rows):
            found, said = _read(table, choice)
            blocks.extend(replace(block, section=(sheet_name,)) for block in found)
            notes.extend(f"sheet {sheet_name}: {note}" for note in said)
    if not blocks:
        raise DocumentError("no cells with text in it", hint="Look at the file: its sheets are empty.")
    return finish(name, blocks, metadata={"sheets": len(book.sheet_names)}, warnings=notes)


def _rows(sheet: Any) -> Iterator[list[str]]:
    for row in sheet.iter_rows():
        yield [_shown(cell) for cell in row]


def _shown(cell: object) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else f"{cell:.12g}"
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(" ")
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return " ".join(str(cell).split()) if cell is not None else ""


def _tables(rows: Sequence[list[str]]) -> Iterator[list[list[str]]]:
    """The runs of rows between blank ones, each without its empty outer columns."""
    table: list[list[str]] = []
    rows_end: list[str] = []
    for row in [*rows, rows_end]:
        if any(row):
            table.append(row)
        elif table and (not _is_heading(table) or row is rows_end):
            used = [n for n in range(max(map(len, table))) if any(n < len(row) and row[n] for row in table)]
            left, right = used[0], used[-1] + 1
            yield [line[left:right] for line in table]
            table = []


def _is_figure(cell: str) -> bool:
    """A number that is no year: those head columns."""
    value = scalar(cell)
    return isinstance(value, float) or (isinstance(value, int) and not 1900 <= value <= 2100)


def _is_heading(table: Sequence[list[str]]) -> bool:
    """One or two rows of names that a blank row parts from their table."""
    widest = max(sum(map(bool, row)) for row in table)
    return len(table) <= 2 and widest > 2 and not any(_is_figure(cell) for row in table for cell in row)


def _one_heading(table: list[list[str]]) -> list[list[str]]:
    """Heading rows over figures as one row, name by name: "2023" above "Sales" is "2023 Sales"."""
    first = next((n for n, row in enumerate(table) if sum(map(_is_figure, row)) > 1), 0)
    if not 2 <= first <= 3 or sum(map(bool, table[0])) < 2:
        return table
    width = max(map(len, table))
    names = [" ".join(row[n] for row in table[:first] if n < len(row) and row[n]) for n in range(width)]
    return [names, *table[first:]]


def _read(table: list[list[str]], choice: Choice | None) -> tuple[list[Block], list[str]]:
    """Records where a header stands above enough filled rows, else one table in Markdown."""
    captioned = len(table) > 2 and sum(map(bool, table[0])) == 1 < sum(map(bool, table[1]))
    caption = [Block(" ".join(filter(None, table[0])))] if captioned else []
    table = table[1:] if captioned else table
    header, below = table[0], table[1:]
    filled = sum(bool(cell) for row in below for cell in row)
    cells = max(1, len(below) * len(table[0]))
    if len(header) > 1 and len(below) >= _FEW and has_header([header, *below]) and filled / cells >= _SHARE:
        grid = read_grid(table, choice=choice)
        return [*caption, *grid.blocks], list(grid.notes)
    table = _one_heading(table)
    kind: Any = "table" if len(table) > 1 and len(table[0]) > 1 else "prose"
    return [*caption, Block(markdown_table(table), kind=kind)], []
