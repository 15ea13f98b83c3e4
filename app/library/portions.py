"""The portions in which vectors go into an index: large ones, that end where the index is written down. Pure.

With each addition Chroma reads back all vectors that it has logged since it last wrote the index: with small additions
and one write at the end, that is a time that grows with the square of the library. With a write too soon the whole
index is written again and again. So a library is cut into parts of at most so many vectors, as even as can be, each
part into even portions, and the index is written after each part: nothing is left over that a reader would have to add.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from app.library.filters import Rows
from app.ports import Vectors

Batch = tuple[Rows, Vectors]


def parts(count: int, most: int) -> list[int]:
    """The sizes of as few parts of at most `most` as `count` takes, larger ones first.

    >>> parts(10, 4), parts(4, 4), parts(0, 4)
    ([4, 3, 3], [4], [])
    """
    pieces = -(-count // most)
    return [count // pieces + (piece < count % pieces) for piece in range(pieces)]


def portions(batches: Iterable[Batch], sizes: Sequence[int]) -> Iterator[Batch]:
    """The same rows and vectors in portions of these sizes; what is beyond them comes as a last one, and where there
    are fewer, the last is smaller."""
    wanted = iter(sizes)
    size = next(wanted, None)
    held: list[Batch] = []
    count = 0
    for rows, matrix in batches:
        while size is not None and count + len(rows) >= size:
            cut = size - count
            yield _joined([*held, (rows[:cut], matrix[:cut])])
            rows, matrix = rows[cut:], matrix[cut:]
            held, count, size = [], 0, next(wanted, None)
        if len(rows):
            held.append((rows, matrix))
            count += len(rows)
    if held:
        yield _joined(held)


def _joined(batches: Sequence[Batch]) -> Batch:
    return np.concatenate([rows for rows, _ in batches]), np.concatenate([matrix for _, matrix in batches])
