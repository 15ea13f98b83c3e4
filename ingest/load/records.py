"""Records (a CSV row, a JSONL object) as blocks: which columns are text, which the title, which metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain import Scalar
from app.errors import DocumentError
from ingest.load.parsed import Block
from ingest.load.scalars import LONGEST, scalar

_TEXT_NAMES = (
    "text", "body", "content", "passage", "abstract", "description", "plot", "summary", "answer", "article", "document"
)  # fmt: skip
_TITLE_NAMES = ("title", "headline", "subject", "heading", "name", "question")
MOST_RECORDS = 200_000  # of one file: they are written as one document, and held in memory until then
_SAMPLE = 200  # records looked at to tell text columns from the rest
_MOST_COLUMNS = 40  # of metadata: a wider table is measurements, and every chunk would carry them all
_NAMED = 8  # columns named in a warning
_TEXT_LENGTH = 100  # characters on average: a column above it is text, below it metadata
_ID_NAME = re.compile(r"(?:^|[_\s.-])(?:id|ids|uuid|guid|hash|sha\d*|md5|key|pk)$|[a-z]I[Dd]$|^(?:#|nr|no)\.?$|^index$")
_ID_LENGTH = 64  # characters: more is no identifier
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}|[0-9a-fA-F]{16,64}")


@dataclass(frozen=True, slots=True)
class Choice:
    """Columns a person chose. They are held against the names in a table without regard to case; a table that has
    none of them is guessed."""

    text: tuple[str, ...] = ()
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """What a table's columns are for: `text` columns make the passage, `title` its title (or None), `other` stand
    before the text and are metadata, `aside` are metadata only. `chosen`: by a person, not guessed."""

    text: tuple[str, ...]
    title: str | None
    other: tuple[str, ...]
    aside: tuple[str, ...] = ()
    chosen: bool = False

    def __str__(self) -> str:
        text = _listed(self.text) or "none (each row is written out as column: value)"
        how = " (chosen)" if self.chosen else ""
        named = f"; title: {self.title}" if self.title is not None else ""
        other = f"; metadata: {_listed(self.other)}" if self.other else ""
        aside = f"; not in the text: {_listed(self.aside)}" if self.aside else ""
        return f"text columns{how}: {text}{named}{other}{aside}"


_PART = re.compile(r" rows (\d+) to \d+\.\w+$")


def part_name(name: str, first: int, last: int) -> str:
    """A part of a long table: `part_name("big.csv", 1, 25000) == "big rows 1 to 25000.csv"`."""
    stem, _, ending = name.rpartition(".")
    return f"{stem} rows {first} to {last}.{ending}"


def first_row(name: str) -> int:
    """The number of the first row in a file of this name: 1, except in a part of a long table."""
    found = _PART.search(name)
    return int(found.group(1)) if found is not None else 1


def too_many() -> DocumentError:
    return DocumentError(f"more than {MOST_RECORDS:,} rows", hint="Split it into smaller files.")


def guess_columns(names: Sequence[str], records: Sequence[Mapping[str, str]], choice: Choice | None = None) -> Columns:
    """Columns whose values average a hundred characters and more are text; where there are none, one that is called so.

    The title is a column called so; without text columns it is told by name alone too. Short identifiers (by their
    name or their values) are metadata only: no one asks for them in words. `choice` goes before all of it; with text
    columns chosen, all others are metadata only.
    """
    chosen = _chosen(names, choice)
    sample = records[:_SAMPLE]
    lengths = {name: _average([record[name] for record in sample if record.get(name)]) for name in names}
    text = list(chosen.text) if chosen is not None else []
    if not text:
        text = [name for name in names if lengths[name] >= _TEXT_LENGTH]
    if not text:
        text = [name for name in names if name.lower() in _TEXT_NAMES][:1]
    titles = [name for wanted in _TITLE_NAMES for name in names if name.lower() == wanted and name not in text]
    title = titles[0] if titles else None
    if chosen is not None and chosen.title is not None:
        title = chosen.title
        text = [name for name in text if name != title] or text
    rest = [name for name in names if name not in text and name != title]
    ids = [name for name in rest if _is_id(name, [record[name] for record in sample if record.get(name)])]
    if len(ids) == len(names):
        ids = []  # a table of nothing else: then they are its content
    aside = rest if chosen is not None and chosen.text else ids  # who chose the text wants no other
    other = tuple(name for name in rest if name not in aside)
    return Columns(tuple(text), title, other, tuple(aside), chosen is not None)


def _chosen(names: Sequence[str], choice: Choice | None) -> Choice | None:
    """The choice in this table's own spelling; None where it has none of the columns."""
    if choice is None:
        return None
    by_name = {name.casefold(): name for name in reversed(names)}
    text = tuple(by_name[name.casefold()] for name in choice.text if name.casefold() in by_name)
    title = by_name.get(choice.title.casefold()) if choice.title is not None else None
    return Choice(text, title) if text or title is not None else None


def _is_id(name: str, values: Sequence[str]) -> bool:
    if not values or max(map(len, values)) > _ID_LENGTH or any(" " in value for value in values):
        return False
    return bool(_ID_NAME.search(name) or _ID_NAME.search(name.lower())) or all(map(_UUID.fullmatch, values))


def record_block(columns: Columns, record: Mapping[str, str], number: int) -> Block | None:
    """One record as a block of its own; None where it is empty. `number` counts from 1.

    The passage is "column: value", a line each; a single text column stands without its name. All short values
    become metadata, numbers as numbers.
    """
    title = record.get(columns.title, "") if columns.title is not None else ""
    metadata: dict[str, Scalar] = {"row": number}
    kept = [*columns.other, *columns.aside][:_MOST_COLUMNS]
    for name in (*kept, *((columns.title,) if columns.title is not None else ())):
        value = record.get(name, "")
        if value and len(value) <= LONGEST:
            metadata[name] = scalar(value)
    shown = (*columns.other, *columns.text)
    lines = [f"{name}: {record[name]}" for name in shown if record.get(name)]
    if len(columns.text) == 1 and not columns.other:
        lines = [record.get(columns.text[0], "")]
    text = "\n".join(line for line in lines if line)
    if not text:
        text, title = title, ""
    if not text.strip():
        return None
    return Block(text, kind="row", title=" ".join(title.split()) or None, metadata=metadata)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _average(values: Sequence[str]) -> float:
    return sum(map(len, values)) / len(values) if values else 0.0
