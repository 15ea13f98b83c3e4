"""Numbers of a report as text; "-" where there is none. Pure."""

from __future__ import annotations

from app.evaluation.intervals import Estimate
from app.evaluation.verdict import points
from app.prices.words import dollars


def estimate(value: Estimate | None) -> str:
    """`.70 (.64 to .76)`."""
    if value is None:
        return "-"
    if value.low is None or value.high is None:
        return points(value.value)
    return f"{points(value.value)} ({points(value.low)} to {points(value.high)})"


def plain(value: Estimate | None) -> str:
    """`.70`, without its interval."""
    return "-" if value is None else points(value.value)


def share(value: Estimate | None) -> str:
    """An error rate with its interval and how many questions it is of: `.10 (.05 to .19) of 60`."""
    return "-" if value is None else f"{estimate(value)} of {value.n:,}"


def number(value: float | None, digits: int = 2) -> str:
    """`0.31`."""
    return "-" if value is None else f"{value:.{digits}f}"


def whole(value: float | None) -> str:
    """`1,204`."""
    return "-" if value is None else f"{value:,.0f}"


def money(value: float | None) -> str:
    """`$2.10`, `free`, `not known`."""
    return dollars(value)


def p_value(value: float) -> str:
    """`.03`, `< .001`.

    >>> p_value(0.034), p_value(0.0004), p_value(1.0)
    ('.034', '< .001', '1.00')
    """
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0") if value < 0.9995 else "1.00"
