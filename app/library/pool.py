"""Shared readers: one open reader a library and generation, lent to questions and closed when nobody holds it.

A new generation is noticed at the next question; questions under way finish on the one they started with.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from app.domain import Chunk, Filter, LibraryInfo
from app.library.reader import current_stamp, open_reader
from app.ports import Lexical, LibraryReader, Vectors


class ReaderPool:
    """Lends readers. Safe to use from several threads."""

    def __init__(self, directory: Path, *, embedder_id: str, chroma_url: str | None = None) -> None:
        self._directory = directory
        self._embedder_id = embedder_id
        self._chroma_url = chroma_url
        self._lock = threading.Lock()
        self._current: dict[str, _Shared] = {}

    def open(self, name: str) -> LibraryReader:
        """The library's last published generation; `close` gives it back.

        Raises LibraryNotFound, EmbedderMismatch or LibraryDamaged.
        """
        with self._lock:
            stamp = current_stamp(self._directory, name, chroma_url=self._chroma_url)
            shared = self._current.get(name)
            if shared is None or shared.stamp != stamp:
                reader = open_reader(self._directory, name, embedder_id=self._embedder_id, chroma_url=self._chroma_url)
                if shared is not None:
                    shared.retire()
                shared = self._current[name] = _Shared(reader, stamp)
            return shared.lend()


class _Shared:
    """A reader, the stamp it was opened at (see `current_stamp`), and how many questions hold it."""

    def __init__(self, reader: LibraryReader, stamp: str) -> None:
        self.reader = reader
        self.stamp = stamp
        self._lock = threading.Lock()
        self._held = 0
        self._retired = False

    def lend(self) -> LibraryReader:
        with self._lock:
            self._held += 1
        return _Lent(self)

    def give_back(self) -> None:
        with self._lock:
            self._held -= 1
            last = self._retired and self._held == 0
        if last:
            self.reader.close()

    def retire(self) -> None:
        with self._lock:
            self._retired = True
            last = self._held == 0
        if last:
            self.reader.close()


class _Lent:
    """One question's hold on a shared reader; implements `LibraryReader`."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        self._reader = shared.reader
        self._open = True

    @property
    def info(self) -> LibraryInfo:
        return self._reader.info

    @property
    def has_lexical(self) -> bool:
        return self._reader.has_lexical

    def dense(self, vector: Vectors, k: int, where: Filter) -> list[tuple[str, float]]:
        return self._reader.dense(vector, k, where)

    def lexical(self, question: str, k: int, where: Filter) -> Lexical:
        return self._reader.lexical(question, k, where)

    def cosines(self, vector: Vectors, chunk_ids: Sequence[str]) -> dict[str, float]:
        return self._reader.cosines(vector, chunk_ids)

    def bm25(self, question: str, chunk_ids: Sequence[str]) -> Lexical:
        return self._reader.bm25(question, chunk_ids)

    def chunks(self, chunk_ids: Sequence[str]) -> dict[str, Chunk]:
        return self._reader.chunks(chunk_ids)

    def around(self, chunk_id: str, reach: int = 1) -> tuple[Chunk, ...]:
        return self._reader.around(chunk_id, reach)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._shared.give_back()
