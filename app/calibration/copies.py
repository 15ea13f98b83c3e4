"""Which candidates say the same as another: a passage's near copy is no rival of it. Pure.

Revisions, quotations and overlapping cuts put two or three passages side by side that answer equally well. Held
against each other they look like doubt, and are none. Containment: A. Broder, On the resemblance and containment of
documents, 1997.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from app.words import containment, numbers_and_names

Flags = npt.NDArray[np.bool_]

ABOVE = 0.85  # the share of a passage's words that its copy has; the gate's default for duplicates


def copies(texts: Sequence[str]) -> Flags:
    """Symmetric, shape (passages, passages), the diagonal False: whether one of the two says nothing that the other
    does not. Another year's table is no copy: other figures or names make a passage its own.

    >>> copies(["It rains in May.", "It rains in May. So they say.", "It rains in June."])[0].tolist()
    [False, True, False]
    """
    found = np.zeros((len(texts), len(texts)), dtype=bool)
    for i, one in enumerate(texts):
        for j in range(i):
            found[i, j] = found[j, i] = _within(one, texts[j]) or _within(texts[j], one)
    return found


def _within(a: str, b: str) -> bool:
    return containment(a, b) > ABOVE and numbers_and_names(a) <= numbers_and_names(b)
