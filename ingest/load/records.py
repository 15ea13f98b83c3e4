"""Records (a CSV row, a JSONL object) as blocks: which columns are text, which the title, which metadata."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Columns:
    """The guess about a table: `text` columns make the passage, `title` its title (or None), the rest is metadata."""

    text: tuple[str, ...]
    title: str | None
    other: tuple[str, ...]

    def __str__(self) -> str:
        text = _listed(self.text) or "none (each row is written out as column: value)"
        named = f"; title: {self.title}" if self.title is not None else ""
        other = f"; metadata: {_listed(self.other)}" if self.other else ""
        return f"text columns: {text}{named}{other}"


def too_many() -> DocumentError:
    return DocumentError(f"more than {MOST_RECORDS:,} rows", hint="Split it into smaller files.")


def guess_columns(names: Sequence[str], records: Sequence[Mapping[str, str]]) -> Columns:
    """Columns whose values average a hundred characters and more are text; where there are none, one that is called so.

    The title is a column called so; without text columns it is told by name alone too.
    """
    sample = records[:_SAMPLE]
    lengths = {name: _average([record[name] for record in sample if record.get(name)]) for name in names}
    text = [name for name in names if lengths[name] >= _TEXT_LENGTH]
    if not text:
        text = [name for name in names if name.lower() in _TEXT_NAMES][:1]
    titles = [name for wanted in _TITLE_NAMES for name in names if name.lower() == wanted and name not in text]
    title = titles[0] if titles else None
    other = tuple(name for name in names if name not in text and name != title)
    return Columns(tuple(text), title, other)


def record_block(columns: Columns, record: Mapping[str, str], number: int) -> Block | None:
    """One record as a block of its own; None where it is empty. `number` counts from 1.

    The passage is "column: value", a line each; a single text column stands without its name. All short values
    become metadata, numbers as numbers.
    """
    title = record.get(columns.title, "") if columns.title is not None else ""
    metadata: dict[str, Scalar] = {"row": number}
    for name in (*columns.other[:_MOST_COLUMNS], *((columns.title,) if columns.title is not None else ())):
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
