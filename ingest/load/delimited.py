"""CSV and TSV: every row is a passage of its own, its columns are metadata."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence

from app.errors import DocumentError
from ingest.load.decode import decode
from ingest.load.parsed import Parsed, finish
from ingest.load.records import MOST_RECORDS, guess_columns, record_block, too_many
from ingest.load.scalars import scalar

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 50
_LARGEST_CELL = 64 * 1024 * 1024


def load(name: str, data: bytes) -> Parsed:
    """Delimiter, header and text columns are guessed, and the guess is a warning so that it is shown.

    Rows with too few cells are filled up; cells beyond the header get a column of their own. Raises DocumentError
    for binary data, no rows, or quoting that cannot be read.
    """
    text, warning = decode(data)
    delimiter = "\t" if name.lower().endswith(".tsv") else guess_delimiter(text)
    csv.field_size_limit(_LARGEST_CELL)
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True):
            cells = [cell.strip() for cell in row]
            if any(cells):
                rows.append(cells)
            if len(rows) > MOST_RECORDS:
                raise too_many()
    except csv.Error as error:
        raise DocumentError(f"its rows cannot be read: {error}", hint="Check the quotes around its cells.") from error
    if not rows:
        raise DocumentError("no rows in it", hint="A table needs a header line and at least one row.")
    title = ""
    if len(rows) > 2 and sum(map(bool, rows[0])) == 1 < sum(map(bool, rows[1])):
        title = next(cell for cell in rows.pop(0) if cell)  # a caption above the table
    has_header = _has_header(rows)
    width = max(map(len, rows))
    names = _names(rows[0] if has_header else [], width)
    body = rows[1:] if has_header else rows
    records = [dict(zip(names, row, strict=False)) for row in body]
    columns = guess_columns(names, records)
    blocks = [record_block(columns, record, number) for number, record in enumerate(records, 1)]
    ragged = sum(len(row) != len(rows[0]) for row in body)
    notes = [warning] if warning is not None else []
    notes.append(str(columns))
    if ragged:
        notes.append(f"{ragged} of {len(body)} rows have more or fewer cells than the first line")
    if not has_header:
        notes.append("no header line found")
    return finish(name, [block for block in blocks if block is not None], title=title, warnings=notes)


def guess_delimiter(text: str) -> str:
    """The delimiter that cuts the first lines into the most even number of cells; a comma where none does.

    `csv.Sniffer` gives up on long text cells and takes letters for delimiters, so the four usual ones are tried.
    """
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        try:
            reader = csv.reader(io.StringIO(text[: 1 << 16], newline=""), delimiter=delimiter, skipinitialspace=True)
            widths = [len(row) for row, _ in zip(reader, range(_SAMPLE_LINES), strict=False) if row]
        except csv.Error:
            continue
        if len(widths) > 2 and len(text) > 1 << 16:
            widths.pop()  # the sample may have cut it
        wide = [width for width in widths if width > 1]
        if wide:
            _, often = Counter(wide).most_common(1)[0]
            score = often / len(widths) + min(9, max(wide)) / 100
            if score > best_score:
                best, best_score = delimiter, score
    return best


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """The first line is a header unless it looks like the rows below: a number in it, an empty cell, a repeated or
    very long name."""
    first = [cell for cell in rows[0] if cell]
    if len(rows) < 2 or len(first) < len(rows[0]) - 1 or len(set(first)) < len(first):
        return False
    return not any(not isinstance(scalar(cell), str) or len(cell) > 80 for cell in first)


def _names(header: Sequence[str], width: int) -> list[str]:
    names = [*header, *([""] * (width - len(header)))]
    return [name or f"column {number}" for number, name in enumerate(names, 1)]
