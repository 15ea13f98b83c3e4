"""Values of front matter, CSV cells and JSON fields as metadata."""

from __future__ import annotations

import re

from app.domain import Scalar

_INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"[+-]?(0|[1-9]\d{0,17})?\.\d{1,17}([eE][+-]?\d{1,3})?")
LONGEST = 200  # characters of a metadata value; more is text, and no one filters by it


def scalar(value: str) -> Scalar:
    """`scalar("2023") == 2023`, `scalar("true") is True`, `scalar("007") == "007"` (a code, not a number)."""
    value = value.strip()
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    if _INTEGER.fullmatch(value):
        return int(value)
    if _DECIMAL.fullmatch(value):
        return float(value)
    return value
