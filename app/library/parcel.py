"""A library as one file, to be moved to another machine: the format, written and read as a stream.

A parcel is gzip over JSON lines. The first is the head: {"sluice_library": 1, "name", "embedder", "dimension",
"chunker", "documents", "chunks", "floor", "made_at"}. Then for each document one line {"document": {...}} and one for
each of its chunks, {"chunk": {...}, "vector": base64 of little-endian float32}. The last line is {"end": {"documents",
"chunks", "sha256"}}, the digest being that of all lines before it. There are no paths in it that anything is written
to, and nothing in it is ever executed: reading checks every value and gives plain documents.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from app.domain import Chunk, Document, Scalar
from app.errors import LibraryDamaged
from app.ports import Vectors

VERSION = 1
_LONGEST_LINE = 16 << 20  # bytes: a chunk has some thousand; more is no parcel
_LARGEST_DOCUMENT = 2 << 30  # bytes of lines: it is held in memory whole
_LONGEST_VECTOR = 1.001  # libraries hold them at length 1
_MOST_DIMENSIONS = 65_536
_LEVEL = 1  # vectors hardly pack, and text packs well enough


@dataclass(frozen=True, slots=True)
class Head:
    """What a parcel says of itself before anything else."""

    name: str
    embedder: str
    dimension: int
    chunker: str
    documents: int
    chunks: int
    floor: tuple[float, ...]
    made_at: str


@dataclass(frozen=True, slots=True)
class Packed:
    """One document with its chunks, their vectors (shape (chunks, dimension)) and its recipe."""

    document: Document
    recipe: str
    chunks: tuple[Chunk, ...]
    vectors: Vectors


class ParcelWriter:
    """Writes a parcel into an open file. `finish` makes it whole."""

    def __init__(self, out: IO[bytes], head: Head) -> None:
        self._zip = gzip.GzipFile(filename="", mode="wb", fileobj=out, compresslevel=_LEVEL, mtime=0)
        self._hash = hashlib.sha256()
        self._documents = self._chunks = 0
        about = {field: getattr(head, field) for field in Head.__dataclass_fields__}
        self._write({"sluice_library": VERSION, **about})

    def add(self, packed: Packed) -> None:
        document = packed.document
        self._write(
            {
                "document": {
                    "id": document.id, "title": document.title, "uri": document.uri, "format": document.format,
                    "content_hash": document.content_hash, "metadata": dict(document.metadata),
                    "recipe": packed.recipe, "chunks": len(packed.chunks),
                }
            }
        )  # fmt: skip
        for chunk, vector in zip(packed.chunks, packed.vectors, strict=True):
            about = {
                "id": chunk.id, "ordinal": chunk.ordinal, "text": chunk.text, "title": chunk.title,
                "section": list(chunk.section), "page": chunk.page, "tokens": chunk.tokens,
                "metadata": dict(chunk.metadata),
            }  # fmt: skip
            self._write({"chunk": about, "vector": base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")})
        self._documents += 1
        self._chunks += len(packed.chunks)

    def finish(self) -> None:
        said = {"documents": self._documents, "chunks": self._chunks, "sha256": self._hash.hexdigest()}
        self._write({"end": said})
        self._zip.close()

    def _write(self, value: Mapping[str, object]) -> None:
        line = json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
        self._hash.update(line)
        self._zip.write(line)


class ParcelReader:
    """Reads a parcel, a document at a time. Everything that is off raises LibraryDamaged; the end is checked too, so
    whoever has read to it has read what was written."""

    def __init__(self, source: IO[bytes], path: Path) -> None:
        self.path = path
        self._zip = gzip.GzipFile(fileobj=source, mode="rb")
        self._hash = hashlib.sha256()
        self._number = self._read = 0
        self.head = self._head(self._line())

    def documents(self) -> Iterator[Packed]:
        """Until the end of the parcel, which is checked. Raises LibraryDamaged."""
        documents = chunks = 0
        while True:
            before = self._hash.hexdigest()
            line = self._line()
            if "end" in line:
                end = {"documents": documents, "chunks": chunks, "sha256": before}
                if line["end"] != end:
                    raise self._off("its end does not fit what comes before: it was cut or changed")
                if self._rest():
                    raise self._off("something follows its end")
                return
            packed = self._packed(line)
            documents, chunks = documents + 1, chunks + len(packed.chunks)
            if documents > self.head.documents or chunks > self.head.chunks:
                raise self._off("it holds more than it says")
            yield packed

    def _packed(self, line: Mapping[str, Any]) -> Packed:
        about = self._object(line, "document")
        count = self._whole(about, "chunks")
        if count > self.head.chunks:
            raise self._off("it holds more than it says")
        document = Document(
            self._text(about, "id"),
            self._text(about, "title"),
            self._text(about, "uri"),
            self._text(about, "format"),
            self._text(about, "content_hash"),
            self._metadata(about),
        )
        chunks, vectors = [], []
        began = self._read
        for _ in range(count):
            said = self._line()
            if self._read - began > _LARGEST_DOCUMENT:
                raise self._off("a document in it is too large to be one")
            chunks.append(self._chunk(self._object(said, "chunk"), document.id))
            vectors.append(self._vector(self._text(said, "vector")))
        matrix = np.array(vectors, dtype=np.float32).reshape(count, self.head.dimension)
        return Packed(document, self._text(about, "recipe"), tuple(chunks), matrix)

    def _chunk(self, about: Mapping[str, Any], document_id: str) -> Chunk:
        section = about.get("section")
        if not isinstance(section, list) or not all(isinstance(part, str) for part in section):
            raise self._off("a section path is off")
        return Chunk(
            id=self._text(about, "id"),
            document_id=document_id,
            text=self._text(about, "text"),
            title=self._text(about, "title"),
            ordinal=self._whole(about, "ordinal"),
            tokens=self._whole(about, "tokens"),
            section=tuple(section),
            page=None if about.get("page") is None else self._whole(about, "page"),
            metadata=self._metadata(about),
        )

    def _vector(self, packed: str) -> Vectors:
        try:
            raw = base64.b64decode(packed, validate=True)
        except ValueError as error:
            raise self._off("a vector cannot be read") from error
        if len(raw) != 4 * self.head.dimension:
            raise self._off("a vector has another length")
        vector = np.frombuffer(raw, dtype="<f4")
        if not np.isfinite(vector).all():
            raise self._off("a vector holds NaN or infinity")
        if np.abs(vector).max() > _LONGEST_VECTOR:
            raise self._off("a vector is longer than 1")
        return vector.astype(np.float32)

    def _head(self, line: Mapping[str, Any]) -> Head:
        version = line.get("sluice_library")
        if version != VERSION:
            why = (
                "it is no library" if not isinstance(version, int) else f"its format is {version}, this Sluice reads 1"
            )
            raise self._off(why)
        floor = line.get("floor")
        if not isinstance(floor, list) or not all(isinstance(each, int | float) for each in floor):
            raise self._off("its floor is off")
        dimension = self._whole(line, "dimension")
        if not 0 < dimension <= _MOST_DIMENSIONS:
            raise self._off(f"vectors of {dimension} numbers")
        return Head(
            self._text(line, "name"),
            self._text(line, "embedder"),
            dimension,
            self._text(line, "chunker"),
            self._whole(line, "documents"),
            self._whole(line, "chunks"),
            tuple(map(float, floor)),
            self._text(line, "made_at"),
        )

    # -- values, each checked ----------------------------------------------------------------------

    def _line(self) -> dict[str, Any]:
        self._number += 1
        try:
            line = self._zip.readline(_LONGEST_LINE)
            if not line.endswith(b"\n"):
                raise self._off("it ends in the middle" if len(line) < _LONGEST_LINE else "a line is too long")
            value = json.loads(line.decode("utf-8"), parse_constant=self._constant)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            other = self._number == 1 and isinstance(error, gzip.BadGzipFile)
            raise self._off("it is no exported library" if other else f"it cannot be unpacked ({error})") from error
        except (ValueError, RecursionError) as error:
            raise self._off("a line is not JSON") from error
        self._hash.update(line)
        self._read += len(line)
        if not isinstance(value, dict):
            raise self._off("a line is no object")
        return value

    def _rest(self) -> bytes:
        try:
            return self._zip.read(1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self._off(f"it cannot be unpacked to its end ({error})") from error

    def _constant(self, name: str) -> float:
        raise self._off(f"{name} is no value")

    def _object(self, line: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = line.get(key)
        if not isinstance(value, dict):
            raise self._off(f"a {key} is missing")
        return value

    def _text(self, about: Mapping[str, Any], key: str) -> str:
        value = about.get(key)
        if not isinstance(value, str) or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise self._off(f"{key} is no text")
        return value

    def _whole(self, about: Mapping[str, Any], key: str) -> int:
        value = about.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
            raise self._off(f"{key} is no number")
        return value

    def _metadata(self, about: Mapping[str, Any]) -> dict[str, Scalar]:
        value = self._object(about, "metadata")
        for key, each in value.items():
            if not isinstance(each, str | int | float | bool) or (isinstance(each, float) and not math.isfinite(each)):
                raise self._off(f"the metadata {key!r} is no text, number or truth value")
        return cast(dict[str, Scalar], dict(value))

    def _off(self, why: str) -> LibraryDamaged:
        return LibraryDamaged(
            f"{self.path} cannot be read in: {why} (line {self._number}). Nothing was changed",
            hint="Make it anew where the library is (sluice library export NAME FILE), and copy it whole.",
        )
