"""Token vectors of passages kept in memory while a calibration is fitted.

Late interaction reads twenty passages a question, and questions of one library share most of them: without this the
embedding model would read each passage some ten times over.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from app.ports import Vectors
from app.providers.bundled_embedding import BundledEmbedder

_KEPT = 4000  # pieces of at most 254 tokens x 384 numbers of four bytes: under 1.6 GB


class RememberedVectors:
    """A `TokenEmbedder` that computes the vectors of equal token ids once, and forgets the least recently used."""

    def __init__(self, embedder: BundledEmbedder, *, kept: int = _KEPT) -> None:
        self._embedder = embedder
        self._kept = kept
        self._known: OrderedDict[tuple[int, ...], Vectors] = OrderedDict()

    @property
    def id(self) -> str:
        return self._embedder.id

    @property
    def max_tokens(self) -> int:
        return self._embedder.max_tokens

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        return self._embedder.token_ids(texts)

    def states(self, contents: Sequence[Sequence[int]]) -> list[Vectors]:
        """As `BundledEmbedder.states`."""
        keys = [tuple(ids) for ids in contents]
        missing = [key for key in dict.fromkeys(keys) if key not in self._known]
        for key, vectors in zip(missing, self._embedder.states(missing), strict=True):
            self._known[key] = vectors
        found = []
        for key in keys:
            self._known.move_to_end(key)
            found.append(self._known[key])
        while len(self._known) > self._kept:
            self._known.popitem(last=False)
        return found
