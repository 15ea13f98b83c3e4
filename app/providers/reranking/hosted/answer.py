"""What a reranking service answered, held against what it was asked: one usable score a passage, or it is off. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

Row = tuple[object, object]  # which passage, and its score, as the service wrote them
TOLERANCE = 1e-6  # servers round


class OffAnswer(ValueError):
    """An answer that does not fit, in words that go on after "answered with"."""


def listed(answer: object, items: str | None) -> list[Mapping[str, object]]:
    """The list of results under `items`; with None the answer itself is the list. Raises OffAnswer.

    >>> listed({"data": [{"index": 0, "score": 0.5}]}, "data")
    [{'index': 0, 'score': 0.5}]
    """
    found = answer
    if items is not None:
        if not isinstance(answer, Mapping):
            raise OffAnswer(f"{_kind(answer)} where an object with {items} belongs")
        found = answer.get(items)
    if not isinstance(found, list):
        raise OffAnswer(f"no list of {items or 'results'}")
    for item in found:
        if not isinstance(item, Mapping):
            raise OffAnswer(f"{_kind(item)} among the results")
    return found


def rows(items: str | None, *, index: str = "index", score: str) -> Callable[[object], list[Row]]:
    """Reads an answer whose results name passages by number.

    >>> rows("results", score="relevance_score")({"results": [{"index": 1, "relevance_score": 0.3}]})
    [(1, 0.3)]
    """

    def read(answer: object) -> list[Row]:
        return [(item.get(index), item.get(score)) for item in listed(answer, items)]

    return read


def one_each(found: Iterable[Row], count: int, low: float | None = None, high: float | None = None) -> list[float]:
    """The score of each of `count` passages, in their order; results may come in any.

    Raises OffAnswer for a number of results that is not `count`, a passage that is named twice or was never sent, and
    a score that is no finite number or lies outside `low` to `high` (where given; what rounding put outside is moved
    back in).
    """
    scores: dict[int, float] = {}
    for index, raw in found:
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
            raise OffAnswer(f"a result for passage {_shown(index)} of {count}")
        if index in scores:
            raise OffAnswer(f"two results for passage {index}")
        scores[index] = _checked(raw, low, high)
    if len(scores) != count:
        raise OffAnswer(f"{len(scores)} results for {count} passages")
    return [scores[index] for index in range(count)]


def found_of(
    found: Iterable[tuple[object, object]], keys: Sequence[str], low: float | None = None, high: float | None = None
) -> list[float | None]:
    """The score of each row of an index, by its key; None for a key that was not among the results, or had no score.

    Raises OffAnswer for a key that was not asked for or is there twice, and for scores as `one_each` does.
    """
    asked, scores = set(keys), dict[str, float | None]()
    for key, raw in found:
        name = str(int(key)) if isinstance(key, float) and key.is_integer() else str(key)  # JSON has no integers
        if name not in asked:
            raise OffAnswer(f"a row {_shown(name)} that was not asked for")
        if name in scores:
            raise OffAnswer(f"two results for row {_shown(name)}")
        scores[name] = None if raw is None else _checked(raw, low, high)
    return [scores.get(key) for key in keys]


def _checked(raw: object, low: float | None, high: float | None) -> float:
    if not isinstance(raw, int | float) or isinstance(raw, bool):
        raise OffAnswer(f"the score {_shown(raw)}")
    try:
        score = float(raw)
    except OverflowError:
        score = math.inf
    if not math.isfinite(score):
        raise OffAnswer(f"the score {_shown(raw)}")
    if low is not None and score < low - TOLERANCE or high is not None and score > high + TOLERANCE:
        raise OffAnswer(f"the score {score:g}, which is not {_range(low, high)}")
    if low is not None:
        score = max(low, score)
    return score if high is None else min(high, score)


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"between {low:g} and {high:g}"
    return f"at least {low:g}" if low is not None else f"at most {high:g}"


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", dict: "an object", type(None): "null", bool: "a truth value"}
    return names.get(type(value), "a number")


def _shown(value: object) -> str:
    """A value of theirs in a message: short, so that nothing they send fills the page."""
    words = repr(value)
    return words if len(words) <= 24 else f"{words[:20]}…"


def tokens_used(answer: object) -> dict[str, float] | None:
    """The tokens an answer in Jina's or Voyage's shape says it used (`usage.total_tokens`); None where it does not."""
    usage = answer.get("usage") if isinstance(answer, Mapping) else None
    return counted(usage, {"input_tokens": ("total_tokens", "prompt_tokens")})


def counted(found: object, names: Mapping[str, Sequence[str]]) -> dict[str, float] | None:
    """Units of `Usage` under the first of their names that is a number above zero; None where there is none.

    >>> counted({"search_units": 2}, {"searches": ("search_units",)})
    {'searches': 2.0}
    """
    if not isinstance(found, Mapping):
        return None
    units: dict[str, float] = {}
    for unit, keys in names.items():
        for key in keys:
            value = found.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0:
                units.setdefault(unit, float(value))
    return units or None
