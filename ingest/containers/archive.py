"""ZIP and tar archives (gzip, bzip2, xz), and single files packed with one of these. Read in memory, with limits."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from app.errors import DocumentError
from ingest.containers.members import MARK, UNPACK, Listing, Member, Tally, tidy_name
from ingest.limits import Limits

_ZIP = (".zip",)
_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
_PACKED = (".gz", ".bz2", ".xz")
_FAULTS = (
    OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError, tarfile.TarError,
    zipfile.BadZipFile, KeyError, OverflowError, IndexError, MemoryError,
)  # fmt: skip


def is_archive(name: str) -> bool:
    return name.lower().endswith((*_ZIP, *_TAR, *_PACKED))


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file as its archive describes it. `odd` says why it is no file to read; `packed` is None where unknown."""

    name: str
    size: int
    packed: int | None
    file: IO[bytes] | None
    odd: str | None = None
    failed: bool = False


def listing(path: Path, limits: Limits) -> Listing:
    """The files inside, those of archives within it too. Raises DocumentError where the archive cannot be opened."""
    tally = Tally(limits)
    with path.open("rb") as file:
        _list(file, path.name, "", 1, tally)
    return tally.listing()


def _list(file: IO[bytes], name: str, prefix: str, depth: int, tally: Tally) -> None:
    limits = tally.limits
    with _named_faults():
        for entry in _entries(file, name, limits):
            shown = prefix + entry.name
            if tally.full():
                tally.refuse(prefix.removesuffix(MARK) or ".", f"more than {limits.members:,} files in it", UNPACK)
                return
            if entry.odd is not None:
                tally.refuse(shown, entry.odd, UNPACK if entry.failed else "", failed=entry.failed)
                continue
            try:
                tidy = tidy_name(entry.name)
            except DocumentError as error:
                tally.refuse(shown, error.message, error.hint)
                continue
            if not tally.take(prefix + tidy, entry.size, entry.packed):
                continue
            if not is_archive(tidy):
                tally.members.append(Member(prefix + tidy, entry.size))
            elif depth >= limits.depth:
                tally.refuse(prefix + tidy, f"archives within archives, deeper than {limits.depth}", UNPACK)
            else:
                _list_inner(entry, prefix + tidy, depth, tally)


def _list_inner(entry: _Entry, name: str, depth: int, tally: Tally) -> None:
    try:
        inner = io.BytesIO(_bounded_read(entry, tally.limits))
        _list(inner, name.rsplit("/", 1)[-1], name + MARK, depth + 1, tally)
    except DocumentError as error:
        tally.refuse(name, error.message, error.hint)


def content(path: Path, name: str, limits: Limits) -> bytes:
    """The bytes of one member, by the name the listing gave it."""
    outer, *inner = name.split(MARK)
    data = _CURSOR.read(path, outer, limits)
    for at, member in enumerate(inner):
        if at + 1 >= limits.depth:
            raise DocumentError(f"archives within archives, deeper than {limits.depth}", hint=UNPACK)
        container = [outer, *inner][at].rsplit("/", 1)[-1]
        with _named_faults():
            found = (e for e in _entries(io.BytesIO(data), container, limits) if _is(e, member))
            entry = next(found, None)
            if entry is None:
                raise _GONE
            data = _bounded_read(entry, limits)
    return data


_GONE = DocumentError("it vanished before it was read", hint="Run the same command again.")


def _is(entry: _Entry, name: str) -> bool:
    if entry.odd is not None:
        return False
    try:
        return tidy_name(entry.name) == name
    except DocumentError:
        return False


class _Cursor:
    """The archive being read, kept open: members asked for in the archive's order cost one way through it."""

    def __init__(self) -> None:
        self._key: tuple[str, int, int] | None = None
        self._file: IO[bytes] | None = None
        self._entries: Iterator[_Entry] = iter(())

    def read(self, path: Path, name: str, limits: Limits) -> bytes:
        with _named_faults():
            state = path.stat()
            key = (str(path), state.st_mtime_ns, state.st_size)
            fresh = key != self._key
            if fresh:
                self._open(path, key, limits)
            for again in (False, True):
                if again:
                    if fresh:
                        break
                    self._open(path, key, limits)  # asked for out of order: from the beginning
                entry = next((e for e in self._entries if _is(e, name)), None)
                if entry is not None:
                    return _bounded_read(entry, limits)
        self._key = None
        raise _GONE

    def _open(self, path: Path, key: tuple[str, int, int], limits: Limits) -> None:
        if self._file is not None:
            self._file.close()
        self._file = path.open("rb")
        self._entries = _entries(self._file, path.name, limits)
        self._key = key


_CURSOR = _Cursor()


def _entries(file: IO[bytes], name: str, limits: Limits) -> Iterator[_Entry]:
    lower = name.lower()
    if lower.endswith(_ZIP):
        return _zip_entries(file)
    if lower.endswith(_TAR):
        return _tar_entries(_unpacked(file, lower, limits))
    return _single(file, name, limits)


def _zip_entries(file: IO[bytes]) -> Iterator[_Entry]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            mode = info.external_attr >> 16
            odd, failed = None, False
            if stat.S_ISLNK(mode):
                odd = "a link inside an archive"
            elif info.flag_bits & 1:
                odd, failed = "protected by a password", True
            opened: IO[bytes] | None = None
            if odd is None:
                try:
                    opened = archive.open(info)
                except _FAULTS as error:  # one damaged member does not take the others along
                    odd, failed = f"damaged: {' '.join(str(error).split())[:120]}", True
            yield _Entry(info.filename, info.file_size, info.compress_size, opened, odd, failed)
            if opened is not None:
                opened.close()


def _tar_entries(file: IO[bytes]) -> Iterator[_Entry]:
    with tarfile.open(fileobj=file, mode="r|") as archive:
        for info in archive:
            if info.isdir():
                continue
            if not info.isreg():
                odd = "a link inside an archive" if info.issym() or info.islnk() else "not a regular file"
                yield _Entry(info.name, 0, None, None, odd)
            elif info.issparse():
                yield _Entry(info.name, 0, None, None, "a sparse file", failed=True)
            else:
                yield _Entry(info.name, info.size, None, cast("IO[bytes]", archive.extractfile(info)))


def _single(file: IO[bytes], name: str, limits: Limits) -> Iterator[_Entry]:
    """One packed file: `notes.txt.gz` holds `notes.txt`. Its size is known only once it is read."""
    data = _unpacked(file, name.lower(), limits).read(limits.file_bytes + 1)
    packed = file.seek(0, io.SEEK_END)
    yield _Entry(name.rsplit(".", 1)[0], len(data), packed, io.BytesIO(data))


class _Bounded(io.RawIOBase):
    """What a decompressor gives, up to a size. Raises DocumentError past it."""

    def __init__(self, source: IO[bytes], most: int) -> None:
        self._source, self._left, self._most = source, most, most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise DocumentError(f"unpacks to more than {self._most >> 20} MB", hint=UNPACK)
        return data


def _unpacked(file: IO[bytes], lower: str, limits: Limits) -> IO[bytes]:
    # A tar's headers and padding come on top of its files.
    most = limits.unpacked_bytes + limits.members * 4096
    if lower.endswith((".gz", ".tgz")):
        return cast("IO[bytes]", _Bounded(cast("IO[bytes]", gzip.GzipFile(fileobj=file)), most))
    if lower.endswith((".bz2", ".tbz2", ".tbz")):
        return cast("IO[bytes]", _Bounded(cast("IO[bytes]", bz2.BZ2File(file)), most))
    if lower.endswith((".xz", ".txz")):
        return cast("IO[bytes]", _Bounded(cast("IO[bytes]", lzma.LZMAFile(file)), most))
    return file


def _bounded_read(entry: _Entry, limits: Limits) -> bytes:
    """At most the file limit, whatever size the archive states."""
    assert entry.file is not None
    data = entry.file.read(limits.file_bytes + 1)
    if len(data) > limits.file_bytes:
        raise DocumentError(f"larger than {limits.file_bytes >> 20} MB", hint=UNPACK)
    return data


@contextmanager
def _named_faults() -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        what = " ".join(str(error).split())[:120] or type(error).__name__
        raise DocumentError(f"the archive cannot be read: {what}", hint=UNPACK) from error
