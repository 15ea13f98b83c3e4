"""JSON: a list of objects as records, wherever in the file it stands; anything else as `path: value` lines."""

from __future__ import annotations

import json
from collections.abc import Iterator

from app.errors import DocumentError
from ingest.load.decode import decode
from ingest.load.jsonl import read_records
from ingest.load.parsed import Block, Parsed, finish
from ingest.load.records import Choice

_FEWEST = 2  # objects that make a list of records
_MOST_LINES = 100_000
_DEEPEST = 50
_NAMED = 8  # keys named in a warning


def load(name: str, data: bytes, choice: Choice | None = None) -> Parsed:
    """The longest list of objects at the top level or right below it is read as JSON Lines are. Raises DocumentError
    for broken JSON and for a file without text."""
    text, warning = decode(data)
    try:
        value = json.loads(text)
    except ValueError as error:
        raise DocumentError(
            f"its JSON is broken: {str(error)[:120]}", hint="A JSON checker names the place."
        ) from error
    records = _records(value)
    notes = [warning] if warning is not None else []
    if records is not None:
        blocks, said = read_records(records, name, choice)
        aside = [key for key, other in value.items() if other and other is not records] if value is not records else []
        if aside:
            more = f" and {len(aside) - _NAMED} more" if len(aside) > _NAMED else ""
            said.append(f"left out beside the records: {', '.join(aside[:_NAMED])}{more}")
        return finish(name, blocks, warnings=[*notes, *said])
    lines: dict[tuple[str, ...], list[str]] = {}
    deeper: list[str] = []
    for number, (path, words) in enumerate(_lines(value, (), deeper)):
        if number >= _MOST_LINES:
            notes.append(f"more than {_MOST_LINES:,} values: the rest was left out")
            break
        lines.setdefault(path[:1] if len(path) > 1 else (), []).append(f"{'.'.join(path[-2:])}: {words}")
    if deeper:
        notes.append(f"values nested deeper than {_DEEPEST} left out: below {deeper[0]}")
    blocks = [Block("\n".join(found), section) for section, found in lines.items()]
    return finish(name, blocks, warnings=notes)


def _records(value: object) -> list[dict[str, object]] | None:
    lists = [value, *value.values()] if isinstance(value, dict) else [value]
    found = [
        items
        for items in lists
        if isinstance(items, list) and len(items) >= _FEWEST and all(isinstance(item, dict) for item in items)
    ]
    return max(found, key=len, default=None)


def _lines(value: object, path: tuple[str, ...], deeper: list[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path and words of each value; what is too deep is noted in `deeper` instead."""
    if len(path) > _DEEPEST:
        deeper.append(".".join(path[:3]))
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(inner, (*path, str(key)), deeper)
    elif isinstance(value, list):
        for inner in value:
            yield from _lines(inner, path, deeper)
    elif value is not None and str(value).strip():
        yield path or ("value",), " ".join(str(value).split())
