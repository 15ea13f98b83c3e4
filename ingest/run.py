"""The run: read, compare, parse, split, embed, write, publish. Bounded in memory, stoppable, file by file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from app.domain import Document
from app.errors import DocumentError
from app.ports import Embedder, LibraryWriter, StoredDocument, Vectors
from ingest.identity import content_hash, document_id, recipe, uri_of
from ingest.load import format_of, load, no_reader
from ingest.load.parsed import Parsed
from ingest.load.worker import ParserProcess
from ingest.plan import action, vanished
from ingest.read import Unreadable, read_whole
from ingest.report import FileResult, Report, State
from ingest.split import Cut, split
from ingest.walk import Found, shown

_BATCH = 64  # passages embedded at once: documents are gathered up to it, larger ones are embedded in slices
_MOST_CHUNKS = 200_000  # of one document: it is written whole, and its vectors are held until then
_PUBLISH_AFTER = 60.0  # seconds: what a kill may lose


class Progress(Protocol):
    """Who is told how the run goes."""

    def started(self, files: int, size: int) -> None:
        """`size`: bytes of text to expect in all files; `file_done` gives each file's."""
        ...

    def file_done(self, result: FileResult, size: int) -> None: ...

    def embedded(self, chunks: int) -> None: ...

    def published(self, generation: int) -> None: ...


@dataclass(slots=True)
class _Waiting:
    """A document that is split and waits for its vectors."""

    document: Document
    recipe: str
    cuts: tuple[Cut, ...]
    result: FileResult
    size: int
    before: StoredDocument | None


@dataclass(slots=True)
class Ingest:
    """One run over what `ingest.walk.find` found. Call `run` once.

    `stopping` is asked between documents and between slices of a large one; once it says yes, the document in hand
    is finished or (a large one) left for the next run, everything written is published, and the report says so.
    """

    writer: LibraryWriter
    embedder: Embedder
    progress: Progress
    stopping: Callable[[], bool] = lambda: False
    file_timeout: float = 180.0
    publish_after: float = _PUBLISH_AFTER
    _results: list[FileResult] = field(default_factory=list)
    _waiting: list[_Waiting] = field(default_factory=list)
    _written: int = 0
    _unpublished: bool = False
    _published_at: float = 0.0

    def run(self, found: Found, *, prune: bool = False) -> Report:
        """Bring the library up to date with the files found. Raises LibraryError where the library cannot be written.

        What a failed file had in the library stays searchable. With `prune`, documents below the folders given whose
        files are gone are removed, unless the run was stopped.
        """
        began = self._published_at = time.monotonic()
        stored = self.writer.stored()
        sizes = [_text_size(path) for path in found.files]
        self.progress.started(len(found.files), sum(sizes))
        for problem in found.problems:
            self._done(problem, 0)
        with ParserProcess(self.file_timeout) as parser:
            for place, (path, size) in enumerate(zip(found.files, sizes, strict=True)):
                if self.stopping():
                    self._leave(found.files[place:])
                    break
                self._file(path, size, stored, parser)
            self._flush()
        stopped = self.stopping()
        if prune and not stopped:
            self._prune(found, stored)
        generation = self._publish()
        return Report(
            library=self.writer.info.name,
            generation=generation,
            files=tuple(sorted(self._results, key=lambda result: result.path)),
            seconds=time.monotonic() - began,
            written=self._written,
            stopped=stopped,
        )

    def _file(self, path: Path, size: int, stored: dict[str, StoredDocument], parser: ParserProcess) -> None:
        uri = uri_of(path)
        before = stored.get(uri)
        chunks = before.chunks if before is not None else 0
        kind = format_of(path)
        if shown(path) != str(path):
            hint = "Rename the file."
            self._done(FileResult(shown(path), State.FAILED, "its name is not valid UTF-8", 0, hint), size)
            return
        if kind is None:
            self._done(FileResult(shown(path), State.SKIPPED, no_reader(path), chunks), size)
            return
        try:
            data = read_whole(path)
            digest, made_by = content_hash(data), recipe(kind, self.embedder.id)
            todo = action(before, digest, made_by)
            if todo == "keep":
                self._done(FileResult(shown(path), State.UNCHANGED, None, chunks), size)
                return
            parsed = (parser.load if kind.isolated else load)(kind, path.name, data)
            document = Document(document_id(uri), parsed.title, uri, kind.name, digest, _metadata(path, parsed))
            cuts = split(parsed, document.id, self.embedder.count_tokens)
            if len(cuts) > _MOST_CHUNKS:
                raise DocumentError(f"too long: {len(cuts):,} passages", hint="Split it into smaller files.")
        except Unreadable as reason:
            self._done(FileResult(shown(path), State.SKIPPED, _kept(str(reason), before), chunks), size)
            return
        except DocumentError as error:
            self._done(FileResult(shown(path), State.FAILED, _kept(error.message, before), chunks, error.hint), size)
            return
        state = State.ADDED if todo == "add" else State.REPLACED
        result = FileResult(shown(path), state, "; ".join(parsed.warnings) or None, len(cuts))
        self._waiting.append(_Waiting(document, made_by, cuts, result, size, before))
        if sum(len(waiting.cuts) for waiting in self._waiting) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        """Embed and write the documents that wait."""
        waiting, self._waiting = self._waiting, []
        texts = [cut.embedded for one in waiting for cut in one.cuts]
        vectors = self._embed(texts)
        if vectors is None:
            self._leave([Path(one.result.path) for one in waiting])
            return
        start = 0
        for one in waiting:
            end = start + len(one.cuts)
            self._write(one, vectors[start:end])
            start = end
        if time.monotonic() - self._published_at >= self.publish_after:
            self._publish()

    def _write(self, one: _Waiting, vectors: Vectors) -> None:
        try:
            self.writer.replace(one.document, [cut.chunk for cut in one.cuts], vectors, one.recipe)
        except DocumentError as error:
            failed = FileResult(one.result.path, State.FAILED, _kept(error.message, one.before), 0, error.hint)
            self._done(failed, one.size)
            return
        self._unpublished = True
        self._written += len(one.cuts)
        self._done(one.result, one.size)

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
            self.progress.embedded(len(part))
        return vectors if len(rows) == len(distinct) else vectors[rows]

    def _prune(self, found: Found, stored: dict[str, StoredDocument]) -> None:
        present = {uri_of(path) for path in found.files}
        gone = vanished(
            stored,
            present,
            folders=found.folders,
            matches=lambda uri: any(pattern.fullmatch(uri) for pattern in found.patterns),
            unseen=found.unseen,
        )
        for document in gone:
            self.writer.remove(document.id)
            self._unpublished = True
            self._done(FileResult(document.uri, State.REMOVED, "its file is gone"), 0)

    def _publish(self) -> int:
        if not self._unpublished:
            return self.writer.info.generation
        generation = self.writer.publish()
        self._unpublished = False
        self._published_at = time.monotonic()
        self.progress.published(generation)
        return generation

    def _leave(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self._done(FileResult(shown(path), State.SKIPPED, "stopped before it was read in"), 0)

    def _done(self, result: FileResult, size: int) -> None:
        self._results.append(result)
        self.progress.file_done(result, size)


def _text_size(path: Path) -> int:
    """Bytes of text to expect in a file, the measure of the work it will be: 0 where it will not be read."""
    kind = format_of(path)
    try:
        return int(path.stat().st_size * kind.text_share) if kind is not None else 0
    except OSError:
        return 0  # it vanished since the walk; reading it names the reason


def _kept(reason: str, before: StoredDocument | None) -> str:
    return reason if before is None else f"{reason}; its earlier version stays searchable"


def _metadata(path: Path, parsed: Parsed) -> dict[str, str | int | float | bool]:
    return {"file": path.name, "folder": path.parent.name, **parsed.metadata}
