"""The pure parts of `rerank_speed`: passages of a given length, multiply-adds of one reading, ratios with spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of a BERT encoder; the defaults are all-MiniLM-L6-v2's, with the layers that are kept of it."""

    layers: int
    width: int = 384
    inner: int = 1536

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of a layer's six matrix products: query, key, value, output, up and down."""
        return ((self.width, self.width),) * 4 + ((self.width, self.inner), (self.inner, self.width))


@dataclass(frozen=True, slots=True)
class Work:
    """Multiply-adds. `linear`: products with weights, int8 in the bundled model. `mixing`: products of two states
    (attention, and the head's best matches), float32 there. Lookups, norms, GELU and softmax count nothing."""

    linear: int
    mixing: int

    @property
    def total(self) -> int:
        return self.linear + self.mixing


def work_of(lengths: Sequence[int], sizes: Sizes, *, match: bool = True) -> Work:
    """What it takes to read sequences of so many tokens each, special ones included; `match`: the bundled
    cross-encoder's head, which compares every token with every other."""
    a_token = sizes.layers * sum(inputs * outputs for inputs, outputs in sizes.shapes)
    a_square = 2 * sizes.layers * sizes.width + (sizes.width if match else 0)
    return Work(a_token * sum(lengths), a_square * sum(n * n for n in lengths))


def windowed(tokens: int, room: int, overlap: int) -> list[int]:
    """Lengths of the windows a passage of so many tokens is read in; each begins `overlap` before the last one's end.

    >>> windowed(400, 300, 32)
    [300, 132]
    """
    if tokens <= room:
        return [tokens]
    return [min(room, tokens - start) for start in range(0, tokens - overlap, room - overlap)]


def cuts(words: Sequence[int | None], tokens: int, count: int) -> list[tuple[int, int]]:
    """`count` stretches of exactly `tokens` tokens that begin and end at the edge of a word, from the front.

    `words` is the number of the word each token belongs to. A stretch read alone has the same tokens. Where the text
    ends too early, it is read again from a little further on, so that no stretch comes twice. Raises ValueError where
    the text has no such stretch or too few.
    """
    edges = [i == 0 or i == len(words) or words[i] != words[i - 1] for i in range(len(words) + 1)]
    found: list[tuple[int, int]] = []
    for shift in range(0, tokens, max(1, tokens // 4)):
        place = shift
        while place + tokens <= len(words) and len(found) < count:
            if edges[place] and edges[place + tokens] and (place, place + tokens) not in found:
                found.append((place, place + tokens))
                place += tokens
            else:
                place += 1
    if len(found) < count:
        raise ValueError(f"{len(words)} tokens of text give {len(found)} passages of {tokens}, not {count}")
    return found


@dataclass(frozen=True, slots=True)
class Ratio:
    """Two sides timed in turn. `times` is the median of theirs / ours over the rounds, `low` and `high` its extremes:
    neighbours in time share the machine's mood, so a round's ratio is steadier than either side's seconds."""

    ours: float
    theirs: float
    times: float
    low: float
    high: float
    rounds: int


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """From the seconds of each round. Raises ValueError where there are none or not equally many."""
    each = [b / a for a, b in zip(ours, theirs, strict=True)]
    if not each:
        raise ValueError("nothing was timed")
    median = statistics.median
    return Ratio(median(ours), median(theirs), median(each), min(each), max(each), len(each))


def alternate(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> Ratio:
    """Times two sides in turn, ours first in every other round, after running each once unmeasured."""
    ours(), theirs()
    a: list[float] = []
    b: list[float] = []
    for number in range(rounds):
        turns = [(ours, a), (theirs, b)]
        for side, seconds in turns if number % 2 == 0 else turns[::-1]:
            seconds.append(_timed(side))
    return ratio(a, b)


def best_of(call: Callable[[], object], runs: int) -> float:
    """The least seconds of `runs` calls, after one unmeasured."""
    call()
    return min(_timed(call) for _ in range(runs))


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
