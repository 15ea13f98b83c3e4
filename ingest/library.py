"""The library a run fills: opened for writing, asked the off-topic questions when it changed, closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.calibration.floor import measure_floor
from app.library import open_reader, open_writer
from app.library.turns import Waiting
from app.ports import Embedder, LibraryWriter
from app.settings import Settings
from ingest.identity import CHUNKER


@contextmanager
def filling(
    settings: Settings,
    embedder: Embedder,
    *,
    doing: str = "ingest",
    wait_seconds: float = 0.0,
    waiting: Waiting | None = None,
    chunker: str = CHUNKER,
) -> Iterator[LibraryWriter]:
    """The library `settings.library`, created where it does not exist, locked against a second ingest until closed.

    Another process that writes it is waited for (see `app.library.open_writer`).
    Raises LibraryLocked, EmbedderMismatch or LibraryDamaged.
    """
    writer = open_writer(
        settings.libraries_dir,
        settings.library,
        embedder_id=embedder.id,
        dimension=embedder.dimension,
        chunker=chunker,
        chroma_url=settings.chroma_url,
        wait_seconds=wait_seconds,
        doing=doing,
        waiting=waiting,
    )
    try:
        yield writer
        if not writer.floor_is_measured:  # a run that was killed before it came to that left it to this one
            _set_floor(writer, settings, embedder)
    finally:
        writer.close()


def _set_floor(writer: LibraryWriter, settings: Settings, embedder: Embedder) -> None:
    reader = open_reader(
        settings.libraries_dir, settings.library, embedder_id=embedder.id, chroma_url=settings.chroma_url
    )
    try:
        floor = measure_floor(reader, embedder)
    finally:
        reader.close()
    if floor:
        writer.set_floor(floor)
