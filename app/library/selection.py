"""A metadata filter over a library that was read whole (`app.library.contents`), by the same rule as
`filters.select_rows`: for looking at many filters without a search."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from app.domain import Chunk, Condition, Document, Filter, Scalar
from app.library.contents import Contents
from app.library.filters import as_number, as_text


class Selection:
    """Which chunks a filter lets through. Fields are indexed when they are first asked for."""

    def __init__(self, contents: Contents) -> None:
        self._chunks = contents.chunks
        self._documents = {document.id: document for document in contents.documents}
        self._fields: dict[str, _Field] = {}
        self._found: dict[Filter, frozenset[str]] = {}

    def chunks(self, where: Filter) -> frozenset[str]:
        """Ids of the chunks that meet every condition; all of them without one."""
        if where not in self._found:
            kept = {chunk.id for chunk in self._chunks}
            for condition in where:
                kept &= self._field(condition.field).meeting(condition)
            self._found[where] = frozenset(kept)
        return self._found[where]

    def _field(self, name: str) -> _Field:
        if name not in self._fields:
            self._fields[name] = _Field(
                (chunk.id, value)
                for chunk in self._chunks
                if (value := _value(name, chunk, self._documents[chunk.document_id])) is not None
            )
        return self._fields[name]


class _Field:
    """The chunks by the value of one field; numbers apart from all else, as they compare."""

    def __init__(self, values: Iterator[tuple[str, Scalar]]) -> None:
        self._texts: dict[str, set[str]] = defaultdict(set)
        self._numbers: dict[float | int, set[str]] = defaultdict(set)
        for chunk, value in values:
            if isinstance(value, int | float) and not isinstance(value, bool):
                self._numbers[value].add(chunk)
            else:
                self._texts[as_text(value)].add(chunk)

    def meeting(self, condition: Condition) -> set[str]:
        found: set[str] = set()
        for wanted in condition.values:
            text, number = as_text(wanted), as_number(wanted)
            if condition.op == "in":
                found |= self._texts.get(text, set())
                found |= set() if number is None else self._numbers.get(number, set())
                continue
            up = condition.op == ">="
            for value, chunks in self._texts.items():
                found |= chunks if (value >= text if up else value <= text) else set()
            for stored, chunks in self._numbers.items():
                meets = number is not None and (stored >= number if up else stored <= number)
                found |= chunks if meets else set()
        return found


def _value(name: str, chunk: Chunk, document: Document) -> Scalar | None:
    built_in = {"document": document.title, "format": document.format, "uri": document.uri}
    if name in built_in:
        return built_in[name]
    return chunk.metadata[name] if name in chunk.metadata else document.metadata.get(name)
