"""Reading a library: one pinned generation, both search legs, unchanged however much is written meanwhile."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from app.counting import counted
from app.domain import Chunk, Filter, LibraryInfo
from app.errors import LibraryDamaged
from app.library import bases, exact
from app.library.catalogue import (
    Connections,
    Generation,
    Manifest,
    check_embedder,
    connect,
    info,
    latest,
    read_manifest,
)
from app.library.dense import DenseLeg, OpenBase
from app.library.faults import guarded
from app.library.filters import Rows, select_rows
from app.library.lexical import Bm25, TermScores
from app.library.locks import FileLock
from app.library.places import Places, existing, places
from app.library.remote import RemoteReader, newest_stamp
from app.library.rows import chunks_around, chunks_by_id, ids_of_rows, rows_of_ids
from app.library.server import ServerBase
from app.ports import Lexical, LibraryReader, Vectors

_T = TypeVar("_T")
_PIN_ATTEMPTS = 20
_REMEMBERED = 16


class _Recent:
    """The last few results by key: the stages of one question ask for the same thing several times."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, object] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], _T]) -> _T:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]  # type: ignore[return-value]  # a key is only ever given one kind of value
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)
        return made


class CatalogueReader:
    """A LibraryReader over the catalogue and a base index. Safe to use from several threads; cheap to open."""

    def __init__(
        self,
        places: Places,
        connections: Connections,
        manifest: Manifest,
        pinned: Generation,
        held: FileLock | None,
        open_base: OpenBase | None,
    ) -> None:
        self._places = places
        self._connections = connections
        self._manifest = manifest
        self._pinned = pinned
        self._held = held
        self._dense = DenseLeg(
            generation=pinned.number,
            base=pinned.base,
            dimension=manifest.dimension,
            chunks=pinned.chunks,
            open_base=open_base,
        )
        self._bm25: Bm25 | None = None
        self._lock = threading.Lock()
        self._recent = _Recent()

    @property
    def info(self) -> LibraryInfo:
        return info(self._places, self._manifest, self._pinned)

    @property
    def has_lexical(self) -> bool:
        return True

    def dense(self, vector: Vectors, k: int, where: Filter) -> list[tuple[str, float]]:
        """See `LibraryReader.dense`. Raises UsageError for a filter that cannot be read, LibraryDamaged."""
        selection = self._selection(where)
        with self._connections.lend() as connection:
            hits = self._dense.search(connection, vector, k, selection)
            ids = ids_of_rows(connection, [row for row, _ in hits])
        return [(ids[row], cosine) for row, cosine in hits]

    def lexical(self, question: str, k: int, where: Filter) -> Lexical:
        """See `LibraryReader.lexical`; ties keep the order of ingest."""
        found = self._scores(question)
        rows, scores = found.rows, found.scores
        selection = self._selection(where)
        if selection is not None:
            chosen = np.isin(rows, selection, assume_unique=True)
            rows, scores = rows[chosen], scores[chosen]
        best = np.lexsort((rows, -scores))[: max(k, 0)]
        with self._connections.lend() as connection:
            ids = ids_of_rows(connection, rows[best].tolist())
        return _lexical(found, {ids[int(rows[i])]: (int(rows[i]), float(scores[i])) for i in best})

    def cosines(self, vector: Vectors, chunk_ids: Sequence[str]) -> dict[str, float]:
        """The cosine (-1..1) of each of these chunks; ids the generation does not see are left out.

        Raises LibraryDamaged where the catalogue has lost the vector of one.
        """
        asked = exact.unit(vector)
        with self._connections.lend() as connection:
            rows = rows_of_ids(connection, self._pinned.number, chunk_ids)
            wanted = np.array(sorted(rows.values()), dtype=np.int64)
            numbers, matrix = exact.read_vectors(connection, wanted, self._manifest.dimension)
        by_row = dict(zip(numbers.tolist(), (matrix @ asked).tolist(), strict=True))
        if len(by_row) < len(rows):
            lost = len(rows) - len(by_row)
            torn = counted(lost, "passage has lost its vector", "passages have lost their vector")
            raise LibraryDamaged(
                f"Library {self._places.name!r} is damaged: {torn}",
                hint=f"sluice library repair {self._places.name}",
            )
        return {chunk_id: min(1.0, max(-1.0, by_row[row])) for chunk_id, row in rows.items()}

    def bm25(self, question: str, chunk_ids: Sequence[str]) -> Lexical:
        """See `LibraryReader.bm25`; ids the generation does not see are left out."""
        found = self._scores(question)
        with self._connections.lend() as connection:
            rows = rows_of_ids(connection, self._pinned.number, chunk_ids)
        scored: dict[str, tuple[int, float]] = {}
        for chunk_id, row in rows.items():
            place = int(np.searchsorted(found.rows, row))
            hit = place < len(found.rows) and int(found.rows[place]) == row
            scored[chunk_id] = (row, float(found.scores[place]) if hit else 0.0)
        return _lexical(found, scored)

    def chunks(self, chunk_ids: Sequence[str]) -> dict[str, Chunk]:
        with self._connections.lend() as connection:
            return chunks_by_id(connection, self._pinned.number, chunk_ids)

    def around(self, chunk_id: str, reach: int = 1) -> tuple[Chunk, ...]:
        with self._connections.lend() as connection:
            return chunks_around(connection, self._pinned.number, chunk_id, reach)

    def close(self) -> None:
        self._dense.close()
        self._connections.close()
        if self._held is not None:
            self._held.release()

    def _selection(self, where: Filter) -> Rows | None:
        if not where:
            return None
        return self._recent.get(("filter", where), lambda: self._select(where))

    def _select(self, where: Filter) -> Rows:
        with self._connections.lend() as connection:
            return select_rows(connection, self._pinned.number, where)

    def _scores(self, question: str) -> TermScores:
        return self._recent.get(("terms", question), lambda: self._score(question))

    def _score(self, question: str) -> TermScores:
        with self._connections.lend() as connection:
            with self._lock:
                if self._bm25 is None:
                    self._bm25 = Bm25(connection, self._pinned.number)
            return self._bm25.scores(connection, question)


def _lexical(found: TermScores, scored: dict[str, tuple[int, float]]) -> Lexical:
    return Lexical(
        bm25={chunk_id: score for chunk_id, (_, score) in scored.items()},
        matched={chunk_id: found.matched(row) for chunk_id, (row, _) in scored.items()},
        term_weights=found.weights,
        ceiling=found.ceiling,
    )


def open_reader(directory: Path, name: str, *, embedder_id: str, chroma_url: str | None = None) -> LibraryReader:
    """Pin the last published generation of a library and keep its base from being removed.

    Cheap: Chroma is imported at the first dense search. With `chroma_url` the base is the server's; without a
    catalogue here the reader then searches dense only (`has_lexical` is False).
    Raises LibraryNotFound, EmbedderMismatch, LibraryDamaged, and ProviderError where only the server has the library.
    """
    if chroma_url is not None and not places(directory, name).catalogue.is_file():
        return RemoteReader(places(directory, name), chroma_url, embedder_id)
    return _pin(existing(directory, name), embedder_id, chroma_url)


def current_generation(directory: Path, name: str) -> int:
    """The number of the last published generation: one small read, for noticing that there is a newer one.

    Raises LibraryNotFound, LibraryDamaged.
    """
    where = existing(directory, name)
    with guarded(where):
        connection = connect(where)
        try:
            return latest(connection).number
        finally:
            connection.close()


def current_stamp(directory: Path, name: str, *, chroma_url: str | None = None) -> str:
    """What `open_reader` would open now, as text to compare: another generation, or a library made anew, differs.

    Raises LibraryNotFound, LibraryDamaged, and ProviderError where only the server has the library.
    """
    where = places(directory, name)
    if chroma_url is not None and not where.catalogue.is_file():
        return newest_stamp(where, chroma_url)
    where = existing(directory, name)
    with guarded(where):
        connection = connect(where)
        try:
            current = latest(connection)
            # the floor is measured after publishing: a reader opened in between must be opened again
            return f"{read_manifest(connection, where).id}/{current.number}/{hash(current.floor)}"
        finally:
            connection.close()


def _pin(where: Places, embedder_id: str, chroma_url: str | None) -> CatalogueReader:
    connections = Connections(where)
    try:
        with connections.lend() as connection:
            manifest = read_manifest(connection, where)
            check_embedder(where, manifest, embedder_id)
            for _ in range(_PIN_ATTEMPTS):
                pinned = latest(connection)
                held = bases.hold(where, pinned.base)
                # a base that went away means that a newer one is there: look again, unless nobody switched
                if held is not None or latest(connection).base == pinned.base:
                    break
    except BaseException:
        connections.close()
        raise
    use_base = held is not None and pinned.base > 0
    opener = _opener(where, manifest, pinned.base, chroma_url) if use_base else None
    return CatalogueReader(where, connections, manifest, pinned, held, opener)


def _opener(where: Places, manifest: Manifest, base: int, chroma_url: str | None) -> OpenBase:
    if chroma_url is None:
        return lambda: bases.open_embedded(where, base)
    return lambda: ServerBase(chroma_url, where.name, manifest.id, base)
