"""Orders that a language model wrote down, read defensively; and the sliding window over more than fits. Pure.

Sun et al., Is ChatGPT good at search? (RankGPT), EMNLP 2023: windows from the back to the front, each half over the
next, so that the best of every window moves on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_NUMBER = re.compile(r"\d+")
_PLACE = re.compile(r"\s*(\d+)[.)]\s*(?=\D*\d)")  # "1. Passage 7": the place in a list, before the number itself
_THOUGHT = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)

Rank = Callable[[Sequence[int]], Sequence[int]]


def numbers_in(text: str, count: int) -> list[int]:
    """The places (0-based) of `count` passages in the order a text gives them, as `[2] > [1] > [3]` or in other forms.

    Numbers that do not exist are left out, repeated ones count where they are first, thinking aloud is skipped, and so
    are the numbers of a list's own lines; what is not named is missing from the result.

    >>> numbers_in("[2] > [1] > [2] > [9]", 3), numbers_in("The order is 3, 1.", 3), numbers_in("I cannot.", 3)
    ([1, 0], [2, 0], [])
    >>> numbers_in("1. Passage 3\\n2. Passage 1", 3)
    [2, 0]
    """
    said = _unlisted(_THOUGHT.sub("", text))
    bracketed = re.findall(r"\[\s*(\d+)\s*\]", said)
    found = bracketed if bracketed else _NUMBER.findall(said)
    places = (int(number) - 1 for number in found if len(number) < 9)
    return list(dict.fromkeys(place for place in places if 0 <= place < count))


def _unlisted(text: str) -> str:
    """The text without the numbers of its lines, where those are 1, 2, 3, ... and stand before another number."""
    lines = [line for line in text.splitlines() if _NUMBER.search(line)]
    places = [_PLACE.match(line) for line in lines]
    if len(lines) < 2 or [place and int(place[1]) for place in places] != list(range(1, len(lines) + 1)):
        return text
    return "\n".join(line[place.end() :] for line, place in zip(lines, places, strict=True) if place)


def windows(count: int, size: int) -> list[tuple[int, int]]:
    """Start and end of each window over `count` places, in the order they are ranked: the last one first.

    >>> windows(20, 20), windows(25, 10), windows(3, 20)
    ([(0, 20)], [(15, 25), (10, 20), (5, 15), (0, 10)], [(0, 3)])
    """
    if count <= size:
        return [(0, count)]
    step = max(1, size // 2)
    spans = [(end - size, end) for end in range(count, size, -step)]
    return [*spans, (0, size)]


def ranked(count: int, size: int, rank: Rank) -> tuple[list[int], frozenset[int]]:
    """All places in the order that `rank` makes of them window by window, and those it did not name at their last.

    `rank` gets the places of a window and gives those it names, best first; the others stay in order behind them.
    """
    order = list(range(count))
    missing: set[int] = set()
    for start, end in windows(count, size):
        window = order[start:end]
        named = list(rank(window))
        rest = [place for place in window if place not in set(named)]
        missing = (missing - set(named)) | set(rest)
        order[start:end] = [*named, *rest]
    return order, frozenset(missing)
