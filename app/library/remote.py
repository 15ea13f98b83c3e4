"""A reader without the catalogue: dense search on a Chroma server only, and it says so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from app.domain import Chunk, Condition, Filter, LibraryInfo, Metadata, Scalar
from app.errors import LibraryNotFound, UsageError
from app.library import exact
from app.library.catalogue import LIVE, Generation, Manifest, check_embedder
from app.library.places import Places
from app.library.rows import CHUNK_COLUMNS, CHUNK_TABLES, chunk_of
from app.library.server import TIMEOUT, Entry, Server, speaking
from app.library.vectors import cosine
from app.ports import Lexical, Vectors

_FIELD = "m:"  # before the names of metadata fields, so that they cannot meet ours
_BUILT_IN = ("document", "format", "uri")


def about(manifest: Manifest, generation: Generation) -> dict[str, Scalar]:
    """What a collection says about the library it holds."""
    return {
        "library_id": manifest.id,
        "embedder_id": manifest.embedder_id,
        "dimension": manifest.dimension,
        "documents": generation.documents,
        "chunks": generation.chunks,
        "floor": json.dumps(generation.floor),
    }


def entries(connection: Any, generation: int, dimension: int) -> Iterator[Entry]:
    """All chunks that a generation sees, as the server is to hold them."""
    columns = f"c.row, v.vector, d.title, d.format, d.uri, d.metadata, {CHUNK_COLUMNS}"
    rows = connection.execute(
        f"SELECT {columns} FROM {CHUNK_TABLES} JOIN vectors v ON v.chunk = c.row WHERE {LIVE.format('c')}",
        {"generation": generation},
    )
    for row, blob, title, form, uri, document_metadata, *columns_of_chunk in rows:
        chunk = chunk_of(tuple(columns_of_chunk))
        fields: Metadata = {**json.loads(document_metadata), **chunk.metadata}
        metadata: dict[str, Scalar] = {
            "row": row,
            "document_id": chunk.document_id,
            "document": title,
            "format": form,
            "uri": uri,
            "title": chunk.title,
            "ordinal": chunk.ordinal,
            "tokens": chunk.tokens,
            "section": json.dumps(chunk.section, ensure_ascii=False),
            "own": json.dumps(dict(chunk.metadata), ensure_ascii=False),
            **{f"{_FIELD}{name}": value for name, value in fields.items() if value is not None},
        }
        if chunk.page is not None:
            metadata["page"] = chunk.page
        yield Entry(chunk.id, chunk.text, metadata, np.frombuffer(blob, dtype=np.float32).reshape(dimension))


def _newest(places: Places, url: str, timeout: float) -> Any:
    collection = Server(url, places.name, timeout).newest()
    if collection is None:
        raise LibraryNotFound(
            f"There is no library {places.name!r} here or on the Chroma server at {url}",
            hint=f"CHROMA_URL={url} sluice ingest PATH --library {places.name}",
        )
    return collection


def newest_stamp(places: Places, url: str, timeout: float = TIMEOUT) -> str:
    """Identifies the collection that a `RemoteReader` would open now. Raises LibraryNotFound, ProviderError."""
    held = _newest(places, url, timeout).metadata
    return f"{held['library_id']}/{held['generation']}"


class RemoteReader:
    """A LibraryReader over one complete collection of a server. Pinned: a collection never changes once complete."""

    def __init__(self, places: Places, url: str, embedder_id: str, timeout: float = TIMEOUT) -> None:
        """Raises LibraryNotFound, EmbedderMismatch, ProviderError."""
        collection = _newest(places, url, timeout)
        held = collection.metadata
        check_embedder(places, Manifest("", held["embedder_id"], held["dimension"], "", ""), embedder_id)
        self._url = url
        self._collection = collection
        self._info = LibraryInfo(
            places.name,
            held["generation"],
            held["documents"],
            held["chunks"],
            held["embedder_id"],
            tuple(json.loads(held["floor"])),
        )

    @property
    def info(self) -> LibraryInfo:
        return self._info

    @property
    def has_lexical(self) -> bool:
        return False

    def dense(self, vector: Vectors, k: int, where: Filter) -> list[tuple[str, float]]:
        """See `LibraryReader.dense`. Raises UsageError for a filter that needs the catalogue, ProviderError."""
        if k <= 0 or self._info.chunks == 0:
            return []
        with speaking(self._url):
            found = self._collection.query(
                query_embeddings=[exact.unit(vector)], n_results=k, where=_where(where), include=["distances"]
            )
        return [(i, cosine(distance)) for i, distance in zip(found["ids"][0], found["distances"][0], strict=True)]

    def lexical(self, question: str, k: int, where: Filter) -> Lexical:
        """Nothing: the words lie in the catalogue."""
        return Lexical({}, {}, (), 0.0)

    def bm25(self, question: str, chunk_ids: Sequence[str]) -> Lexical:
        """Nothing: the words lie in the catalogue."""
        return Lexical({}, {}, (), 0.0)

    def cosines(self, vector: Vectors, chunk_ids: Sequence[str]) -> dict[str, float]:
        found = self._get(chunk_ids, "embeddings")
        asked = exact.unit(vector)
        return {
            chunk_id: float(np.clip(exact.unit(np.asarray(held, np.float32)) @ asked, -1.0, 1.0))
            for chunk_id, held in zip(found["ids"], found["embeddings"], strict=True)
        }

    def chunks(self, chunk_ids: Sequence[str]) -> dict[str, Chunk]:
        found = self._get(chunk_ids, "documents", "metadatas")
        held = {chunk.id: chunk for chunk in _chunks(found)}
        return {chunk_id: held[chunk_id] for chunk_id in chunk_ids if chunk_id in held}

    def around(self, chunk_id: str, reach: int = 1) -> tuple[Chunk, ...]:
        me = self.chunks([chunk_id]).get(chunk_id)
        if me is None:
            return ()
        near = {"$and": [{"document_id": me.document_id}, {"ordinal": {"$gte": me.ordinal - reach}}]}
        near["$and"].append({"ordinal": {"$lte": me.ordinal + reach}})
        with speaking(self._url):
            found = self._collection.get(where=near, include=["documents", "metadatas"])
        return tuple(sorted(_chunks(found), key=lambda chunk: chunk.ordinal))

    def close(self) -> None:
        """Nothing to let go."""

    def _get(self, chunk_ids: Sequence[str], *include: str) -> Mapping[str, Any]:
        if not chunk_ids:
            return {"ids": [], "embeddings": [], "documents": [], "metadatas": []}
        with speaking(self._url):
            found: Mapping[str, Any] = self._collection.get(ids=list(dict.fromkeys(chunk_ids)), include=list(include))
        return found


def _chunks(found: Mapping[str, Any]) -> Iterator[Chunk]:
    for chunk_id, text, held in zip(found["ids"], found["documents"], found["metadatas"], strict=True):
        yield Chunk(
            id=chunk_id,
            document_id=held["document_id"],
            text=text,
            title=held["title"],
            ordinal=held["ordinal"],
            tokens=held["tokens"],
            section=tuple(json.loads(held["section"])),
            page=held.get("page"),
            metadata=json.loads(held["own"]),
        )


def _where(where: Filter) -> dict[str, Any] | None:
    """The filter in Chroma's words."""
    tests = [_test(condition) for condition in where]
    return None if not tests else tests[0] if len(tests) == 1 else {"$and": tests}


def _test(condition: Condition) -> dict[str, Any]:
    field = condition.field if condition.field in _BUILT_IN else f"{_FIELD}{condition.field}"
    if condition.op == "in":
        same = [{field: {"$eq": form}} for value in condition.values for form in _forms(value)]
        return same[0] if len(same) == 1 else {"$or": same}
    numbers = [form for form in _forms(condition.values[0]) if not isinstance(form, str | bool)]
    if not numbers:
        raise UsageError(
            f"A Chroma server compares numbers only, not {condition.field} {condition.op} {condition.values[0]!r}",
            hint="Ask where the library's catalogue lies, or list the values: field=a,b,c",
        )
    operator = "$gte" if condition.op == ">=" else "$lte"
    return {"$or": [{field: {operator: number}} for number in numbers]}


def _forms(value: Scalar) -> list[Scalar]:
    """The ways a value may have been stored: "2023" as text, whole number or float."""
    if isinstance(value, bool):
        return [value, "true" if value else "false"]
    forms: list[Scalar] = [str(value)]
    try:
        number = float(value)
    except ValueError:
        if value in ("true", "false"):
            forms.append(value == "true")
        return forms
    if number.is_integer():
        forms.append(int(number))
    return [*forms, number]
