"""How files end: each in one state, told as it happens and gathered for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.errors import DocumentError
from app.ports import FailedFile, LibraryWriter, StoredDocument
from ingest.report import FileResult, State
from ingest.told import kept
from ingest.walk import shown


class Progress(Protocol):
    """Who is told how the run goes."""

    def started(self, files: int, size: int) -> None:
        """`files`: what will be told of, one `file_done` each; `size`: bytes of text to expect in all of them."""
        ...

    def file_done(self, result: FileResult, size: int) -> None: ...

    def embedded(self, chunks: int) -> None: ...

    def published(self, generation: int) -> None: ...


@dataclass(slots=True)
class Ends:
    """The results of a run so far. `patience`: the seconds a parser had; a failure is remembered with them."""

    writer: LibraryWriter
    progress: Progress
    patience: float
    results: list[FileResult] = field(default_factory=list)

    def done(self, result: FileResult, size: int) -> None:
        """`size`: bytes of text that were expected in it."""
        self.results.append(result)
        self.progress.file_done(result, size)

    def failed(
        self,
        path: str,
        size: int,
        before: StoredDocument | None,
        reason: str,
        hint: str,
        *,
        as_before: bool = False,
    ) -> None:
        """What the library has of it stays."""
        chunks = before.chunks if before is not None else 0
        self.done(FileResult(path, State.FAILED, kept(reason, before), chunks, hint, as_before), size)

    def remember(self, uri: str, digest: str, made_by: str, error: DocumentError) -> None:
        """So that the same bytes are not parsed by the same parser again."""
        self.writer.remember_failure(FailedFile(uri, digest, made_by, error.message, error.hint, self.patience))

    def left(self, paths: Sequence[Path], reason: str = "stopped before it was read in") -> None:
        """Files that the run did not come to."""
        for path in paths:
            self.done(FileResult(shown(path), State.SKIPPED, reason), 0)
