"""Texts of one row of a file, and what is said about a field that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn


class FieldFault(Exception):
    """What is wrong with one field of one row, and what to type instead. Readers add file and line."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def fault(field: str, value: object, wanted: str) -> NoReturn:
    """Raise FieldFault: the field is this, and what is wanted instead."""
    shown = repr(value)
    raise FieldFault(field, f"is {shown if len(shown) <= 60 else shown[:57] + '...'}; {wanted}")


def text_of(given: Mapping[str, Any], name: str) -> str | None:
    """The text of a field without blanks around it; None where it is absent or empty. Raises FieldFault."""
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        fault(name, value, "type text in quotation marks")
    return whole(name, value).strip() or None


def texts_of(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A field that holds a text or a list of texts; empty ones are left out. Raises FieldFault."""
    value = given.get(name, [])
    values = value if isinstance(value, list) else [value]
    for one in values:
        if not isinstance(one, str):
            fault(name, one, 'type a list of texts: ["...", "..."]')
    return tuple(whole(name, one).strip() for one in values if one.strip())


def whole(name: str, text: str) -> str:
    """The text; JSON can escape half a character, which no file can hold. Raises FieldFault."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        fault(name, text, "it holds half a character; type it again")
    return text
