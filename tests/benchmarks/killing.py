"""Killing real processes at random moments, and comparing libraries afterwards. Nothing here stands in for anything."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.library.catalogue import Connections, latest
from app.library.contents import read_contents
from app.library.exact import read_vectors
from app.library.filters import select_rows
from app.library.places import existing
from app.library.reader import open_reader
from app.library.rows import ids_of_rows

ALIKE = 0.999  # cosine: the quantised model gives a text other last digits in another batch


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: `code` (-9: killed), what it said, how long it ran and was silent at first (seconds)."""

    code: int
    said: tuple[str, ...]
    seconds: float
    silent: float


def run(
    command: Sequence[str], environment: Mapping[str, str], kill: Callable[[_Watched], bool] | None = None
) -> Ended:
    """Run a command; `kill` is asked every millisecond and the process gets SIGKILL as soon as it says yes."""
    with subprocess.Popen(
        [sys.executable, *command], env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        watched = _Watched(process)
        while process.poll() is None and not (kill is not None and kill(watched)):
            time.sleep(0.001)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        watched.finish()
        silent = watched.first_said or time.monotonic()
        return Ended(process.wait(), tuple(watched.said), watched.age, silent - watched.began)


class _Watched:
    """A running process and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.began = time.monotonic()
        self.said: list[str] = []
        self.first_said: float | None = None
        assert process.stdout is not None
        assert process.stderr is not None
        self._out, self._err = process.stdout, process.stderr
        self._threads = [threading.Thread(target=self._read), threading.Thread(target=self._drain)]
        for thread in self._threads:
            thread.start()

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.began

    @property
    def speaking(self) -> float:
        """Seconds since its first line; negative before."""
        return -1.0 if self.first_said is None else time.monotonic() - self.first_said

    def finish(self) -> None:
        for thread in self._threads:
            thread.join()

    def _read(self) -> None:
        for line in self._out:
            self.said.append(line)
            if self.first_said is None:
                self.first_said = time.monotonic()

    def _drain(self) -> None:
        for line in self._err:
            self.said.append(f"stderr: {line}")


# -- what is in a library --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a search can find of one library, in a form that does not depend on how it came about."""

    documents: Mapping[str, tuple[object, ...]]  # by uri
    chunks: Mapping[str, tuple[object, ...]]  # by id
    vectors: Mapping[str, np.ndarray]
    found: Mapping[str, tuple[tuple[str, float], ...]]  # question -> (chunk id, BM25), as lexical search gives them
    nearest: Mapping[str, str]  # chunk id -> the text that its own vector finds first


def snapshot(directory: Path, name: str, questions: Sequence[str]) -> Snapshot:
    """Read a library the way the app does. Raises LibraryError."""
    contents = read_contents(directory, name)
    where = existing(directory, name)
    connections = Connections(where)
    try:
        with connections.lend() as connection:
            rows = select_rows(connection, latest(connection).number, ())
            dimension = int(connection.execute("SELECT value FROM manifest WHERE key = 'dimension'").fetchone()[0])
            numbers, matrix = read_vectors(connection, rows, dimension)
            ids = ids_of_rows(connection, numbers.tolist())
    finally:
        connections.close()
    vectors = {ids[row]: vector for row, vector in zip(numbers.tolist(), matrix, strict=True)}
    texts = {chunk.id: chunk.text for chunk in contents.chunks}
    reader = open_reader(directory, name, embedder_id=contents.info.embedder_id)
    try:
        # all of them: where a list is cut off, equal scores stand in the order of ingest, which is another after a kill
        found = {q: tuple(sorted(reader.lexical(q, len(texts), ()).bm25.items())) for q in questions}
        asked = sorted(texts)[:: max(1, len(texts) // 20)]
        nearest = {chunk_id: texts[reader.dense(vectors[chunk_id], 1, ())[0][0]] for chunk_id in asked}
    finally:
        reader.close()
    return Snapshot(
        {d.uri: (d.id, d.title, d.format, d.content_hash, dict(d.metadata)) for d in contents.documents},
        {
            c.id: (c.document_id, c.ordinal, c.text, c.title, c.section, c.page, c.tokens, dict(c.metadata))
            for c in contents.chunks
        },
        vectors,
        found,
        nearest,
    )


def differences(one: Snapshot, other: Snapshot) -> list[str]:
    """What differs between two libraries, a line each. Empty where a search cannot tell them apart."""
    said = []
    for what, mine, theirs in (
        ("documents", one.documents, other.documents),
        ("chunks", one.chunks, other.chunks),
        ("lexical results", one.found, other.found),
        ("nearest texts", one.nearest, other.nearest),
    ):
        lacking, extra = theirs.keys() - mine.keys(), mine.keys() - theirs.keys()
        changed = [key for key in mine.keys() & theirs.keys() if mine[key] != theirs[key]]
        for how, keys in (("missing", lacking), ("too many", extra), ("other", changed)):
            if keys:
                said.append(f"{what}: {len(keys)} {how}, such as {min(keys)}")
    apart = least_cosine(one, other)
    if one.vectors.keys() != other.vectors.keys():
        said.append("vectors: not of the same chunks")
    elif apart < ALIKE:
        said.append(f"vectors: one is only {apart:.5f} like the other's")
    return said


def least_cosine(one: Snapshot, other: Snapshot) -> float:
    """How alike the least alike vectors of the same chunk are (1.0: equal)."""
    both = one.vectors.keys() & other.vectors.keys()
    return min((float(one.vectors[key] @ other.vectors[key]) for key in both), default=1.0)


# -- what is read in -------------------------------------------------------------------------------


def write_documents(folder: Path, count: int, chance: random.Random, sentences: Sequence[str]) -> None:
    """Fill a folder anew: about `count` small files, one in twenty of many passages, with what earlier rounds had
    partly unchanged, partly changed, partly gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = folder / f"group{number % 5}" / f"note{number:03}.{'md' if number % 3 else 'txt'}"
        path.parent.mkdir(exist_ok=True)
        lot = chance.random()
        if lot < 0.08:
            path.unlink(missing_ok=True)
        elif lot < 0.45 or not path.exists():
            length = chance.randint(150, 220) if number % 20 == 7 else chance.randint(2, 12)
            body = [chance.choice(sentences) for _ in range(length)]
            paragraphs = ["  ".join(body[start : start + 6]) for start in range(0, len(body), 6)]
            path.write_text(f"# Note {number}\n\n" + "\n\n".join(paragraphs) + "\n", encoding="utf-8")


def sentences_of(folder: Path) -> list[str]:
    """Sentences to write documents with, from the handbook."""
    text = " ".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md")))
    return [part.strip() for part in text.replace("\n", " ").split(". ") if 40 < len(part) < 250 and "`" not in part]


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
