"""Passages that a person pastes or drops: read, counted and checked, with words for what is off. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from app.errors import UsageError

LEAST, MOST = 2, 50
LONGEST = 20_000  # characters of one passage: a few pages, far beyond what any reranker reads at once
LARGEST_CELL = 131_072  # characters of a dropped table; more is a quotation mark that is never closed
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_DELIMITERS = ",;\t|"
_NAMES = ("passage", "text", "content", "chunk", "body", "document", "snippet", "answer", "sentence")


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV as rows of equal length. `names` are the columns' names, made up where the file has none (`named` False);
    `guess` is the index of the column that seems to hold the passages, and `why` says what for."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    named: bool
    guess: int
    why: str


def split_passages(text: str) -> tuple[str, ...]:
    """Paragraphs where a blank line stands between two, else lines; empty ones are left out.

    >>> split_passages("one\\ntwo"), split_passages("one\\ngoes on\\n\\ntwo")
    (('one', 'two'), ('one\\ngoes on', 'two'))
    """
    whole = text.strip()
    parts = _BLANK_LINE.split(whole) if _BLANK_LINE.search(whole) else whole.split("\n")
    return tuple(stripped for part in parts if (stripped := part.strip()))


def check(question: str, passages: Sequence[str]) -> None:
    """Raises UsageError, saying what to change, unless there is a question with 2 to 50 passages of bearable length."""
    if not question.strip():
        raise UsageError("There is no question.", hint="Type the question that the passages are to be ranked for.")
    count = len(passages)
    if count < LEAST:
        there = "There are no passages." if count == 0 else "There is one passage; ranking needs at least two."
        raise UsageError(there, hint="One passage a line; or with blank lines between passages of several lines.")
    if count > MOST:
        raise UsageError(
            f"There are {count} passages; at most {MOST} are compared.",
            hint=f"Take out {count - MOST}. If one passage has several lines, put a blank line between passages.",
        )
    for number, passage in enumerate(passages, 1):
        if len(passage) > LONGEST:
            raise UsageError(
                f"Passage {number} has {len(passage):,} characters; at most {LONGEST:,} are read.",
                hint="Cut it into several passages.",
            )


def read_table(data: bytes, name: str) -> Table:
    """Read a CSV or TSV: delimiter, header and the column of the passages are guessed.

    Raises UsageError for what is not text in UTF-8, has no rows, or cannot be read as a table.
    """
    text = read_text(data, name)
    delimiter = _delimiter(text)
    try:
        read = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(map(str.strip, row))
        ]
        if any(len(cell) > LARGEST_CELL for row in read for cell in row):  # csv's own limit is the whole process's
            raise csv.Error(f"a cell has more than {LARGEST_CELL:,} characters")
    except csv.Error as error:
        raise UsageError(
            f"{name} cannot be read as a table: {error}.", hint="Look for a quotation mark that is never closed."
        ) from error
    if not read:
        raise UsageError(f"{name} has no rows.", hint="One passage a row, in a column of its own.")
    width = max(map(len, read))
    rows = [tuple(cell.strip() for cell in (*row, *[""] * (width - len(row)))) for row in read]
    named = _has_names(rows)
    names = rows[0] if named else tuple(f"column {n}" for n in range(1, width + 1))
    return _guessed(tuple(name or f"column {n}" for n, name in enumerate(names, 1)), tuple(rows[named:]), named)


def read_text(data: bytes, name: str) -> str:
    """A file's text. Raises UsageError for what is not text in UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:
        raise UsageError(f"{name} is not text in UTF-8.", hint="Save it as UTF-8 (in Excel: CSV UTF-8) and try again.")
    return text


def column(table: Table, index: int) -> tuple[str, ...]:
    """The passages of a column; empty cells are left out."""
    return tuple(row[index] for row in table.rows if row[index])


def _delimiter(text: str) -> str:
    try:
        return csv.Sniffer().sniff(text[:8192], delimiters=_DELIMITERS).delimiter
    except csv.Error:  # one column has no delimiter to find
        return ","


def _has_names(rows: Sequence[tuple[str, ...]]) -> bool:
    """Whether the first row names the columns: it holds a known name, or is far shorter than the rows below."""
    first, below = rows[0], rows[1:]
    if any(cell.casefold() in _NAMES for cell in first):
        return True
    longest = max((len(cell) for cell in first), default=0)
    usual = fmean(max(map(len, row)) for row in below) if below else 0.0
    return bool(below) and all(first) and longest <= 30 and usual > 3 * longest


def _guessed(names: tuple[str, ...], rows: tuple[tuple[str, ...], ...], named: bool) -> Table:
    known = {name.casefold(): index for index, name in reversed(list(enumerate(names)))} if named else {}
    for wanted in _NAMES:
        if wanted in known:
            return Table(names, rows, named, known[wanted], "by its name")
    lengths = [fmean(len(row[index]) for row in rows) if rows else 0.0 for index in range(len(names))]
    why = "its cells are the longest" if len(names) > 1 else "the only column"
    return Table(names, rows, named, max(range(len(names)), key=lengths.__getitem__), why)
