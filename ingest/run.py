"""The run: read, compare, parse, split, embed, write, publish. Bounded in memory, stoppable, file by file."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from app.domain import Document
from app.errors import DocumentError, LibraryFull, SluiceError
from app.library.on_disk import file_of
from app.ports import Embedder, FailedFile, LibraryWriter, StoredDocument, Vectors
from ingest.ahead import Parsers
from ingest.cutting import Cutting
from ingest.identity import content_hash, recipe, uri_of
from ingest.limits import Limits
from ingest.load import Format, format_of, no_reader, with_columns
from ingest.load.parsed import Parsed
from ingest.load.records import Choice
from ingest.making import make
from ingest.plan import Action, action, as_folder, known_failure
from ingest.prune import removal
from ingest.read import Unreadable, read_whole
from ingest.report import FileResult, Report, State, to_json
from ingest.room import Rest
from ingest.sizes import rest_of, text_size
from ingest.split import Cut
from ingest.told import anew, cut_otherwise, kept, unspoken
from ingest.walk import Found, shown

_AHEAD_BYTES = 64 << 20  # of files that are parsed ahead: what a run holds does not grow with the corpus
_BATCH = 64  # passages embedded at once: documents are gathered up to it, larger ones are embedded in slices
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
class _Reading:
    """A file that was read and is being parsed."""

    path: Path
    size: int
    kind: Format
    bytes: int
    digest: str
    recipe: str
    todo: Action
    before: StoredDocument | None
    parsed: Future[Parsed]


@dataclass(slots=True)
class Ingest:
    """One run over what `ingest.walk.find` found. Call `run` once.

    `stopping` is asked between documents and between slices of a large one; once it says yes, the document in hand
    is finished or (a large one) left for the next run, everything written is published, and the report says so.
    `retry_failed`: parse again what failed before with the same bytes and the same parser. `limits` bound what one
    file may ask for (its time is `file_timeout`); `columns`: chosen for tables, instead of guessed; `cutting`: how
    documents are cut. Files are parsed some ahead, in several processes, and taken in order.
    """

    writer: LibraryWriter
    embedder: Embedder
    progress: Progress
    stopping: Callable[[], bool] = lambda: False
    file_timeout: float = 180.0
    publish_after: float = _PUBLISH_AFTER
    retry_failed: bool = False
    limits: Limits = field(default_factory=Limits)
    columns: Choice | None = None
    cutting: Cutting = field(default_factory=Cutting)
    _results: list[FileResult] = field(default_factory=list)
    _waiting: list[_Waiting] = field(default_factory=list)
    _failures: dict[str, FailedFile] = field(default_factory=dict)
    _written: int = 0
    _read: int = 0
    _unpublished: bool = False
    _published_at: float = 0.0

    def run(self, found: Found, *, prune: bool = False, prune_anyway: bool = False) -> Report:
        """Bring the library up to date with the files found, and keep the report in it.

        What a failed file had in the library stays searchable. With `prune`, documents below the folders given whose
        files are gone are removed, unless the run was stopped; `prune_anyway`: also where most of them are gone.
        Raises LibraryError where the library cannot be written, LibraryFull with the room the rest needs, and
        ProviderError where an embedding service fails; what was written until then is published.
        """
        began = self._published_at = time.monotonic()
        stored = self.writer.stored()
        self._failures = self.writer.failures()
        sizes = [text_size(path, found.sizes.get(path)) for path in found.files]
        self.progress.started(len(found.files), sum(sizes))
        for problem in dict.fromkeys(found.problems):  # what is no file may have been named twice
            self._done(problem, 0)
        try:
            self.cutting = self.cutting.within(self.embedder.max_tokens)
            with Parsers(self.file_timeout, self.limits.memory) as parsers:
                reading: deque[_Reading] = deque()
                for place, (path, size) in enumerate(zip(found.files, sizes, strict=True)):
                    if self.stopping():
                        self._leave([*(one.path for one in reading), *found.files[place:]])
                        reading.clear()
                        break
                    begun = self._begin(path, size, stored, parsers)
                    reading.extend([begun] if begun is not None else [])
                    while len(reading) > 2 * parsers.count or sum(one.bytes for one in reading) > _AHEAD_BYTES:
                        self._take(reading.popleft())
                while reading:
                    if self.stopping():
                        self._leave([one.path for one in reading])
                        break
                    self._take(reading.popleft())
                self._flush()
            stopped = self.stopping()
            gone = 0 if stopped else self._removed(found, stored, prune=prune, anyway=prune_anyway)
            generation = self._publish()
            report = self._report(generation, began, stopped=stopped, gone=gone)
            self.writer.save_report(to_json(report))
        except SluiceError as error:
            ended = {result.path for result in self._results}
            unread = [path for path in found.files if shown(path) not in ended]
            room = self._room(unread)
            self._leave(unread, "the run ended before it was read in")
            with suppress(SluiceError):  # the error that ended the run is the one to tell
                generation = self._publish()
                self.writer.save_report(to_json(self._report(generation, began, error=error.message)))
            if isinstance(error, LibraryFull):
                raise LibraryFull(f"{error.message}; {room}", hint=error.hint) from error
            raise
        return report

    def _report(
        self, generation: int, began: float, *, stopped: bool = False, gone: int = 0, error: str | None = None
    ) -> Report:
        return Report(
            library=self.writer.info.name,
            generation=generation,
            files=tuple(sorted(self._results, key=lambda result: result.path)),
            seconds=time.monotonic() - began,
            written=self._written,
            stopped=stopped,
            gone=gone,
            error=error,
            otherwise=cut_otherwise(self.writer.stored().values(), self.cutting),
        )

    def _begin(self, path: Path, size: int, stored: dict[str, StoredDocument], parsers: Parsers) -> _Reading | None:
        """Read a file and have it parsed; None where its end is known already."""
        uri = uri_of(path)
        before = stored.get(uri)
        chunks = before.chunks if before is not None else 0
        kind = with_columns(format_of(path), self.columns)
        if shown(path) != str(path):
            hint = "Rename the file."
            self._done(FileResult(shown(path), State.FAILED, "its name is not valid UTF-8", 0, hint), size)
            return None
        if kind is None:
            self._done(FileResult(shown(path), State.SKIPPED, no_reader(path), chunks), size)
            return None
        digest, made_by = "", recipe(kind, self.embedder.id, self.cutting)
        try:
            data = read_whole(path, self.limits)
            digest = content_hash(data)
            todo = action(before, digest, made_by)
            if todo == "keep":
                self._done(FileResult(shown(path), State.UNCHANGED, None, chunks), size)
                return None
            failed = None if self.retry_failed else self._failures.get(uri)
            if failed is not None and known_failure(failed, digest, made_by, self.file_timeout):
                self._failed(path, size, before, failed.reason, failed.hint, as_before=True)
                return None
            begun = parsers.begin(kind, path.name, data)
        except Unreadable as reason:
            self._done(FileResult(shown(path), State.SKIPPED, kept(str(reason), before), chunks), size)
            return None
        except DocumentError as error:
            if digest:  # it was read: the same bytes would fail again
                self._remember(uri, digest, made_by, error)
            self._failed(path, size, before, error.message, error.hint)
            return None
        return _Reading(path, size, kind, len(data), digest, made_by, todo, before, begun)

    def _take(self, one: _Reading) -> None:
        """Cut a file that was parsed, and embed and write what has gathered."""
        uri = uri_of(one.path)
        try:
            parsed, name = one.parsed.result(), one.kind.name
            made = make(parsed, one.path, uri, name, one.digest, self.cutting, self.embedder.count_tokens)
        except DocumentError as error:
            self._remember(uri, one.digest, one.recipe, error)
            self._failed(one.path, one.size, one.before, error.message, error.hint)
            return
        state = State.ADDED if one.todo == "add" else State.REPLACED
        said = [*anew(one.before, one.digest, one.recipe), *parsed.warnings, *unspoken(made.language, self.embedder.id)]
        result = FileResult(shown(one.path), state, "; ".join(said) or None, len(made.cuts))
        self._waiting.append(_Waiting(made.document, one.recipe, made.cuts, result, one.size, one.before))
        if sum(len(waiting.cuts) for waiting in self._waiting) >= _BATCH:
            self._flush()

    def _failed(
        self,
        path: Path,
        size: int,
        before: StoredDocument | None,
        reason: str,
        hint: str,
        *,
        as_before: bool = False,
    ) -> None:
        chunks = before.chunks if before is not None else 0
        result = FileResult(shown(path), State.FAILED, kept(reason, before), chunks, hint, as_before)
        self._done(result, size)

    def _remember(self, uri: str, digest: str, made_by: str, error: DocumentError) -> None:
        self.writer.remember_failure(FailedFile(uri, digest, made_by, error.message, error.hint, self.file_timeout))

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
        if self._unpublished and time.monotonic() - self._published_at >= self.publish_after:
            self._publish()

    def _write(self, one: _Waiting, vectors: Vectors) -> None:
        try:
            self.writer.replace(one.document, [cut.chunk for cut in one.cuts], vectors, one.recipe)
        except DocumentError as error:
            self._remember(one.document.uri, one.document.content_hash, one.recipe, error)
            self._failed(Path(one.result.path), one.size, one.before, error.message, error.hint)
            return
        self._unpublished = True
        self._written += len(one.cuts)
        self._read += one.size
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

    def _removed(self, found: Found, stored: dict[str, StoredDocument], *, prune: bool, anyway: bool) -> int:
        """Remove what is to be pruned, and forget failures of files that are gone; returns how many documents stay
        though their files are gone."""
        present = {uri_of(path) for path in found.files}
        reach = (found.folders, [pattern.fullmatch for pattern in found.patterns])
        missing = removal(stored, present, folders=reach[0], patterns=reach[1], unseen=found.unseen, anyway=True)
        self._forget(present, found)
        if not prune:
            return len(missing.documents)
        chosen = removal(stored, present, folders=reach[0], patterns=reach[1], unseen=found.unseen, anyway=anyway)
        for held in chosen.held:
            self._done(FileResult(shown(held.place), State.FAILED, held.reason, 0, held.hint), 0)
        for document in chosen.documents:
            self.writer.remove(document.id)
            self._unpublished = True
            left_out = "its file is left out now" if file_of(document.uri).exists() else "its file is gone"
            self._done(FileResult(document.uri, State.REMOVED, left_out), 0)
        return len(missing.documents) - len(chosen.documents)

    def _forget(self, present: set[str], found: Found) -> None:
        """Failures of files that are no longer below the folders given."""
        below, hidden = (tuple(map(as_folder, each)) for each in (found.folders, found.unseen))
        gone = [u for u in self._failures if u not in present and u.startswith(below) and not u.startswith(hidden)]
        if gone:
            self.writer.forget_failures(gone)

    def _publish(self) -> int:
        """Also without a new row: what an earlier run did not finish (its index, its tidying) is done then."""
        generation = self.writer.publish()
        self._published_at = time.monotonic()
        if self._unpublished:
            self._unpublished = False
            self.progress.published(generation)
        return generation

    def _room(self, unread: Sequence[Path]) -> Rest:
        known = rest_of(unread, self.embedder.dimension)
        return replace(known, held=self.writer.info.chunks, written=self._written, read=self._read)

    def _leave(self, paths: Sequence[Path], reason: str = "stopped before it was read in") -> None:
        for path in paths:
            self._done(FileResult(shown(path), State.SKIPPED, reason), 0)

    def _done(self, result: FileResult, size: int) -> None:
        self._results.append(result)
        self.progress.file_done(result, size)
