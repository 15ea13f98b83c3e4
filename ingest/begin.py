"""The beginning of a file's way: read, compared with what is stored, given to a parser; or its end already."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from app.errors import DocumentError
from app.ports import FailedFile, StoredDocument
from ingest.ahead import Parsers
from ingest.cutting import Cutting
from ingest.ends import Ends
from ingest.identity import content_hash, recipe, uri_of
from ingest.limits import Limits
from ingest.load import Format, format_of, no_reader, other_format, with_columns
from ingest.load.parsed import Parsed
from ingest.load.records import Choice
from ingest.plan import Action, action, known_failure
from ingest.read import Unreadable, read_whole
from ingest.report import FileResult, State
from ingest.told import kept
from ingest.walk import shown


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read and is being parsed. `size`: bytes of text expected in it; `bytes`: its own."""

    path: Path
    size: int
    kind: Format
    bytes: int
    digest: str
    recipe: str
    todo: Action
    before: StoredDocument | None
    parsed: Future[Parsed]


@dataclass(frozen=True, slots=True)
class Beginning:
    """What one run holds files against: documents `stored`, files that failed before (`failures`), how it cuts."""

    stored: Mapping[str, StoredDocument]
    failures: Mapping[str, FailedFile]
    embedder_id: str
    cutting: Cutting
    limits: Limits
    columns: Choice | None
    retry_failed: bool
    ends: Ends
    parsers: Parsers

    def begin(self, path: Path, size: int) -> Reading | None:
        """Read a file and have it parsed; None where it has ended. A file that cannot be read ends as failed."""
        if shown(path) != str(path):
            hint = "Rename the file."
            self.ends.done(FileResult(shown(path), State.FAILED, "its name is not valid UTF-8", 0, hint), size)
            return None
        uri = uri_of(path)
        before = self.stored.get(uri)
        chunks = before.chunks if before is not None else 0
        kind = with_columns(format_of(path), self.columns)
        if kind is None:
            self.ends.done(FileResult(str(path), State.SKIPPED, no_reader(path), chunks, other_format(path)), size)
            return None
        digest, made_by = "", recipe(kind, self.embedder_id, self.cutting)
        try:
            data = read_whole(path, self.limits)
            digest = content_hash(data)
            todo = action(before, digest, made_by)
            if todo == "keep":
                self.ends.done(FileResult(str(path), State.UNCHANGED, None, chunks), size)
                return None
            failed = None if self.retry_failed else self.failures.get(uri)
            if failed is not None and known_failure(failed, digest, made_by, self.ends.patience):
                self.ends.failed(str(path), size, before, failed.reason, failed.hint, as_before=True)
                return None
        except Unreadable as reason:
            self.ends.done(FileResult(str(path), State.SKIPPED, kept(str(reason), before), chunks), size)
            return None
        except DocumentError as error:
            self.ends.failed(str(path), size, before, error.message, error.hint)
            return None
        begun = self.parsers.begin(kind, path.name, data)
        return Reading(path, size, kind, len(data), digest, made_by, todo, before, begun)
