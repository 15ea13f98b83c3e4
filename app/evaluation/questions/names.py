"""Finding a document by what a person calls it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath

from app.domain import Chunk
from app.library.contents import Contents


class Names:
    """The documents of a library by id, uri, the end of a uri, file name, title, and file name without its ending."""

    def __init__(self, contents: Contents) -> None:
        self._chunks: dict[str, list[Chunk]] = defaultdict(list)
        self._titled: dict[str, list[Chunk]] = defaultdict(list)
        for chunk in contents.chunks:
            self._chunks[chunk.document_id].append(chunk)
            if chunk.metadata.get("row") is not None:
                self._titled[_folded(chunk.title)].append(chunk)
        self._uris = {document.id: document.uri for document in contents.documents}
        self._kinds: list[dict[str, list[str]]] = [defaultdict(list) for _ in range(4)]
        for document in contents.documents:
            path = PurePosixPath(document.uri.replace("\\", "/"))
            for kind, name in zip(self._kinds, (document.uri, path.name, document.title, path.stem), strict=True):
                kind[_folded(name)].append(document.id)

    def chunks(self, name: str, row: int | None = None) -> tuple[tuple[Chunk, ...], str]:
        """The chunks of the document called so (of one row where given), or none and why, in words.

        What matches in an earlier way (id, uri, end of the uri, file name, title, name without ending, title of a row)
        wins over what matches in a later one.
        """
        document, note = self.document(name)
        if document is None:
            titled = () if row is not None or self._documents(name) else self._titled.get(_folded(name), ())
            return tuple(titled), "" if titled else note
        chunks = tuple(c for c in self._chunks[document] if row is None or c.metadata.get("row") == row)
        if not chunks:
            return (), f"{name!r} has no row {row}" if row is not None else f"{name!r} has no chunks"
        return chunks, ""

    def document(self, name: str) -> tuple[str | None, str]:
        """The id of the document called so, in the ways of `chunks` but for titles of rows; or None and why."""
        ids = self._documents(name)
        if len(ids) > 1:
            some = ", ".join(self._uris[i] for i in ids[:3])
            return None, f"several documents are called {name!r} ({some}); name it by its path or id"
        return (ids[0], "") if ids else (None, f"no document is called {name!r}")

    def _documents(self, name: str) -> list[str]:
        if name in self._uris:
            return [name]
        wanted = _folded(name)
        uris, *others = self._kinds
        if wanted in uris:
            return uris[wanted]
        if "/" in wanted:
            ending = "/" + wanted.lstrip("./")
            return [document for uri, documents in uris.items() if uri.endswith(ending) for document in documents]
        return next((kind[wanted] for kind in others if wanted in kind), [])


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
