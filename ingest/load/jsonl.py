"""JSON Lines: every line is an object, and a passage of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping

from app.errors import DocumentError
from ingest.load.decode import decode
from ingest.load.parsed import Parsed, finish
from ingest.load.records import MOST_RECORDS, guess_columns, record_block, too_many


def load(name: str, data: bytes) -> Parsed:
    """Text and title fields are guessed as for CSV; other scalar fields are metadata; lists of words become text.

    Lines that are no JSON object are left out and counted; nested fields are left out and named. Raises
    DocumentError where no line is an object.
    """
    text, warning = decode(data)
    records: list[dict[str, str]] = []
    names: dict[str, None] = {}  # an ordered set
    nested: dict[str, None] = {}
    broken: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        value = _object(line)
        if value is None:
            broken.append(number)
            continue
        record = {key: plain for key, field in value.items() if (plain := _plain(field)) is not None}
        nested.update(dict.fromkeys(key for key in value if key not in record))
        names.update(dict.fromkeys(record))
        records.append(record)
        if len(records) > MOST_RECORDS:
            raise too_many()
    if not records:
        raise DocumentError("no line in it is a JSON object", hint="JSON Lines has one {...} on every line.")
    columns = guess_columns(list(names), records)
    blocks = [record_block(columns, record, number) for number, record in enumerate(records, 1)]
    notes = [warning] if warning is not None else []
    notes.append(str(columns))
    if nested:
        notes.append(f"left out nested fields: {', '.join(nested)}")
    if broken:
        notes.append(f"left out {len(broken)} lines that are no JSON object, the first is line {broken[0]}")
    return finish(name, [block for block in blocks if block is not None], warnings=notes)


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
