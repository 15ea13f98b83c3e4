"""The run: read, compare, parse, split, embed, write, publish. Bounded in memory, stoppable, file by file."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.errors import DocumentError, LibraryFull, SluiceError
from app.files import found_at
from app.library.journal import now
from app.library.on_disk import file_of, on_disk
from app.ports import Embedder, FailedFile, LibraryWriter, StoredDocument
from ingest.ahead import Parsers
from ingest.batch import Batch, Waiting
from ingest.begin import Beginning, Reading
from ingest.cutting import Cutting
from ingest.ends import Ends, Progress
from ingest.identity import uri_of
from ingest.limits import Limits
from ingest.load.records import Choice
from ingest.making import make
from ingest.parts import superseded
from ingest.plan import as_folder
from ingest.prune import removal
from ingest.report import FileResult, Report, State, to_json
from ingest.room import Rest
from ingest.sizes import rest_of, text_size
from ingest.told import anew, cut_otherwise, unspoken
from ingest.walk import Found, shown

_AHEAD_BYTES = 64 << 20  # of files that are parsed ahead: what a run holds does not grow with the corpus
_PUBLISH_AFTER = 60.0  # seconds: what a kill may lose


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
    _ends: Ends = field(init=False)
    _batch: Batch = field(init=False)
    _published_at: float = 0.0

    def run(self, found: Found, *, prune: bool = False, prune_anyway: bool = False) -> Report:
        """Bring the library up to date with the files found, and keep the report in it.

        What a failed file had in the library stays searchable. With `prune`, documents below the folders given whose
        files are gone are removed, unless the run was stopped; `prune_anyway`: also where most of them are gone.
        Raises LibraryError where the library cannot be written, LibraryFull with the room the rest needs, ProviderError
        where an embedding service fails and MachineError where parsers cannot be started; what was written until then
        is published.
        """
        began, at = time.monotonic(), now()
        self._published_at = began
        self._ends = Ends(self.writer, self.progress, self.file_timeout)
        self._batch = Batch(self.writer, self.embedder, self._ends, self.stopping)
        stored, failures = self.writer.stored(), self.writer.failures()
        sizes = [text_size(path, found.sizes.get(path)) for path in found.files]
        problems = list(dict.fromkeys(found.problems))  # what is no file may have been named twice
        self.progress.started(len(problems) + len(found.files), sum(sizes))
        for problem in problems:
            self._ends.done(problem, 0)
        try:
            self.cutting = self.cutting.within(self.embedder.max_tokens)
            self._read(found.files, sizes, stored, failures)
            stopped = self.stopping()
            self._confirm(stored, at)
            gone = 0 if stopped else self._removed(found, stored, failures, prune=prune, anyway=prune_anyway)
            generation = self._publish()
            report = self._report(generation, began, stopped=stopped, gone=gone)
            self.writer.save_report(to_json(report))
        except SluiceError as error:
            ended = {result.path for result in self._ends.results}
            unread = [path for path in found.files if shown(path) not in ended]
            room = self._room(unread)
            self._ends.left(unread, "the run ended before it was read in")
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
            files=tuple(sorted(self._ends.results, key=lambda result: result.path)),
            seconds=time.monotonic() - began,
            written=self._batch.written,
            stopped=stopped,
            gone=gone,
            error=error,
            otherwise=cut_otherwise(self.writer.stored().values(), self.cutting),
        )

    def _read(
        self,
        files: Sequence[Path],
        sizes: Sequence[int],
        stored: Mapping[str, StoredDocument],
        failures: Mapping[str, FailedFile],
    ) -> None:
        """Take every file its way, some of them parsed ahead; told to stop, leave the rest."""
        with Parsers(self.file_timeout, self.limits.memory) as parsers:
            beginning = Beginning(
                stored, failures, self.embedder.id, self.cutting, self.limits, self.columns, self.retry_failed,
                self._ends, parsers,
            )  # fmt: skip
            reading: deque[Reading] = deque()
            for place, (path, size) in enumerate(zip(files, sizes, strict=True)):
                if self.stopping():
                    self._ends.left([*(one.path for one in reading), *files[place:]])
                    reading.clear()
                    break
                begun = beginning.begin(path, size)
                reading.extend([begun] if begun is not None else [])
                while len(reading) > 2 * parsers.count or sum(one.bytes for one in reading) > _AHEAD_BYTES:
                    self._take(reading.popleft())
            while reading:
                if self.stopping():
                    self._ends.left([one.path for one in reading])
                    break
                self._take(reading.popleft())
            self._flush()

    def _take(self, one: Reading) -> None:
        """Cut a file that was parsed, and embed and write what has gathered."""
        uri = uri_of(one.path)
        try:
            parsed, name = one.parsed.result(), one.kind.name
            made = make(parsed, one.path, uri, name, one.digest, self.cutting, self.embedder.count_tokens)
        except DocumentError as error:
            self._ends.remember(uri, one.digest, one.recipe, error)
            self._ends.failed(str(one.path), one.size, one.before, error.message, error.hint)
            return
        state = State.ADDED if one.todo == "add" else State.REPLACED
        said = [*anew(one.before, one.digest, one.recipe), *parsed.warnings, *unspoken(made.language, self.embedder.id)]
        result = FileResult(str(one.path), state, "; ".join(said) or None, len(made.cuts))
        self._batch.add(Waiting(made.document, one.recipe, made.cuts, result, one.size, one.before))
        if self._batch.full:
            self._flush()

    def _flush(self) -> None:
        self._batch.flush()
        if self._batch.unpublished and time.monotonic() - self._published_at >= self.publish_after:
            self._publish()

    def _removed(
        self,
        found: Found,
        stored: Mapping[str, StoredDocument],
        failures: Mapping[str, FailedFile],
        *,
        prune: bool,
        anyway: bool,
    ) -> int:
        """Remove what is to be pruned, and forget failures of files that are gone; returns how many documents stay
        though their files are gone."""
        present = {uri_of(path) for path in found.files}
        stored = self._without_earlier_parts(found, stored)
        reach = (found.folders, [pattern.fullmatch for pattern in found.patterns])
        missing = removal(stored, present, folders=reach[0], patterns=reach[1], unseen=found.unseen, anyway=True)
        self._forget(present, found, failures)
        if not prune:
            return len(missing.documents)
        chosen = removal(stored, present, folders=reach[0], patterns=reach[1], unseen=found.unseen, anyway=anyway)
        for held in chosen.held:
            self._ends.done(FileResult(shown(held.place), State.FAILED, held.reason, 0, held.hint), 0)
        for document in chosen.documents:
            self.writer.remove(document.id)
            self._batch.unpublished = True
            there = found_at(file_of(document.uri)) is not None
            left_out = "its file is left out now" if there else "its file is gone"
            self._ends.done(FileResult(document.uri, State.REMOVED, left_out), 0)
        return len(missing.documents) - len(chosen.documents)

    def _confirm(self, stored: Mapping[str, StoredDocument], at: str) -> None:
        """Files that were written to and hold what they held: who asks goes by the time, and would take them for
        changed ever after."""
        same = [result.path for result in self._ends.results if result.state is State.UNCHANGED]
        touched = [uri for uri in same if uri in stored and on_disk(uri, stored[uri].read_at) == "changed"]
        if touched:
            self.writer.confirm(touched, at)

    def _without_earlier_parts(
        self, found: Found, stored: Mapping[str, StoredDocument]
    ) -> Mapping[str, StoredDocument]:
        """Remove what stands under other names now; what stays of the documents stored before."""
        well = (State.ADDED, State.REPLACED, State.UNCHANGED)
        ended = {result.path: result.state in well for result in self._ends.results}
        read, failed = ({path for path, as_wanted in ended.items() if as_wanted is wanted} for wanted in (True, False))
        gone = superseded(stored, read, failed, map(str, found.tables))
        for document in gone:
            self.writer.remove(document.id)
            self._batch.unpublished = True
            self._ends.done(FileResult(document.uri, State.REMOVED, "its rows are in other parts of the table now"), 0)
        uris = {document.uri for document in gone}
        return {uri: document for uri, document in stored.items() if uri not in uris}

    def _forget(self, present: set[str], found: Found, failures: Mapping[str, FailedFile]) -> None:
        """Failures of files that are no longer below the folders given."""
        below, hidden = (tuple(map(as_folder, each)) for each in (found.folders, found.unseen))
        gone = [u for u in failures if u not in present and u.startswith(below) and not u.startswith(hidden)]
        if gone:
            self.writer.forget_failures(gone)

    def _publish(self) -> int:
        """Also without a new row: what an earlier run did not finish (its index, its tidying) is done then."""
        generation = self.writer.publish()
        self._published_at = time.monotonic()
        if self._batch.unpublished:
            self._batch.unpublished = False
            self.progress.published(generation)
        return generation

    def _room(self, unread: Sequence[Path]) -> Rest:
        known = rest_of(unread, self.embedder.dimension)
        return replace(known, held=self.writer.info.chunks, written=self._batch.written, read=self._batch.read)
