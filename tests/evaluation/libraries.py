"""A library in memory, for labels whose chunks one can work out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain import Chunk, Document, LibraryInfo
from app.library.contents import Contents

COPY = "This policy was approved by the board and replaces every earlier version of itself."


def contents(texts: Mapping[str, Sequence[str]], *, records: Sequence[str] = ()) -> Contents:
    """Document path -> the texts of its chunks, in order; chunk ids are `path:0`, `path:1`, ... Those named in
    `records` are made of rows: a chunk that begins with "+" belongs to the row before it."""
    documents, chunks = [], []
    for uri, pieces in texts.items():
        name = uri.rpartition("/")[2]
        documents.append(Document(uri, name.partition(".")[0].title(), f"/docs/{uri}", "markdown", "hash"))
        row = 0
        for place, text in enumerate(pieces):
            row += not text.startswith("+")
            metadata = {"row": row} if uri in records else {}
            title = f"Row {row} of {name}" if uri in records else documents[-1].title
            chunks.append(Chunk(f"{uri}:{place}", uri, text.lstrip("+"), title, place, 40, metadata=metadata))
    return Contents(LibraryInfo("made", 3, len(documents), len(chunks), "fake"), tuple(documents), tuple(chunks))
