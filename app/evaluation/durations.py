"""Milliseconds as text. Pure."""

from __future__ import annotations


def milliseconds(value: float) -> str:
    """`3.1 ms`, `140 ms`, `2.3 s`.

    >>> milliseconds(3.14), milliseconds(140.2), milliseconds(2345.0)
    ('3.1 ms', '140 ms', '2.3 s')
    """
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"
