"""Vectors on a Chroma server: one collection a base, with texts, so that readers without the catalogue can search.

A collection is filled and checked before its metadata says `complete`; readers take the newest complete one. The one
before it stays for readers that still use it. Chroma's own client waits for ever: here every call has a limit.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from app.counting import counted
from app.domain import Scalar
from app.errors import ProviderBroken, ProviderTimeout, ProviderUnreachable, SluiceError
from app.library.exact import Hits
from app.library.filters import Rows
from app.library.vectors import HNSW, IndexUnreadable, cosine, in_order
from app.ports import Vectors

TIMEOUT = 10.0  # seconds a call may take
_BATCH = 200
_PAGE = 300  # entries asked for at once: Chroma Cloud gives no more


@dataclass(frozen=True, slots=True)
class Entry:
    """One chunk as the server holds it."""

    chunk_id: str
    text: str
    metadata: Mapping[str, Scalar]
    vector: Vectors


def connect(url: str, timeout: float = TIMEOUT) -> Any:
    """A client of the server at `url`. Raises ProviderUnreachable, ProviderTimeout or ProviderBroken."""
    parts = urlsplit(url)
    with speaking(url):
        # Chroma's constructor already calls the server, without a limit: ask first with one
        with urllib.request.urlopen(f"{url}/api/v2/heartbeat", timeout=timeout) as answer:
            answer.read()
        import chromadb
        from chromadb.config import Settings

        client = chromadb.HttpClient(
            host=parts.hostname or "localhost",
            port=parts.port or (443 if parts.scheme == "https" else 80),
            ssl=parts.scheme == "https",
            settings=Settings(anonymized_telemetry=False),
        )
        client._server._session.timeout = timeout  # there is no public way to set it
    return client


@contextmanager
def speaking(url: str) -> Iterator[None]:
    """Turn the errors of a call into ours."""
    import httpx  # Chroma's own transport
    from chromadb.errors import ChromaError

    hint = f"Is it running? curl {url}/api/v2/heartbeat  (or unset CHROMA_URL to keep the vectors here)"
    late = f"The Chroma server at {url} did not answer in time"
    try:
        yield
    except (TimeoutError, httpx.TimeoutException) as error:
        raise ProviderTimeout(late, hint=hint) from error
    except (urllib.error.HTTPError, http.client.HTTPException, httpx.HTTPStatusError, ChromaError, ValueError) as error:
        raise ProviderBroken(f"The Chroma server at {url} failed: {error}", hint=hint) from error
    except (OSError, httpx.TransportError) as error:
        if isinstance(getattr(error, "reason", None), TimeoutError):  # urllib wraps it
            raise ProviderTimeout(late, hint=hint) from error
        raise ProviderUnreachable(f"The Chroma server at {url} cannot be reached: {error}", hint=hint) from error


class Server:
    """The collections of one library on a Chroma server."""

    def __init__(self, url: str, library: str, timeout: float = TIMEOUT) -> None:
        self.url = url
        self.library = library
        self._client = connect(url, timeout)

    def collections(self) -> list[tuple[int, Any]]:
        """(generation, collection) of this library, newest first; unfinished ones too."""
        with speaking(self.url):
            found = [
                (int(each.metadata["generation"]), each)
                for each in self._client.list_collections(limit=1000)
                if each.metadata and each.metadata.get("sluice_library") == self.library
            ]
        return sorted(found, key=lambda pair: -pair[0])

    def newest(self) -> Any | None:
        """The newest complete collection, None where there is none."""
        return next((found for _, found in self.collections() if found.metadata["complete"]), None)

    def upload(self, generation: int, about: Mapping[str, Scalar], entries: Iterator[Entry]) -> None:
        """Fill a new collection, count it, declare it complete, and remove all but the one before it.

        `about` is kept in the collection's metadata. Raises ProviderError; the collections before stay as they were.
        """
        name = f"sluice-{self.library}-{generation}"
        metadata = {**about, "sluice_library": self.library, "generation": generation}
        earlier = self.collections()
        with speaking(self.url):
            if any(found.name == name for _, found in earlier):
                self._client.delete_collection(name)
            collection = self._client.create_collection(
                name,
                metadata={**metadata, "complete": False},
                configuration={"hnsw": HNSW},
                embedding_function=None,
            )
            sent = 0
            batch: list[Entry] = []
            for entry in entries:
                batch.append(entry)
                if len(batch) == _BATCH:
                    sent += _send(collection, batch)
                    batch = []
            sent += _send(collection, batch)
            if collection.count() != sent:
                raise ProviderBroken(
                    f"The Chroma server at {self.url} holds {collection.count()} of {counted(sent, 'chunk')}",
                    hint="Try again: sluice ingest PATH",
                )
            collection.modify(metadata={**metadata, "complete": True})
            same = [c for _, c in earlier if c.metadata.get("library_id") == about.get("library_id") and c.name != name]
            keep = next((c.name for c in same if c.metadata["complete"]), None)
            for _, old in earlier:
                if old.name not in (name, keep):
                    self._client.delete_collection(old.name)

    def describe(self, generation: int, about: Mapping[str, Scalar]) -> None:
        """Replace what the collection of a generation says about itself, where there is one."""
        for number, found in self.collections():
            if number == generation and found.metadata["complete"]:
                kept = {"sluice_library": self.library, "generation": generation, "complete": True}
                with speaking(self.url):
                    found.modify(metadata={**about, **kept})

    def remove(self) -> None:
        """Delete all collections of this library."""
        for _, found in self.collections():
            with speaking(self.url):
                self._client.delete_collection(found.name)


def _send(collection: Any, batch: Sequence[Entry]) -> int:
    if batch:
        collection.add(
            ids=[entry.chunk_id for entry in batch],
            embeddings=np.stack([entry.vector for entry in batch]),
            documents=[entry.text for entry in batch],
            metadatas=[dict(entry.metadata) for entry in batch],
        )
    return len(batch)


class ServerBase:
    """The base of a generation on a server, for a reader that has the catalogue: it gives rows, as an embedded one."""

    def __init__(self, url: str, library: str, library_id: str, generation: int, timeout: float = TIMEOUT) -> None:
        """Raises IndexUnreadable where the server has no such base, or cannot be asked."""
        try:
            found = [
                collection
                for number, collection in Server(url, library, timeout).collections()
                if number == generation and collection.metadata["complete"]
            ]
        except SluiceError as error:
            raise IndexUnreadable(error.message) from error
        if not found or found[0].metadata.get("library_id") != library_id:
            raise IndexUnreadable(f"{url} has no base {generation} of library {library!r}")
        self._url = url
        self._collection = found[0]

    def nearest(self, vector: Vectors, k: int) -> Hits:
        """See `EmbeddedBase.nearest`."""
        try:
            with speaking(self._url):
                found = self._collection.query(
                    query_embeddings=[vector], n_results=k, include=["distances", "metadatas"]
                )
        except SluiceError as error:
            raise IndexUnreadable(error.message) from error
        pairs = zip(found["metadatas"][0], found["distances"][0], strict=True)
        return [(int(metadata["row"]), cosine(distance)) for metadata, distance in pairs]

    def rows(self) -> set[int]:
        """All rows it holds. Raises IndexUnreadable."""
        return set(self._entries("metadatas")[0].tolist())

    def stored(self, rows: Rows) -> tuple[Rows, Vectors]:
        """See `EmbeddedBase.stored`."""
        held, vectors = self._entries("metadatas", "embeddings", rows=rows.tolist())
        return in_order(held.tolist(), vectors)

    def _entries(self, *include: str, rows: list[int] | None = None) -> tuple[Rows, Any]:
        """Of these rows, or all: (row numbers, their vectors where included), asked for a page at a time."""
        numbers: list[int] = []
        vectors: list[Any] = []
        pages = range(0, self._count(), _PAGE) if rows is None else range(0, len(rows), _PAGE)
        for start in pages:
            which: dict[str, Any] = {"limit": _PAGE, "offset": start}
            if rows is not None:
                which = {"where": {"row": {"$in": rows[start : start + _PAGE]}}}
            try:
                with speaking(self._url):
                    found = self._collection.get(**which, include=list(include))
            except SluiceError as error:
                raise IndexUnreadable(error.message) from error
            numbers += [int(metadata["row"]) for metadata in found["metadatas"]]
            vectors += [] if "embeddings" not in include else list(found["embeddings"])
        return np.array(numbers, dtype=np.int64), vectors

    def _count(self) -> int:
        try:
            with speaking(self._url):
                return int(self._collection.count())
        except SluiceError as error:
            raise IndexUnreadable(error.message) from error

    def close(self) -> None:
        """Nothing to let go: the server keeps the collection until two newer ones are complete."""
