"""Which candidates stand beside another in its document: a passage's neighbour is no rival of it. Pure.

Splitters cut where a size is reached, not where an answer ends. What is relevant for longer than one chunk comes as
two or three, and held against each other they look like doubt, as near copies do (see copies.py). Passages that came
cut, as rows of a file, have no place in a document any more; their overlap tells which of them followed each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.calibration.copies import Flags
from app.domain import Chunk, same_place
from app.words import overlap

SEAM = 60  # characters, about ten words: a shorter overlap may be chance


def neighbours(chunks: Sequence[Chunk]) -> Flags:
    """Symmetric, shape (chunks, chunks), the diagonal False: whether one of the two follows the other.

    It does in one section of one document (in one page, where it has no sections; a table's rows are documents of
    their own), or where it begins as the other ends, under the same title.
    """
    found = np.zeros((len(chunks), len(chunks)), dtype=bool)
    for i, one in enumerate(chunks):
        for j, other in enumerate(chunks[:i]):
            found[i, j] = found[j, i] = _beside(one, other) or _continued(one, other) or _continued(other, one)
    return found


def _beside(one: Chunk, other: Chunk) -> bool:
    known = bool(one.document_id)  # passages that were pasted side by side come from nowhere
    return known and abs(one.ordinal - other.ordinal) == 1 and same_place(one, other)


def _continued(one: Chunk, other: Chunk) -> bool:
    return one.title == other.title and overlap(one.text, other.text, least=SEAM) > 0
