"""A metadata filter as SQL over the catalogue, so that both search legs see the same selection."""

from __future__ import annotations

import sqlite3

import numpy as np
import numpy.typing as npt

from app.domain import Condition, Filter, Scalar
from app.errors import UsageError
from app.library.catalogue import LIVE
from app.library.rows import CHUNK_TABLES

Rows = npt.NDArray[np.int64]

_BUILT_IN = {"document": "d.title", "format": "d.format", "uri": "d.uri"}
BUILT_IN_FIELDS = tuple(_BUILT_IN)
_OPERATORS = {">=": ">=", "<=": "<="}


def select_rows(connection: sqlite3.Connection, generation: int, where: Filter) -> Rows:
    """Rows of the chunks that the generation sees and that meet every condition, ascending.

    A condition reads the built-in fields `document` (title), `format` and `uri`, else the chunk's metadata, else its
    document's. Numbers compare as numbers however they were typed ("2023" meets 2023), all else as text.
    Raises UsageError for an operator that is not in, >= or <=.
    """
    clauses: list[str] = []
    values: dict[str, Scalar | int] = {"generation": generation}
    for number, condition in enumerate(where):
        clauses.append(_clause(condition, f"f{number}", values))
    sql = f"SELECT c.row FROM {CHUNK_TABLES} WHERE {LIVE.format('c')}{''.join(f' AND {c}' for c in clauses)} ORDER BY 1"
    return np.fromiter((row[0] for row in connection.execute(sql, values)), dtype=np.int64)


def _clause(condition: Condition, key: str, values: dict[str, Scalar | int]) -> str:
    test = _test(condition, key, values)
    column = _BUILT_IN.get(condition.field)
    if column is not None:
        return f"EXISTS (SELECT 1 FROM (SELECT {column} AS value, 'text' AS type) WHERE {test})"
    values[key] = condition.field
    mine, theirs = (f"SELECT 1 FROM json_each({table}.metadata) WHERE key = :{key}" for table in "cd")
    return f"(EXISTS ({mine} AND {test}) OR (NOT EXISTS ({mine}) AND EXISTS ({theirs} AND {test})))"


def _test(condition: Condition, key: str, values: dict[str, Scalar | int]) -> str:
    """SQL over the columns `value` and `type` of json_each."""
    if condition.op == "in":
        operator, wanted = "=", condition.values
    elif condition.op in _OPERATORS and len(condition.values) == 1:
        operator, wanted = _OPERATORS[condition.op], condition.values
    else:
        raise UsageError(
            f"A filter on {condition.field!r} cannot be read: {condition.op} {list(condition.values)}",
            hint="Use field=value, field>=value or field<=value.",
        )
    tests: list[str] = []
    for place, scalar in enumerate(wanted):
        text, number = as_text(scalar), as_number(scalar)
        values[f"{key}t{place}"] = text
        tests.append(f"(type NOT IN ('integer', 'real') AND {_AS_TEXT} {operator} :{key}t{place})")
        if number is not None:
            values[f"{key}n{place}"] = number
            tests.append(f"(type IN ('integer', 'real') AND value {operator} :{key}n{place})")
    return f"({' OR '.join(tests) or '0'})"


_AS_TEXT = "CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE value END"


def as_text(scalar: Scalar) -> str:
    """How a value compares with one that is stored as text."""
    return ("true" if scalar else "false") if isinstance(scalar, bool) else str(scalar)


def as_number(scalar: Scalar) -> float | int | None:
    """How a value compares with one that is stored as a number; None where it does not."""
    if isinstance(scalar, bool):
        return None
    if isinstance(scalar, int | float):
        return scalar
    try:
        return float(scalar)
    except ValueError:
        return None
