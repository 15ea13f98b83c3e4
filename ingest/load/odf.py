"""OpenDocument text and slides (ODT, ODP): headings, lists, tables, notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.errors import DocumentError
from ingest.load.outline import Outline
from ingest.load.package import Package, local
from ingest.load.parsed import Parsed, finish
from ingest.load.table import markdown_table

_HINT = "Open it in a word processor and save it again as .odt."
_SKIPPED = frozenset({"tracked-changes", "annotation", "sequence-decls", "forms", "bookmark", "note-citation"})
_DEEPEST = 200


def load(name: str, data: bytes) -> Parsed:
    """Reading order as the file has it; a slide is a page. Deleted text of tracked changes is left out.

    Raises DocumentError for a password, a file that is no OpenDocument, or one without text.
    """
    package = Package(data, "an OpenDocument", _HINT)
    if "content.xml" not in package.names:
        raise DocumentError("a ZIP archive, but not an OpenDocument", hint=_HINT)
    if "META-INF/manifest.xml" in package.names and b"encryption-data" in package.read("META-INF/manifest.xml"):
        raise DocumentError("protected by a password", hint="Save a copy without the password.")
    body = next((e for e in package.xml("content.xml").iter() if local(e) == "body"), None)
    outline = Outline()
    if body is not None:
        _Reader(outline).walk(body)
    title = ""
    if "meta.xml" in package.names:
        title = next((e.text or "" for e in package.xml("meta.xml").iter() if local(e) == "title"), "")
    return finish(name, outline.blocks(), title=title)


class _Reader:
    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._page: int | None = None

    def walk(self, parent: Any, depth: int = 0) -> None:
        if depth > _DEEPEST:
            raise RecursionError("elements nested too deeply")
        for element in parent:
            tag = local(element)
            if tag in _SKIPPED or not tag:
                continue
            if tag == "h":
                level = _attribute(element, "outline-level")
                self._outline.heading(int(level) if level.isdigit() else 1, _text(element))
            elif tag == "p":
                self._outline.add(_text(element), page=self._page)
            elif tag == "list":
                self._outline.add("\n".join(_items(element, 0)), page=self._page)
            elif tag == "table":
                self._outline.add(markdown_table(list(_rows(element))), "table", page=self._page)
            elif tag == "page":
                self._page = (self._page or 0) + 1
                self._outline.heading(1, _slide_title(element) or f"Slide {self._page}")
                self.walk(element, depth + 1)
            else:
                self.walk(element, depth + 1)


def _attribute(element: Any, name: str) -> str:
    return next((str(value) for key, value in element.attrib.items() if key.rsplit("}", 1)[-1] == name), "")


def _slide_title(page: Any) -> str:
    frame = next((e for e in page.iter() if local(e) == "frame" and _attribute(e, "class") == "title"), None)
    return _text(frame) if frame is not None else ""


def _text(element: Any) -> str:
    """The words of a paragraph; notes follow in brackets where they are called."""
    parts: list[str] = [element.text or ""]
    for child in element:
        tag = local(child)
        if tag in ("tab", "s"):
            parts.append(" ")
        elif tag == "line-break":
            parts.append("\n")
        elif tag == "note":
            body = " ".join(_text(e) for e in child if local(e) == "note-body").strip()
            parts.append(f" ({body})" if body else "")
        elif tag and tag not in _SKIPPED:
            parts.append(_text(child))
            if tag == "p":
                parts.append(" ")
        parts.append(child.tail or "")
    return "".join(parts).strip() if local(element) in ("p", "h", "frame", "note-body") else "".join(parts)


def _items(element: Any, depth: int) -> Iterator[str]:
    for item in element:
        if local(item) not in ("list-item", "list-header"):
            continue
        for child in item:
            if local(child) == "list":
                yield from _items(child, min(8, depth + 1))
            elif local(child) in ("p", "h") and (text := _text(child)):
                yield f"{'  ' * depth}- {text}"


def _rows(table: Any) -> Iterator[list[str]]:
    """Repeated cells and rows are written once where they are empty (sheets repeat them by the thousand)."""
    for row in table.iter():
        if local(row) != "table-row":
            continue
        cells: list[str] = []
        for cell in row:
            if local(cell) in ("table-cell", "covered-table-cell"):
                text = " ".join(_text(e) for e in cell.iter() if local(e) in ("p", "h"))
                times = _attribute(cell, "number-columns-repeated")
                cells.extend([text] * (min(50, int(times)) if times.isdigit() else 1))
        yield cells
