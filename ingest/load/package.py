"""Office files and e-books are ZIP archives of XML parts: opened with limits, parsed without entities or network."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

from lxml import etree

from app.errors import DocumentError

_MOST_UNPACKED = 1 << 30  # bytes: a small file that unpacks to more is a bomb or a film
_MOST_PARTS = 50_000
_RATIO = 250  # times its packed size, for parts above 16 MB: repetitive sheets reach a hundred
_SMALL = 16 << 20
_LARGEST_XML = 256 << 20
OLD_OFFICE = b"\xd0\xcf\x11\xe0"


class Package:
    """The parts of one file, by name. Raises DocumentError wherever the archive is broken or too large."""

    def __init__(self, data: bytes, what: str, hint: str) -> None:
        """`what` is the format's name with its article ("a DOCX"), `hint` what to do about a broken one."""
        self._what, self._hint = what, hint
        if data.startswith(OLD_OFFICE):
            raise DocumentError("protected by a password, or in the old Office format", hint=hint)
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, OverflowError) as error:
            raise self.broken(error) from error
        parts = self._archive.infolist()
        if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _MOST_UNPACKED:
            raise DocumentError("it unpacks to more than 1 GB", hint=hint)
        for part in parts:
            if part.file_size > _SMALL and part.file_size > part.compress_size * _RATIO:
                raise DocumentError("a part of it unpacks to hundreds of times its size, as zip bombs do", hint=hint)
        self.names = frozenset(part.filename for part in parts)

    def read(self, name: str) -> bytes:
        try:
            with self._archive.open(name) as part:
                data = part.read(_LARGEST_XML + 1)
        except (
            zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, RuntimeError, NotImplementedError, ValueError
        ) as error:  # fmt: skip
            raise self.broken(error) from error
        if len(data) > _LARGEST_XML:
            raise DocumentError(f"a part of it is larger than {_LARGEST_XML >> 20} MB", hint=self._hint)
        return data

    def xml(self, name: str) -> Any:
        """The root of an XML part."""
        try:
            return safe_xml(self.read(name))
        except etree.XMLSyntaxError as error:
            raise self.broken(error) from error

    def broken(self, error: Exception) -> DocumentError:
        what = " ".join(str(error).split())[:120] or type(error).__name__
        return DocumentError(f"not {self._what} that can be read: {what}", hint=self._hint)


def safe_xml(data: bytes, *, recover: bool = False) -> Any:
    """The root element. Entities of the document's own are refused, external ones never fetched; the parser's own
    bounds on depth and text size stay on. Raises etree.XMLSyntaxError."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=recover,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    root = etree.fromstring(data, parser)
    if root is None:
        raise etree.XMLSyntaxError("no element in it", 0, 0, 0)
    # resolve_entities=False leaves references in the tree: a document full of them has lost its text.
    etree.strip_tags(root, etree.Entity)
    return root


def local(element: Any) -> str:
    """A tag without its namespace; "" for what is no element."""
    tag = element.tag
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""
