"""The dense leg of one generation: Chroma at the base + exact search over rows added since - rows removed since."""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import Protocol

import numpy as np

from app.library import exact
from app.library.exact import Hits
from app.library.filters import Rows
from app.library.vectors import IndexUnreadable
from app.ports import Vectors

log = logging.getLogger(__name__)

EXACT_UP_TO = 4000  # a selection this small is searched exactly: quicker than asking an index for its far end


class BaseIndex(Protocol):
    """A finished index of row numbers."""

    def nearest(self, vector: Vectors, k: int) -> Hits: ...

    def close(self) -> None: ...


class OpenBase(Protocol):
    """Opens the base at the first search (Chroma is slow to import). Raises IndexUnreadable."""

    def __call__(self) -> BaseIndex: ...


class DenseLeg:
    """Safe to use from several threads. Holds the vectors of rows added since the base in memory."""

    def __init__(self, *, generation: int, base: int, dimension: int, chunks: int, open_base: OpenBase | None) -> None:
        """`open_base` is None where there is no base: everything is searched exactly."""
        self._generation = generation
        self._base = base if open_base is not None else 0
        self._dimension = dimension
        self._chunks = chunks
        self._open_base = open_base
        self._lock = threading.Lock()
        self._index: BaseIndex | None = None
        self._recent: tuple[Rows, Vectors] | None = None
        self._removed: frozenset[int] = frozenset()

    def search(self, connection: sqlite3.Connection, vector: Vectors, k: int, selection: Rows | None) -> Hits:
        """The k nearest rows; of `selection` (ascending rows) only, where given."""
        if vector.shape != (self._dimension,):
            raise ValueError(f"a question vector has shape ({self._dimension},), not {vector.shape}")
        asked = exact.unit(vector)
        if k <= 0 or self._chunks == 0:
            return []
        if selection is not None and len(selection) <= EXACT_UP_TO:
            return exact.search(connection, selection, self._dimension, asked, k)
        rows, matrix = self._recent_part(connection)
        if selection is not None:
            chosen = np.isin(rows, selection, assume_unique=True)
            rows, matrix = rows[chosen], matrix[chosen]
        try:
            indexed = self._at_base(connection, asked, k, selection, rows)
        except IndexUnreadable as error:
            log.warning("the vector index cannot be read (%s); searching exactly", error)
            self._forget_base()
            return self.search(connection, vector, k, selection)
        return exact.merge(indexed, exact.nearest(rows, matrix, asked, k), k)

    def close(self) -> None:
        with self._lock:
            if self._index is not None:
                self._index.close()
                self._index = None

    def _recent_part(self, connection: sqlite3.Connection) -> tuple[Rows, Vectors]:
        with self._lock:
            if self._recent is None:
                rows = exact.rows_added(connection, self._generation, self._base)
                parts = [matrix for _, matrix in exact.batches(connection, rows, self._dimension)]
                empty = np.empty((0, self._dimension), np.float32)
                self._recent = (rows, np.concatenate(parts) if parts else empty)
                gone = exact.rows_removed(connection, self._generation, self._base)
                self._removed = frozenset(gone.tolist())
            return self._recent

    def _at_base(
        self, connection: sqlite3.Connection, vector: Vectors, k: int, selection: Rows | None, recent: Rows
    ) -> Hits:
        """Ask the base for more until k rows are left that the generation sees and the filter lets through."""
        if self._open_base is None:
            return []
        with self._lock:
            if self._index is None:
                self._index = self._open_base()
            index = self._index
        wanted = None if selection is None else frozenset(selection.tolist())
        ask = k + min(len(self._removed), k) if wanted is None else int(2 * k * self._chunks / len(wanted)) + k
        while True:
            found = index.nearest(vector, ask)
            kept = [hit for hit in found if hit[0] not in self._removed and (wanted is None or hit[0] in wanted)]
            if len(kept) >= k:
                return kept[:k]
            if selection is not None:  # the filter lies far from the question, where an index finds less and less
                older = np.setdiff1d(selection, recent, assume_unique=True)
                return exact.search(connection, older, self._dimension, vector, k)
            if len(found) < ask:
                return kept
            ask *= 4

    def _forget_base(self) -> None:
        self.close()
        with self._lock:
            self._open_base = None
            self._base = 0
            self._recent = None
            self._removed = frozenset()
