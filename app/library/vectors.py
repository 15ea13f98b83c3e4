"""Chroma, embedded or as a server: the only file that imports it.

A base holds row numbers and vectors, nothing else: text and metadata stay in the catalogue. It is filled once, closed,
and from then on only read. The import takes half a second, so it waits for the first dense search.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.library.exact import Hits
from app.library.filters import Rows
from app.library.portions import parts, portions
from app.ports import Vectors

COLLECTION = "base"
_BREADTH = 200  # vectors that a search keeps in view
# text-like vectors reach a recall of 1.0 with these, and isotropic noise, the worst case, more than twice the defaults'
HNSW = {"space": "cosine", "ef_construction": 200, "max_neighbors": 32, "ef_search": _BREADTH}
# Above a hundred thousand vectors one in so many is kept in view: of a million, 200 find .85 of the ten nearest, 2,000
# find .92, in 7 ms instead of 3, beside a search by words of 170.
_ONE_IN = 500
_PORTION = 5000  # vectors added at a time, or as many as Chroma takes
_WRITE_AFTER = 50_000  # vectors: each addition reads back those since the last write, here 75 MB at most


class IndexUnreadable(Exception):
    """Chroma cannot read this base. It can be built again; until then exact search stands in."""


@dataclass
class _Open:
    client: Any
    collection: Any
    readers: int = 0


@dataclass
class _Shelf:
    """Open bases of this process by path: Chroma keeps one state a path, so they are shared and counted."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    bases: dict[Path, _Open] = field(default_factory=dict)
    failures: Counter[Path] = field(default_factory=Counter)


_shelf = _Shelf()


def _client(path: Path | str) -> Any:
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False))


def fill(path: Path, batches: Iterable[tuple[Rows, Vectors]], count: int, *, write_after: int = _WRITE_AFTER) -> None:
    """Build the collection of a new base in an empty folder, of `count` vectors; the index is written to disk whenever
    about `write_after` were added, and at the end. Raises IndexUnreadable when Chroma fails."""
    from chromadb.errors import ChromaError

    try:
        client = _client(path)
    except ChromaError as error:  # no room even for an empty one, for instance
        raise IndexUnreadable(str(error)) from error
    try:
        written = parts(count, write_after)
        hnsw = {
            **HNSW,
            "ef_search": breadth(count),
            "sync_threshold": max(2, min(written, default=2)),
            "batch_size": max(2, min(100, count)),
        }
        collection = client.create_collection(COLLECTION, configuration={"hnsw": hnsw}, embedding_function=None)
        most = min(_PORTION, client.get_max_batch_size())
        for rows, matrix in portions(batches, [size for part in written for size in parts(part, most)]):
            collection.add(ids=[str(row) for row in rows.tolist()], embeddings=matrix)
    except ChromaError as error:
        raise IndexUnreadable(str(error)) from error
    finally:
        client.close()


def breadth(count: int) -> int:
    """How many vectors a search in an index of `count` keeps in view (HNSW's ef_search).

    >>> breadth(20_000), breadth(1_000_000)
    (200, 2000)
    """
    return max(_BREADTH, count // _ONE_IN)


class EmbeddedBase:
    """A finished base, open for reading. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Raises IndexUnreadable where there is no readable collection."""
        from chromadb.errors import ChromaError

        self._path = path.absolute()
        with _shelf.lock:
            held = _shelf.bases.get(self._path)
            if held is None:
                if not (self._path / "chroma.sqlite3").is_file():
                    raise IndexUnreadable(f"{self._path} holds no index")
                # Chroma keeps the state of a failed open by the spelling of its path: spell it anew to start afresh
                spelled = f"{self._path}{'/.' * _shelf.failures[self._path]}"
                try:
                    client = _client(spelled)
                    held = _Open(client, client.get_collection(COLLECTION, embedding_function=None))
                except (ChromaError, ValueError) as error:
                    _shelf.failures[self._path] += 1
                    raise IndexUnreadable(str(error)) from error
                _shelf.bases[self._path] = held
            held.readers += 1
            self._held: _Open | None = held

    def nearest(self, vector: Vectors, k: int) -> Hits:
        """The k nearest rows: (row, cosine -1..1), best first. Raises IndexUnreadable when Chroma fails."""
        from chromadb.errors import ChromaError

        if self._held is None:
            raise IndexUnreadable(f"{self._path} is closed")
        try:
            found = self._held.collection.query(
                query_embeddings=[np.asarray(vector, dtype=np.float32)], n_results=k, include=["distances"]
            )
        except ChromaError as error:
            raise IndexUnreadable(str(error)) from error
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return [(int(row), cosine(distance)) for row, distance in pairs]

    def count(self) -> int:
        return 0 if self._held is None else int(self._held.collection.count())

    def rows(self) -> set[int]:
        """All rows it holds. Raises IndexUnreadable."""
        from chromadb.errors import ChromaError

        try:
            return set() if self._held is None else {int(row) for row in self._held.collection.get(include=[])["ids"]}
        except ChromaError as error:
            raise IndexUnreadable(str(error)) from error

    def stored(self, rows: Rows) -> tuple[Rows, Vectors]:
        """The vectors it holds of these rows, (found rows ascending, matrix). Raises IndexUnreadable."""
        from chromadb.errors import ChromaError

        if self._held is None:
            raise IndexUnreadable(f"{self._path} is closed")
        try:
            found = self._held.collection.get(ids=[str(row) for row in rows.tolist()], include=["embeddings"])
        except ChromaError as error:
            raise IndexUnreadable(str(error)) from error
        return in_order(map(int, found["ids"]), found["embeddings"])

    def close(self) -> None:
        with _shelf.lock:
            held, self._held = self._held, None
            if held is None:
                return
            held.readers -= 1
            if held.readers == 0:
                del _shelf.bases[self._path]
                held.client.close()


def cosine(distance: float) -> float:
    """Chroma's cosine distance (0..2, with tiny negatives) as a cosine."""
    return float(min(1.0, max(-1.0, 1.0 - distance)))


def in_order(rows: Iterable[int], vectors: Any) -> tuple[Rows, Vectors]:
    """Rows ascending, with the vector of each."""
    numbers = np.fromiter(rows, dtype=np.int64)
    if not len(numbers):
        return numbers, np.empty((0, 0), dtype=np.float32)
    matrix = np.asarray(vectors, dtype=np.float32).reshape(len(numbers), -1)
    order = np.argsort(numbers)
    return numbers[order], matrix[order]
