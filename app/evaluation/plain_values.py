"""Frozen values as JSON: dataclasses, enums and arrays as dicts, texts and lists; NaN is null. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from app.evaluation.report import Report

SCHEMA = 1


def plain_values(value: Any) -> Any:
    """Ready for `json.dumps(..., allow_nan=False)`.

    >>> plain_values((1, float("nan"), {"a": np.array([0.5])}))
    [1, None, {'a': [0.5]}]
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain_values(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(plain_values(key)): plain_values(of) for key, of in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain_values(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_values(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def report_to_json(report: Report) -> dict[str, Any]:
    """The report as JSON, schema 1: the verdict, and every number behind it."""
    return {"schema": SCHEMA, "verdict": report.first_line, **plain_values(report)}
