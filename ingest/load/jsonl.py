"""JSON Lines: every line is an object, and a passage of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from app.errors import DocumentError
from ingest.load.decode import decode
from ingest.load.parsed import Block, Parsed, finish
from ingest.load.records import MOST_RECORDS, Choice, first_row, guess_columns, record_block, too_many


def load(name: str, data: bytes, choice: Choice | None = None) -> Parsed:
    """Text and title fields are guessed as for CSV, or chosen; other scalar fields are metadata; lists of words
    become text.

    Lines that are no JSON object are left out and counted; nested fields are left out and named. Raises
    DocumentError where no line is an object.
    """
    text, warning = decode(data)
    values: list[Mapping[str, object]] = []
    broken: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        value = _object(line)
        if value is None:
            broken.append(number)
            continue
        values.append(value)
        if len(values) > MOST_RECORDS:
            raise too_many()
    if not values:
        raise DocumentError("no line in it is a JSON object", hint="JSON Lines has one {...} on every line.")
    blocks, notes = read_records(values, name, choice)
    if broken:
        notes.append(f"left out {len(broken)} lines that are no JSON object, the first is line {broken[0]}")
    return finish(name, blocks, warnings=[*([warning] if warning is not None else []), *notes])


def read_records(
    values: Sequence[Mapping[str, object]], name: str, choice: Choice | None
) -> tuple[list[Block], list[str]]:
    """Objects as blocks, and what was guessed or left out, for the report. `name`: the file's, for the first number."""
    records: list[dict[str, str]] = []
    names: dict[str, None] = {}  # an ordered set
    nested: dict[str, None] = {}
    if len(values) > MOST_RECORDS:
        raise too_many()
    for value in values:
        record = {key: plain for key, field in value.items() if (plain := _plain(field)) is not None}
        nested.update(dict.fromkeys(key for key in value if key not in record))
        names.update(dict.fromkeys(record))
        records.append(record)
    columns = guess_columns(list(names), records, choice)
    blocks = [record_block(columns, record, number) for number, record in enumerate(records, first_row(name))]
    notes = [str(columns)]
    if nested:
        notes.append(f"left out nested fields: {', '.join(list(nested)[:_NAMED])}")
    return [block for block in blocks if block is not None], notes


_NAMED = 12  # nested fields named in a warning


def _object(line: str) -> Mapping[str, object] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _plain(field: object) -> str | None:
    """A scalar or a list of scalars as text; None for what is nested; "" for null."""
    if field is None:
        return ""
    if isinstance(field, bool):
        return "true" if field else "false"
    if isinstance(field, str | int | float):
        return str(field)
    if isinstance(field, list) and all(isinstance(item, str | int | float) for item in field):
        # A list of many numbers is a vector, not something anyone asks about.
        return (
            None if len(field) > 20 and not any(isinstance(item, str) for item in field) else ", ".join(map(str, field))
        )
    return None
