"""DOCX: headings as sections, lists as lines, tables as Markdown, text boxes and content controls included."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import docx
from docx.opc.exceptions import OpcError
from docx.text.paragraph import Paragraph
from lxml import etree

from app.errors import DocumentError
from ingest.load.outline import Outline
from ingest.load.package import OLD_OFFICE, Package, safe_xml
from ingest.load.parsed import Parsed, finish
from ingest.load.table import markdown_table

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_STRICT = (
    (b"http://purl.oclc.org/ooxml/officeDocument/relationships", b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"),
    (b"http://purl.oclc.org/ooxml/wordprocessingml/main", b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"),
    (b"http://purl.oclc.org/ooxml/officeDocument/math", b"http://schemas.openxmlformats.org/officeDocument/2006/math"),
    (b"http://purl.oclc.org/ooxml/drawingml/", b"http://schemas.openxmlformats.org/drawingml/2006/"),
)  # fmt: skip
_BROKEN_HINT = "Open it in a word processor and save it again as .docx."


def load(name: str, data: bytes) -> Parsed:
    """Paragraphs in reading order. Deleted text of tracked changes is left out, inserted text is kept; footnotes and
    endnotes follow in brackets where they are called.

    Raises DocumentError for a file that is no DOCX, is protected by a password, or is broken.
    """
    if data.startswith(OLD_OFFICE):
        raise DocumentError("protected by a password, or an old .doc", hint=_BROKEN_HINT)
    Package(data, "a DOCX", _BROKEN_HINT)  # its limits
    try:
        document = docx.Document(io.BytesIO(_transitional(data)))
    except (OpcError, zipfile.BadZipFile, etree.XMLSyntaxError, KeyError, ValueError) as error:
        what = " ".join(str(error).split())[:120]
        raise DocumentError(f"not a DOCX that can be read: {what}", hint=_BROKEN_HINT) from error
    outline = Outline()
    body = document.element.body
    _call_notes(body, _notes(document))
    title = ""
    items: list[str] = []

    def end_list() -> None:
        outline.add("\n".join(items))
        items.clear()

    for element in _blocks(body):
        if element.tag == _W + "tbl":
            end_list()
            outline.add(markdown_table(_rows(element)), "table")
            continue
        text = _text(element).strip()
        if not text:
            continue
        style = _style(Paragraph(element, document._body))  # python-docx needs the part for its styles
        level = _level(element, style)
        if style.lower() == "title" and not title:
            title = text
        elif level is not None and len(text) <= 300:
            end_list()
            outline.heading(level, text)
        elif _is_item(element, style):
            items.append(f"{'  ' * _depth(element)}- {text}")
        else:
            end_list()
            outline.add(text, "code" if re.search(r"code|source|preformatted", style, re.I) else "prose")
    end_list()
    title = title or (document.core_properties.title or "").strip()
    title = "" if title.lower() in ("word document", "document", "untitled", "python-docx") else title
    return finish(name, outline.blocks(), title=title)


def _notes(document: Any) -> dict[tuple[str, str], str]:
    """The text of every footnote and endnote, by its kind ("footnote") and id."""
    found: dict[tuple[str, str], str] = {}
    for relation in document.part.rels.values():
        kind = relation.reltype.rsplit("/", 1)[-1].removesuffix("s")
        if kind not in ("footnote", "endnote") or relation.is_external:
            continue
        try:
            root = safe_xml(relation.target_part.blob)
        except etree.XMLSyntaxError:
            continue  # the document reads without its notes
        for note in root.iter(_W + kind):
            text = " ".join(_text(paragraph).strip() for paragraph in note.iter(_W + "p")).strip()
            if text and note.get(_W + "type") is None:  # separators have a type
                found[kind, note.get(_W + "id", "")] = text
    return found


def _call_notes(body: Any, notes: Mapping[tuple[str, str], str]) -> None:
    """Put each note's text, in brackets, in the place of the mark that calls it."""
    for kind in ("footnote", "endnote"):
        for mark in list(body.iter(f"{_W}{kind}Reference")):
            text = notes.get((kind, mark.get(_W + "id", "")))
            if text is not None:
                mark.tag = _W + "t"
                mark.text = f" ({text})"


def _transitional(data: bytes) -> bytes:
    """The archive, with the names of "Strict Open XML" rewritten to the usual ones."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if "[Content_Types].xml" not in archive.namelist():
            raise DocumentError("a ZIP archive, but not a DOCX", hint=_BROKEN_HINT)
        first = archive.read("_rels/.rels") if "_rels/.rels" in archive.namelist() else b""
        if b"purl.oclc.org/ooxml" not in first:
            return data
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as rewritten:
            for part in parts:
                content = archive.read(part)
                if part.filename.endswith((".xml", ".rels")):
                    for strict, usual in _STRICT:
                        content = content.replace(strict, usual)
                rewritten.writestr(part.filename, content)
        return out.getvalue()


def _blocks(parent: Any) -> Iterator[Any]:
    """Paragraphs and tables in order; content controls are opened, text boxes follow the paragraph they hang on.

    `iter_inner_content` of python-docx sees the direct children only and misses both.
    """
    for child in parent:
        if child.tag == _W + "sdt":
            for content in child.iterchildren(_W + "sdtContent"):
                yield from _blocks(content)
        elif child.tag == _W + "tbl":
            yield child
        elif child.tag == _W + "p":
            yield child
            for box in child.iter(_W + "txbxContent"):
                if not _inside(box, _MC + "Fallback", child):
                    yield from _blocks(box)
        elif child.tag in (_W + "ins", _W + "customXml", _W + "smartTag"):
            yield from _blocks(child)


def _inside(element: Any, tag: str, top: Any) -> bool:
    return any(parent.tag == tag for parent in element.iterancestors() if top in parent.iterancestors())


_SKIPPED = frozenset({_W + "del", _W + "moveFrom", _W + "txbxContent", _MC + "Fallback", _W + "instrText", _W + "pPr"})
_CHARACTERS = {_W + "tab": "\t", _W + "br": "\n", _W + "cr": "\n", _W + "noBreakHyphen": "-"}


def _text(element: Any) -> str:
    """The visible text of a paragraph: links, insertions and formulas included."""
    if element.tag in _SKIPPED:
        return ""
    if element.tag in (_W + "t", _M + "t"):
        return element.text or ""
    if element.tag in _CHARACTERS:
        return _CHARACTERS[element.tag]
    return "".join(_text(child) for child in element)


def _rows(table: Any) -> list[list[str]]:
    rows: list[list[str]] = []
    for row in table.iter(_W + "tr"):
        if next(row.iterancestors(_W + "tbl")) is not table:
            continue  # a table within a cell is read with that cell
        cells: list[str] = []
        for cell in row.iter(_W + "tc"):
            if next(cell.iterancestors(_W + "tr")) is not row:
                continue
            merged = cell.find(f"{_W}tcPr/{_W}vMerge")
            goes_on = merged is not None and merged.get(_W + "val") != "restart"
            text = " ".join(_text(paragraph).strip() for paragraph in cell.iter(_W + "p"))
            # A cell merged downwards is empty in the file below its first row: it says the same there.
            above = rows[-1][len(cells)] if goes_on and rows and len(cells) < len(rows[-1]) else ""
            cells.append(text or above)
            span = cell.find(f"{_W}tcPr/{_W}gridSpan")
            cells.extend([""] * (int(span.get(_W + "val", "1")) - 1 if span is not None else 0))
        rows.append(cells)
    return rows


def _style(paragraph: Paragraph) -> str:
    style = paragraph.style
    return str(style.name) if style is not None and style.name else ""


def _level(element: Any, style: str) -> int | None:
    """1 to 9 for a heading, by its style or its outline level; None for text."""
    match = re.fullmatch(r"heading\s*([1-9])", style, re.IGNORECASE)
    if match:
        return int(match.group(1))
    outline = element.find(f"{_W}pPr/{_W}outlineLvl")
    if outline is not None and outline.get(_W + "val", "9").isdigit():
        level = int(outline.get(_W + "val")) + 1
        return level if level <= 9 else None
    return None


def _is_item(element: Any, style: str) -> bool:
    return style.lower().startswith("list") or element.find(f"{_W}pPr/{_W}numPr") is not None


def _depth(element: Any) -> int:
    level = element.find(f"{_W}pPr/{_W}numPr/{_W}ilvl")
    return min(8, int(level.get(_W + "val", "0"))) if level is not None else 0
