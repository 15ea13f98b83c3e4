"""Collecting from afar: who makes a thing and who wants to hear of it need not know each other, nor what lies between.

Follows the context: a thread of one's own needs `contextvars.copy_context().run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Collection(Generic[Item]):
    """One kind of thing that is collected. Made once, for a module."""

    def __init__(self, name: str) -> None:
        self._current: ContextVar[list[Item] | None] = ContextVar(name, default=None)

    @contextmanager
    def around(self, handing_on: Callable[[Sequence[Item]], Iterable[Item]] = list) -> Iterator[list[Item]]:
        """Collects what is added inside. When the block ends, an outer one gets what `handing_on` makes of it: all.

        >>> numbers = Collection[int]("numbers")
        >>> with numbers.around() as outer:
        ...     with numbers.around(lambda found: [sum(found)]) as inner:
        ...         numbers.add(1); numbers.add(2)
        >>> inner, outer
        ([1, 2], [3])
        """
        outer, found = self._current.get(), list[Item]()
        token = self._current.set(found)
        try:
            yield found
        finally:
            self._current.reset(token)
            if outer is not None:
                outer.extend(handing_on(found))

    def add(self, item: Item) -> None:
        """Heard by nobody where nothing collects."""
        found = self._current.get()
        if found is not None:
            found.append(item)
