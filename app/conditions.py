"""Metadata conditions as people type them (`format=pdf,html`, `year>=2020`), as JSON, and in words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.domain import Condition, Scalar

_TYPED = re.compile(r"^(?P<field>[\w. -]+?)\s*(?P<op>>=|<=|=)\s*(?P<values>.+)$", re.DOTALL)
_OPS = ("in", ">=", "<=")


class ConditionUnread(ValueError):
    """A condition that cannot be read: what it is instead, and an example of one that can."""

    def __init__(self, message: str, example: str) -> None:
        super().__init__(message)
        self.message = message
        self.example = example


def parse_condition(text: str) -> Condition:
    """What was typed as a condition; several values are separated by commas. Raises ConditionUnread.

    >>> parse_condition("year>=2020")
    Condition(field='year', op='>=', values=(2020,))
    """
    match = _TYPED.match(text)
    if match is None:
        raise ConditionUnread("is not FIELD=VALUE.", "format=pdf")
    op = match["op"]
    values = tuple(_scalar(v.strip()) for v in match["values"].split(","))
    if op != "=" and len(values) != 1:
        raise ConditionUnread(f"{op} takes one value.", "year>=2020")
    return Condition(match["field"].strip(), "in" if op == "=" else ">=" if op == ">=" else "<=", values)


def typed_condition(condition: Condition) -> str | None:
    """The text that is read as this condition; None where there is none (a value with a comma in it).

    >>> typed_condition(Condition("year", "in", (2020, 2021)))
    'year=2020,2021'
    """
    sign = "=" if condition.op == "in" else condition.op
    text = f"{condition.field}{sign}{','.join(_plain(value) for value in condition.values)}"
    try:
        return text if parse_condition(text) == condition else None
    except ConditionUnread:
        return None


def condition_of(value: object) -> Condition:
    """A condition from its JSON form, as a trace has it: {"field", "op", "values"}. Raises ConditionUnread."""
    example = '{"field": "year", "op": ">=", "values": [2020]}'
    if not isinstance(value, Mapping) or set(value) != {"field", "op", "values"}:
        raise ConditionUnread("is not an object of field, op and values.", example)
    field, op, values = value["field"], value["op"], value["values"]
    if not isinstance(field, str) or not field.strip() or op not in _OPS:
        raise ConditionUnread("needs a field, and an op that is in, >= or <=.", example)
    if not isinstance(values, list) or not all(isinstance(v, str | int | float) for v in values):
        raise ConditionUnread("has values that are no list of texts, numbers, true or false.", example)
    if not values or (op != "in" and len(values) != 1):
        raise ConditionUnread("has no values." if not values else f"has several values for {op}.", example)
    return Condition(field, op, tuple(values))


def condition_to_dict(condition: Condition) -> dict[str, Any]:
    """Its JSON form: what `condition_of` reads."""
    return {"field": condition.field, "op": condition.op, "values": list(condition.values)}


def condition_in_words(condition: Condition, most: int = 6) -> str:
    """For people; runs of whole numbers are drawn together, and only the first `most` values or runs are named.

    >>> condition_in_words(Condition("row", "in", (3, 4, 5, 9)))
    'row 3 to 5 or 9'
    >>> condition_in_words(Condition("year", ">=", (2020,)))
    'year 2020 or more'
    """
    if condition.op != "in":
        return f"{condition.field} {_plain(condition.values[0])} or {'more' if condition.op == '>=' else 'less'}"
    named = _runs(condition.values)
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return f"{condition.field} {' or '.join(named[:most])}{more}"


def _runs(values: Sequence[Scalar]) -> list[str]:
    whole = sorted({v for v in values if isinstance(v, int) and not isinstance(v, bool)})
    found: list[str] = []
    place = 0
    while place < len(whole):
        end = place
        while end + 1 < len(whole) and whole[end + 1] == whole[end] + 1:
            end += 1
        found += (
            [f"{whole[place]} to {whole[end]}"]
            if end - place > 1
            else [str(number) for number in whole[place : end + 1]]
        )
        place = end + 1
    return found + [_plain(v) for v in values if isinstance(v, bool) or not isinstance(v, int)]


def _plain(value: Scalar) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _scalar(text: str) -> Scalar:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
