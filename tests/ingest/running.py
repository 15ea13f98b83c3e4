"""Runs of a real ingest into a real library, with an embedder whose vectors can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.library import open_reader, open_writer
from app.ports import LibraryReader, LibraryWriter
from ingest.cutting import read_cutting
from ingest.identity import CHUNKER
from ingest.report import FileResult, Report, State
from ingest.run import Ingest
from ingest.walk import find
from tests.fakes import LetterEmbedder


class Notes:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.results: list[FileResult] = []
        self.generations: list[int] = []

    def started(self, files: int, size: int) -> None:
        self.files = files

    def file_done(self, result: FileResult, size: int) -> None:
        self.results.append(result)

    def embedded(self, chunks: int) -> None:
        pass

    def published(self, generation: int) -> None:
        self.generations.append(generation)


@contextmanager
def writer(home: Path) -> Iterator[LibraryWriter]:
    opened = open_writer(home, "test", embedder_id=LetterEmbedder.id, dimension=3, chunker=CHUNKER)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def reader(home: Path) -> Iterator[LibraryReader]:
    opened = open_reader(home, "test", embedder_id=LetterEmbedder.id)
    try:
        yield opened
    finally:
        opened.close()


def ingest(home: Path, *paths: Path, prune: bool = False, stop_after: int | None = None) -> Report:
    notes = Notes()

    def stopping() -> bool:
        return stop_after is not None and len(notes.results) >= stop_after

    with writer(home) as opened:
        run = Ingest(opened, LetterEmbedder(), notes, stopping=stopping)
        report = run.run(find([str(path) for path in paths], home=home), prune=prune)
    assert list(report.files) == sorted(notes.results, key=lambda result: result.path)
    told = [result for result in notes.results if result.state is not State.REMOVED]
    assert prune or len(told) == notes.files  # as many as it said at the start
    return report


def states(report: Report) -> dict[str, str]:
    return {Path(file.path).name: file.state.value for file in report.files}


def texts(home: Path, question: str) -> list[str]:
    with reader(home) as opened:
        found = opened.lexical(question, 20, ())
        return [chunk.text for chunk in opened.chunks(list(found.bm25)).values()]


def cut_with(home: Path, setting: str, *paths: Path) -> Report:
    """A run that cuts as `setting` says."""
    with writer(home) as opened:
        run = Ingest(opened, LetterEmbedder(), Notes(), cutting=read_cutting(setting))
        return run.run(find([str(path) for path in paths], home=home))
