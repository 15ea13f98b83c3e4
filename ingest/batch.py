"""Documents that are cut and wait for their vectors: gathered, embedded together, written one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.domain import Document
from app.errors import DocumentError
from app.ports import Embedder, LibraryWriter, StoredDocument, Vectors
from ingest.ends import Ends
from ingest.report import FileResult
from ingest.split import Cut

_BATCH = 64  # passages embedded at once: documents are gathered up to it, larger ones are embedded in slices


@dataclass(frozen=True, slots=True)
class Waiting:
    """A document that is cut; `result` is how it ends once it is written."""

    document: Document
    recipe: str
    cuts: tuple[Cut, ...]
    result: FileResult
    size: int
    before: StoredDocument | None


@dataclass(slots=True)
class Batch:
    """`written` passages of `read` bytes of text so far; `unpublished`: some of them since that was last set back.
    `stopping` is asked between the slices of a large batch, which is then left for the next run."""

    writer: LibraryWriter
    embedder: Embedder
    ends: Ends
    stopping: Callable[[], bool]
    written: int = 0
    read: int = 0
    unpublished: bool = False
    _waiting: list[Waiting] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return sum(len(one.cuts) for one in self._waiting) >= _BATCH

    def add(self, one: Waiting) -> None:
        self._waiting.append(one)

    def flush(self) -> None:
        """Embed and write what waits. Raises LibraryError and ProviderError."""
        waiting, self._waiting = self._waiting, []
        vectors = self._embed([cut.embedded for one in waiting for cut in one.cuts])
        if vectors is None:
            self.ends.left([Path(one.result.path) for one in waiting])
            return
        start = 0
        for one in waiting:
            end = start + len(one.cuts)
            self._write(one, vectors[start:end])
            start = end

    def _write(self, one: Waiting, vectors: Vectors) -> None:
        try:
            self.writer.replace(one.document, [cut.chunk for cut in one.cuts], vectors, one.recipe)
        except DocumentError as error:
            self.ends.remember(one.document.uri, one.document.content_hash, one.recipe, error)
            self.ends.failed(one.result.path, one.size, one.before, error.message, error.hint)
            return
        self.unpublished = True
        self.written += len(one.cuts)
        self.read += one.size
        self.ends.done(one.result, one.size)

    def _embed(self, texts: Sequence[str]) -> Vectors | None:
        """Shape (len(texts), dimension); equal texts are embedded once. None when told to stop on the way."""
        places: dict[str, int] = {}
        rows = [places.setdefault(text, len(places)) for text in texts]
        distinct = list(places)
        vectors = np.empty((len(distinct), self.embedder.dimension), dtype=np.float32)
        for start in range(0, len(distinct), _BATCH):
            if start and self.stopping():
                return None
            part = distinct[start : start + _BATCH]
            vectors[start : start + len(part)] = self.embedder.embed_passages(part)
            self.ends.progress.embedded(len(part))
        return vectors if len(rows) == len(distinct) else vectors[rows]
