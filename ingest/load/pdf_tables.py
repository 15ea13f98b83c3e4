"""Tables on a page, told by their aligned cells. Pure."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence

from ingest.load.pdf_rows import Row, Segment

_FEWEST_ROWS = 3
_MOST_COLUMNS = 30
_ROW_GAP = 2.6  # line heights between two rows of one table
_FIGURES = re.compile(r"\d")
_SYMBOL_BEFORE = re.compile(r"[$€£¥(\[]*")
_SYMBOL_AFTER = re.compile(r"[)%\]*†‡\s]*")
_FORMULA = re.compile(r"[\u2190-\u22ff\u2308-\u230b\u239b-\u23b4\u27e8-\u27ff\ue000-\uf8ff]")
_SOLID = re.compile(r"\d|[^\W\d_]{2}|^[A-Z]$|^[-–—*•✓✔]$")
_LONG_CELL = 45  # characters: cells as long as that are prose unless the table is well filled
_DOTS = re.compile(r"(?:[.·…] ?){4,}")


def find_tables(rows: Sequence[Row]) -> list[tuple[int, int, list[list[str]]]]:
    """(first row, row after the last, cells) of every table, from top to bottom.

    A table is at least three rows of two cells and more whose cells leave the same vertical strips free, most of them
    figures or short; rows of one cell belong to it where they stand between such rows. Two columns of prose are not.
    """
    found: list[tuple[int, int, list[list[str]]]] = []
    start = 0
    while start < len(rows):
        end = _run(rows, start)
        if end - start >= _FEWEST_ROWS:
            table = _cells(rows[start:end])
            if table is not None:
                found.append((start, end, table))
                start = end
                continue
        start += 1
    return found


def _run(rows: Sequence[Row], start: int) -> int:
    """The end of the rows from `start` that may be one table."""
    if len(rows[start]) < 2:
        return start
    end, singles = start + 1, 0
    last_full = end
    left, right = rows[start][0].left, rows[start][-1].right
    while end < len(rows):
        above, row = rows[end - 1], rows[end]
        if above[0].middle - row[0].middle > _ROW_GAP * max(above[0].height, row[0].height):
            break
        if len(row) < 2:
            singles += 1
            wide = row[0].right - row[0].left > 0.7 * (right - left)
            if singles > 2 or wide or row[0].left > right or row[0].right < left - 20:
                break
        else:
            singles, last_full = 0, end + 1
            left, right = min(left, row[0].left), max(right, row[-1].right)
        end += 1
    return last_full


def _cells(rows: Sequence[Row]) -> list[list[str]] | None:
    """The rows' cells by column, or None where the rows are no table."""
    full = [row for row in rows if len(row) > 1]
    if len(full) < _FEWEST_ROWS:
        return None
    strips = _columns(full)
    if not 2 <= len(strips) <= _MOST_COLUMNS:
        return None
    table = _joined(_without_symbol_columns([_placed(row, strips) for row in rows]))
    return [_symbols_forward(row) for row in table] if _is_table(table) else None


def _columns(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """The strips of the page that cells fill: between them at most a tenth of the rows has text (headings span)."""
    left, right = min(s.left for row in rows for s in row), max(s.right for row in rows for s in row)
    bins = [0] * (int(right - left) + 2)
    for row in rows:
        for segment in row:
            for at in range(int(segment.left - left), int(segment.right - left) + 1):
                bins[at] += 1
    few = 0.1 * len(rows) if len(rows) >= 8 else 0
    strips: list[tuple[float, float]] = []
    start: int | None = None
    for at, count in enumerate([*bins, 0]):
        if count > few and start is None:
            start = at
        elif count <= few and start is not None:
            strips.append((left + start, left + at))
            start = None
    return strips


def _placed(row: Row, strips: Sequence[tuple[float, float]]) -> list[str]:
    cells = [""] * len(strips)
    for segment in row:
        best = max(range(len(strips)), key=lambda n: _shared(segment, strips[n]))
        cells[best] = f"{cells[best]} {segment.text}".strip()
    return cells


def _shared(segment: Segment, strip: tuple[float, float]) -> float:
    return min(segment.right, strip[1]) - max(segment.left, strip[0])


def _is_table(table: Sequence[Sequence[str]]) -> bool:
    """Figures, or short words in three columns and more, in most of the cells; no dotted lines, formulas or prose."""
    body = [row for row in table if any(row[1:])]  # a row of its first cell alone is a heading within the table
    later = [cell for row in body for cell in row[1:] if cell]
    every = [cell for row in body for cell in row if cell]
    if len(body) < _FEWEST_ROWS or sum(bool(_DOTS.search(cell)) for cell in every) > len(body) / 3:
        return False  # a table of contents: its dotted lines read well as they are
    odd = sum(bool(_FORMULA.search(cell)) or not _SOLID.search(cell) for cell in every)
    long = sum(any(len(cell) >= _LONG_CELL for cell in row) for row in body)
    filled = len(every) / sum(map(len, body))
    wrapped = sum(any(len(cell) >= 35 and cell[0].islower() for cell in row) for row in body)
    if odd > 0.35 * len(every) or wrapped > 0.25 * len(body) or filled < (0.75 if long > 0.25 * len(body) else 0.5):
        return False
    figures = sum(bool(_FIGURES.search(cell)) for cell in later) / len(later)
    if len(table[0]) == 2:  # a formula's number beside its line, a list's beside its items
        short = statistics.median(len(row[0]) for row in body) <= _LONG_CELL
        return short and figures >= 0.6 and statistics.median(map(len, later)) <= 20
    if figures >= 0.4:
        return statistics.median(map(len, later)) <= 24
    return len(body) >= 4 and statistics.median(map(len, every)) <= 30


def _joined(table: list[list[str]]) -> list[list[str]]:
    """Rows that only go on with one cell of the row above (a description that wraps) are joined to it."""
    rows: list[list[str]] = []
    for row in table:
        filled = [at for at, cell in enumerate(row) if cell]
        above = rows[-1] if rows else None
        at = filled[0] if len(filled) == 1 else 0
        if above is not None and at and above[at] and not _FIGURES.match(row[at]) and len(above[at]) >= 15:
            above[at] = f"{above[at]} {row[at]}"
        else:
            rows.append(list(row))
    return rows


_TRAILING_SYMBOL = re.compile(r"(?:^|\s)([$€£¥])$")
_AMOUNT = re.compile(r"[\d(–—-]")


def _symbols_forward(row: list[str]) -> list[str]:
    """A "$" that stands so near the cell before it that it went there: `["7 $", "9"]` is `["7", "$ 9"]`."""
    cells = list(row)
    for at in range(len(cells) - 1):
        found = _TRAILING_SYMBOL.search(cells[at])
        if found is not None and _AMOUNT.match(cells[at + 1]):
            cells[at] = cells[at][: found.start()]
            cells[at + 1] = f"{found.group(1)} {cells[at + 1]}"
    return cells


def _without_symbol_columns(table: list[list[str]]) -> list[list[str]]:
    """A column of "$" goes to its figures on the right, one of ")" or "%" to those on the left."""
    at = 0
    while at < len(table[0]) and len(table[0]) > 2:
        column = [row[at] for row in table if row[at]]
        if at + 1 < len(table[0]) and all(map(_SYMBOL_BEFORE.fullmatch, column)):
            table = [[*row[:at], row[at] + row[at + 1], *row[at + 2 :]] for row in table]
        elif at and all(map(_SYMBOL_AFTER.fullmatch, column)):
            table = [[*row[: at - 1], row[at - 1] + row[at], *row[at + 1 :]] for row in table]
        else:
            at += 1
    return table
