"""CSV and TSV: every row is a passage of its own, its columns are metadata."""

from __future__ import annotations

import csv
import io
from collections import Counter

from app.errors import DocumentError
from ingest.load.decode import decode
from ingest.load.grid import has_header, read_grid
from ingest.load.parsed import Parsed, finish
from ingest.load.records import MOST_RECORDS, Choice, first_row, too_many

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 50
_LARGEST_CELL = 64 * 1024 * 1024


def load(name: str, data: bytes, choice: Choice | None = None) -> Parsed:
    """Delimiter, header and text columns are guessed, and the guess is a warning so that it is shown; `choice` names
    columns instead.

    Rows with too few cells are filled up; cells beyond the header get a column of their own. Raises DocumentError
    for binary data, no rows, or quoting that cannot be read.
    """
    text, warning = decode(data)
    rows = _rows(text, _delimiter(name, text), MOST_RECORDS)
    if not rows:
        raise DocumentError("no rows in it", hint="A table needs a header line and at least one row.")
    grid = read_grid(rows, first=first_row(name), choice=choice)
    notes = [warning] if warning is not None else []
    return finish(name, grid.blocks, title=grid.title, warnings=[*notes, *grid.notes])


def starts_with_header(name: str, sample: bytes) -> bool:
    """Whether the first line of a table names its columns, told by the first few rows. Never raises."""
    try:
        text, _ = decode(sample[: sample.rfind(b"\n") + 1] or sample)
        rows = _rows(text, _delimiter(name, text), _SAMPLE_LINES, cut=True)
    except DocumentError:
        return False
    return bool(rows) and has_header(rows)


def _rows(text: str, delimiter: str, most: int, *, cut: bool = False) -> list[list[str]]:
    """Rows of stripped cells without the empty ones. Above `most` rows: `cut`, or DocumentError."""
    rows: list[list[str]] = []
    usual = csv.field_size_limit(_LARGEST_CELL)  # of the whole process, which need not be a parser alone
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True):
            cells = [cell.strip() for cell in row]
            if any(cells):
                rows.append(cells)
            if len(rows) > most:
                if cut:
                    break
                raise too_many()
    except csv.Error as error:
        raise DocumentError(f"its rows cannot be read: {error}", hint="Check the quotes around its cells.") from error
    finally:
        csv.field_size_limit(usual)
    return rows


def _delimiter(name: str, text: str) -> str:
    return "\t" if name.lower().endswith(".tsv") else guess_delimiter(text)


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
