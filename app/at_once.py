"""Several things at a time, their results in order: for work that mostly waits, such as asking services."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

Result = TypeVar("Result")


def in_turn(calls: Iterable[Callable[[], Result]], *, at_once: int) -> Generator[Result, None, None]:
    """What the calls return, in their order, at most `at_once` of them running or waiting to be taken.

    With 1 each runs on the caller's thread when its result is asked for. Each has the caller's context. Raises what a
    call raised when its turn comes; then, or when the generator is closed, no further call is begun.

    >>> list(in_turn([lambda n=n: n * n for n in range(5)], at_once=3))
    [0, 1, 4, 9, 16]
    """
    if at_once <= 1:
        for call in calls:
            yield call()
        return
    begun: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for call in calls:
                begun.append(pool.submit(copy_context().run, call))
                if len(begun) >= at_once:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
