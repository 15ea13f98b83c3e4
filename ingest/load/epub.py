"""EPUB: the chapters of the spine in reading order, their headings as sections; the book's own particulars."""

from __future__ import annotations

import posixpath
from typing import Any
from urllib.parse import unquote

import lxml.html
from lxml import etree

from app.domain import Scalar
from app.errors import DocumentError
from ingest.load.decode import decode
from ingest.load.html import read_body
from ingest.load.outline import Outline
from ingest.load.package import Package, local
from ingest.load.parsed import Parsed, finish

_HINT = "Open it in an e-book program and export it again as .epub."
_CONTAINER = "META-INF/container.xml"
_MOST_CHAPTERS = 5_000


def load(name: str, data: bytes) -> Parsed:
    """Chapters by the spine; a chapter without a heading of its own gets its name from the table of contents.

    Raises DocumentError for a file that is no EPUB, or whose chapters are encrypted (DRM).
    """
    package = Package(data, "an EPUB", _HINT)
    if _CONTAINER not in package.names:
        raise DocumentError("a ZIP archive, but not an EPUB", hint=_HINT)
    root_file = next((e.get("full-path", "") for e in package.xml(_CONTAINER).iter() if local(e) == "rootfile"), "")
    root = package.xml(root_file)
    base = posixpath.dirname(root_file)
    manifest = {e.get("id"): e for e in root.iter() if local(e) == "item"}
    spine = [e.get("idref") for e in root.iter() if local(e) == "itemref" and e.get("linear") != "no"]
    names = _contents(package, manifest.values(), base)
    outline = Outline()
    notes: list[str] = []
    if len(spine) > _MOST_CHAPTERS:
        notes.append(f"more than {_MOST_CHAPTERS:,} chapters: the rest was left out")
    for item in [manifest[i] for i in spine if i in manifest][:_MOST_CHAPTERS]:
        place = _place(base, item.get("href", ""))
        if place not in package.names or "nav" in (item.get("properties") or "").split():
            continue
        try:
            body = lxml.html.document_fromstring(_without_head(decode(package.read(place), "utf-8")[0]))
        except (DocumentError, etree.ParserError, ValueError) as error:
            notes.append(f"chapter {posixpath.basename(place)} left out: {str(error)[:100]}")
            continue
        outline.restart()  # files of a book use heading levels as they please
        if names.get(place) and next(body.iter("h1", "h2"), None) is None:
            outline.heading(1, names[place])
        read_body(body, outline)
    if "META-INF/encryption.xml" in package.names and not outline.blocks():
        raise DocumentError("its chapters are encrypted (DRM)", hint="Only a copy without DRM can be read.")
    metadata: dict[str, Scalar] = {}
    for element in root.iter():
        field = local(element)
        if field in ("creator", "language", "publisher", "date") and (element.text or "").strip():
            metadata.setdefault("author" if field == "creator" else field, " ".join(element.text.split())[:200])
    title = next((e.text or "" for e in root.iter() if local(e) == "title"), "")
    title = "" if title.strip().lower().startswith(("untitled", "unknown")) else title
    return finish(name, outline.blocks(), title=title, metadata=metadata, warnings=notes)


def _place(base: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(base, unquote(href.partition("#")[0])))


def _without_head(text: str) -> str:
    """XHTML as HTML: lxml refuses text with an encoding declaration."""
    if text.lstrip().startswith("<?xml"):
        text = text.lstrip().partition("?>")[2]
    return text if text.strip() else "<p></p>"


def _contents(package: Package, items: Any, base: str) -> dict[str, str]:
    """File -> the first name the table of contents (EPUB 3 `nav`, EPUB 2 `ncx`) gives it."""
    found: dict[str, str] = {}
    for item in items:
        place = _place(base, item.get("href", ""))
        is_nav = "nav" in (item.get("properties") or "").split()
        if place not in package.names or not (is_nav or item.get("media-type") == "application/x-dtbncx+xml"):
            continue
        try:
            tree = package.xml(place)
        except DocumentError:
            continue  # a book without its table of contents is a book still
        here = posixpath.dirname(place)
        for element in tree.iter():
            if local(element) == "a" and element.get("href"):
                found.setdefault(_place(here, element.get("href")), " ".join("".join(element.itertext()).split()))
            elif local(element) == "navPoint":
                label = next(("".join(e.itertext()) for e in element.iter() if local(e) == "navLabel"), "")
                target = next((e.get("src", "") for e in element.iter() if local(e) == "content"), "")
                found.setdefault(_place(here, target), " ".join(label.split()))
    return found
