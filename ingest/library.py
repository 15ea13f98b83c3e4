"""The library a run fills: opened for writing, asked the off-topic questions when it changed, closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.calibration.floor import measure_floor
from app.library import open_reader, open_writer
from app.ports import Embedder, LibraryWriter
from app.settings import Settings
from ingest.identity import CHUNKER


@contextmanager
def filling(settings: Settings, embedder: Embedder) -> Iterator[LibraryWriter]:
    """The library `settings.library`, created where it does not exist, locked against a second ingest until closed.

    Raises LibraryLocked, EmbedderMismatch or LibraryDamaged.
    """
    writer = open_writer(
        settings.libraries_dir,
        settings.library,
        embedder_id=embedder.id,
        dimension=embedder.dimension,
        chunker=CHUNKER,
        chroma_url=settings.chroma_url,
    )
    try:
        before = writer.info.generation
        yield writer
        if writer.info.generation != before or not writer.info.floor:
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
