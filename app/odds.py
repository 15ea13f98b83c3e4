"""A probability in everyday words, the same on the page and the command line."""

from __future__ import annotations


def odds(p: float) -> str:
    """A probability (0..1) as odds a person says.

    >>> odds(0.083), odds(0.7)
    ('1 in 12', '7 in 10')
    """
    if p < 0.005:
        return "less than 1 in 200"
    if p >= 0.995:
        return "nearly certain"
    if p <= 0.37:
        return f"1 in {round(1 / p)}"
    if p < 0.45:
        return "2 in 5"
    if p < 0.55:
        return "1 in 2"
    return f"{round(p * 10)} in 10" if p < 0.95 else f"{round(p * 100)} in 100"


def told_apart(p: float, other: float) -> tuple[str, str]:
    """Both as odds, and as figures where the odds would read the same though they differ.

    >>> told_apart(0.1, 0.36), told_apart(0.34, 0.36)
    (('1 in 10', '1 in 3'), ('0.34', '0.36'))
    """
    said = odds(p), odds(other)
    if said[0] != said[1] or p == other:
        return said
    places = 2 if round(p, 2) != round(other, 2) else 4
    return f"{p:.{places}f}", f"{other:.{places}f}"
