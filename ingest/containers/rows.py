"""Tables of more rows than one document should hold: a part of so many rows each, so that memory stays steady and
added rows leave the earlier parts unchanged."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.errors import DocumentError
from ingest.containers.members import Listing, Member
from ingest.limits import Limits
from ingest.load.delimited import starts_with_header
from ingest.load.records import part_name

LONG = 8 << 20  # bytes: a shorter table is one document, if it has not many rows
MANY = 20_000  # rows
ROWS = 5_000  # of a part: a document is written whole, so a run that is killed loses what was embedded of one
_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson")
_SAMPLE = 1 << 16
_LONGEST_ROW = 4 << 20


def is_long(path: Path) -> bool:
    """Whether this is a table above 8 MB, or of more than about 20,000 rows, in an encoding whose line ends are single
    bytes."""
    if not path.name.lower().endswith(_ENDINGS):
        return False
    try:
        size = path.stat().st_size
        if size <= _SAMPLE:
            return False
        with path.open("rb") as file:
            sample = file.read(_SAMPLE)
    except OSError:
        return False  # reading it as a file will name the reason
    long = size > LONG or size / len(sample) * sample.count(b"\n") > MANY
    return long and b"\0" not in sample and not sample.startswith((b"\xff\xfe", b"\xfe\xff"))


@dataclass(frozen=True, slots=True)
class _Part:
    first: int
    last: int
    start: int
    end: int


def listing(path: Path, limits: Limits) -> Listing:
    """The parts as members. Raises DocumentError for a file above the size limit."""
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise DocumentError(
            f"larger than {limits.file_bytes >> 20} MB ({size >> 20} MB)", hint="Split it into smaller files."
        )
    _, parts = _parts(str(path), path.stat().st_mtime_ns)
    return Listing(tuple(Member(part_name(path.name, p.first, p.last), p.end - p.start) for p in parts))


def content(path: Path, name: str, limits: Limits) -> bytes:
    """One part's rows below the table's header line."""
    listing(path, limits)  # the file may have grown past the limit since
    header, parts = _parts(str(path), path.stat().st_mtime_ns)
    for part in parts:
        if part_name(path.name, part.first, part.last) == name:
            with path.open("rb") as file:
                file.seek(part.start)
                body = file.read(part.end - part.start)
            return body if part.start < len(header) else header + body
    raise DocumentError("it vanished before it was read", hint="Run the same command again.")


@functools.lru_cache(maxsize=1)
def _parts(path: str, _changed: int) -> tuple[bytes, tuple[_Part, ...]]:
    """The header's bytes, and where each part lies in the file; a row is never cut."""
    found: list[_Part] = []
    quotes = path.lower().endswith((".csv", ".tsv"))
    header = b""
    first, row, start, at = 1, 0, 0, 0
    with Path(path).open("rb") as file:
        has_header = quotes and starts_with_header(path, file.read(_SAMPLE))
        file.seek(0)
        for record in _records(file, quotes):
            if at == 0 and has_header:
                header = record
            else:
                row += 1
            at += len(record)
            if at - start >= LONG or row - first + 1 >= ROWS:
                found.append(_Part(first, row, start, at))
                first, start = row + 1, at
        if at > start:
            found.append(_Part(first, row, start, at))
    return header, tuple(found)


def _records(file: IO[bytes], quotes: bool) -> Iterator[bytes]:
    """Lines; with `quotes`, lines joined while a quote is open. A quote that never closes ends after 4 MB."""
    record: list[bytes] = []  # joined once: a quote left open may gather a million lines
    size = 0
    open_quote = False
    while line := file.readline(_LONGEST_ROW):
        record.append(line)
        size += len(line)
        if quotes and line.count(b'"') % 2:
            open_quote = not open_quote
        if (not open_quote and line.endswith(b"\n")) or size >= _LONGEST_ROW:
            yield b"".join(record)
            record, size, open_quote = [], 0, False
    if record:
        yield b"".join(record)
