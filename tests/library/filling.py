"""Small documents with vectors one can tell apart, and writers and readers of libraries made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from app.domain import Chunk, Document, Scalar
from app.library import open_reader, open_writer
from app.library.reader import CatalogueReader
from app.library.writer import CatalogueWriter
from app.ports import Vectors

DIMENSION = 16
EMBEDDER = "test/letters"


def document(name: str, *, title: str = "", metadata: Mapping[str, Scalar] | None = None) -> Document:
    return Document(name, title or f"Title of {name}", f"/docs/{name}.md", "md", f"hash-{name}", metadata or {})


def chunk(of: Document, ordinal: int, text: str, *, version: str = "", **values: object) -> Chunk:
    chunk_id = f"{of.id}{version}-{ordinal}"
    return Chunk(chunk_id, of.id, text, of.title, ordinal, tokens=10, **values)  # type: ignore[arg-type]


def vectors(seed: int, count: int, dimension: int = DIMENSION) -> Vectors:
    """Unit rows around a few centres, as the vectors of texts lie."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(12, dimension))
    rows = centres[rng.integers(0, 12, size=count)] + 0.4 * rng.normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def add(
    writer: CatalogueWriter,
    name: str,
    *texts: str,
    seed: int = 0,
    version: str = "",
    recipe: str = "r1",
    metadata: Mapping[str, Scalar] | None = None,
) -> Vectors:
    """Store a document with one chunk a text; returns its vectors."""
    of = document(name, metadata=metadata)
    matrix = vectors(seed, len(texts))
    chunks = [chunk(of, ordinal, text, version=version) for ordinal, text in enumerate(texts)]
    writer.replace(of, chunks, matrix, recipe)
    return matrix


def writer_of(directory: Path, name: str = "lib", **values: object) -> CatalogueWriter:
    given = {"embedder_id": EMBEDDER, "dimension": DIMENSION, "chunker": "test/1", **values}
    return open_writer(directory, name, **given)  # type: ignore[arg-type]


def reader_of(directory: Path, name: str = "lib", embedder_id: str = EMBEDDER) -> CatalogueReader:
    reader = open_reader(directory, name, embedder_id=embedder_id)
    assert isinstance(reader, CatalogueReader)
    return reader
