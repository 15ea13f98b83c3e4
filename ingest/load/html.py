"""HTML: the main text without navigation and footers; headings are sections, tables and code are kept."""

from __future__ import annotations

import re
from typing import Any

import lxml.html
import trafilatura

from app.errors import DocumentError
from ingest.load.decode import decode
from ingest.load.outline import Outline
from ingest.load.parsed import Block, Parsed, finish
from ingest.load.table import markdown_table

_CHARSET = re.compile(rb"<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*[\"']?\s*([\w:.-]+)", re.IGNORECASE)
_LARGEST_FOR_EXTRACTION = (
    4_000_000  # characters: above it, finding the main text takes minutes and the page is a report
)
_ENOUGH = 0.35  # of the visible words: a main text below it has lost parts, and the whole page is taken
_XML_HEAD = re.compile(r"^\s*<\?xml[^>]*\?>")


def load(name: str, data: bytes) -> Parsed:
    """The page's main text by trafilatura; the whole page (without scripts, navigation, footers) where it finds too
    little of it. Raises DocumentError for binary data, an encoding that cannot be told, or a page without text.
    """
    declared = _CHARSET.search(data[:4096])
    text, warning = decode(data, declared.group(1).decode("ascii", errors="ignore") if declared is not None else None)
    text = _XML_HEAD.sub("", text)
    if not text.strip():
        raise DocumentError("no readable text in it")
    notes = [warning] if warning is not None else []
    tree = lxml.html.document_fromstring(text)
    title = " ".join((tree.findtext(".//title") or "").split())
    whole = Outline()
    _Walk(whole, _HTML_TAGS).walk(_without_furniture(lxml.html.document_fromstring(text)))
    blocks = whole.blocks()
    if len(text) <= _LARGEST_FOR_EXTRACTION:
        main = _main_text(tree)
        if sum(len(block.text) for block in main) >= _ENOUGH * sum(len(block.text) for block in blocks):
            blocks = main
        elif main:
            notes.append("its main text could not be told from the rest: the whole page was taken")
    heading = " ".join((next((_words(node) for node in tree.iter("h1")), "")).split())
    # "Duck - Wikipedia" over a heading "Duck": the heading is the page's name, the rest is the site's.
    title = heading if heading and (not title or heading in title) else title
    return finish(name, blocks, title=title, warnings=notes)


def read_body(tree: Any, outline: Outline) -> None:
    """A page that is all text (a chapter of a book) into an outline, without its furniture."""
    _Walk(outline, _HTML_TAGS).walk(_without_furniture(tree))


def _main_text(tree: Any) -> tuple[Block, ...]:
    _mark_code(tree)
    found = trafilatura.bare_extraction(
        tree, include_comments=False, include_tables=True, include_formatting=True, favor_recall=True
    )
    if found is None or getattr(found, "body", None) is None:
        return ()
    outline = Outline()
    _Walk(outline, _TEI_TAGS).walk(found.body)
    return outline.blocks()


def _mark_code(tree: Any) -> None:
    """trafilatura makes quotations of <pre> and forgets their line breaks: marks take their place."""
    for pre in tree.iter("pre"):
        for node in pre.iter():
            node.text = node.text.replace("\n", _CODE_BREAK) if node.text else node.text
            if node is not pre and node.tail:
                node.tail = node.tail.replace("\n", _CODE_BREAK)


_FURNITURE = (
    "//script|//style|//noscript|//template|//svg|//nav|//footer|//form//select|//button|//iframe|//head"
    "|//*[@hidden]|//*[@role='navigation' or @role='banner' or @role='contentinfo']"
    "|//comment()|//processing-instruction()"
)


def _without_furniture(tree: Any) -> Any:
    for node in tree.xpath(_FURNITURE):
        if node.getparent() is not None:
            node.drop_tree()
    body = tree.find("body")
    return tree if body is None else body


def _heading_level(node: Any) -> int | None:
    """HTML's h1 to h6, and trafilatura's <head rend="h2">."""
    name = node.get("rend", "h2") if node.tag == "head" else node.tag
    match = re.fullmatch(r"h([1-6])", name) if isinstance(name, str) else None
    return int(match.group(1)) if match else None


class _Tags:
    """What elements are called: in HTML, and in the simplified tree that trafilatura gives."""

    def __init__(self, lists: str, item: str, row: str, cell: str, code: str, paragraph: str) -> None:
        self.lists, self.item, self.row = frozenset(lists.split()), frozenset(item.split()), row
        self.cell, self.code, self.paragraph = (
            frozenset(cell.split()),
            frozenset(code.split()),
            frozenset(paragraph.split()),
        )


_HTML_TAGS = _Tags("ul ol dl menu", "li dt dd", "tr", "td th", "pre", "p blockquote address figcaption caption summary")
_TEI_TAGS = _Tags("list", "item", "row", "cell", "code pre", "p quote ab")


class _Walk:
    """Goes down a tree and fills an outline. Text between the known elements becomes paragraphs of its own."""

    def __init__(self, outline: Outline, tags: _Tags) -> None:
        self._outline = outline
        self._tags = tags
        self._loose: list[str] = []

    def walk(self, node: Any) -> None:
        self._down(node)
        self._flush()

    def _down(self, node: Any) -> None:
        if not isinstance(node.tag, str):
            return
        self._loose.append(node.text or "")
        for child in node:
            self._element(child)
            self._loose.append(child.tail or "")

    def _element(self, node: Any) -> None:
        tag = node.tag
        if not isinstance(tag, str):
            return
        level = _heading_level(node) if tag == "head" or tag in _HEADINGS else None
        if level is not None:
            self._flush()
            self._outline.heading(level, _words(node))
        elif tag == "table" and not self._is_layout(node):
            self._flush()
            self._outline.add(markdown_table(self._rows(node)), "table")
        elif tag in self._tags.lists:
            self._flush()
            self._outline.add("\n".join(self._items(node, 0)))
        elif tag in self._tags.code | self._tags.paragraph and self._is_code(node):
            self._flush()
            self._outline.add("".join(node.itertext()).replace(_CODE_BREAK, "\n").strip("\n"), "code")
        elif tag in self._tags.paragraph and not self._holds_blocks(node):
            self._flush()
            self._outline.add(_lines(node))
        elif tag in ("br", "lb", "hr"):
            self._loose.append(_BREAK)
        elif tag in _INLINE:
            self._loose.append(_words(node) if tag not in self._tags.code else f"`{_words(node)}`")
        else:
            self._flush()
            self._down(node)
            self._flush()

    @staticmethod
    def _is_code(node: Any) -> bool:
        return node.tag == "pre" or _CODE_BREAK in "".join(node.itertext())

    def _holds_blocks(self, node: Any) -> bool:
        known = self._tags.lists | {"table"} | _HEADINGS | {"head", "p", "div", "pre"}
        return any(isinstance(child.tag, str) and child.tag in known for child in node.iterdescendants())

    def _is_layout(self, table: Any) -> bool:
        """A table that only places things: it holds another table, headings, very long cells, or one cell a row."""
        if any(True for _ in table.iterdescendants("table", *_HEADINGS)):
            return True
        if max((sum(map(bool, row)) for row in self._rows(table)), default=0) < 2:
            return True
        return any(len(_words(cell)) > 2000 for cell in table.iter(*self._tags.cell))

    def _rows(self, table: Any) -> list[list[str]]:
        rows: list[list[str]] = []
        for row in table.iter(self._tags.row):
            cells: list[str] = []
            for cell in row.iterchildren(*self._tags.cell):
                span = cell.get("colspan", "1")
                cells.extend([_words(cell), *[""] * (min(50, int(span)) - 1 if span.isdigit() else 0)])
            rows.append(cells)
        return rows

    def _items(self, parent: Any, depth: int) -> list[str]:
        lines: list[str] = []
        for item in parent:
            if not isinstance(item.tag, str):
                continue
            inner = [
                child
                for child in item.iterdescendants()
                if isinstance(child.tag, str) and child.tag in self._tags.lists
            ]
            text = _words(item, without=self._tags.lists)
            if text:
                lines.append(f"{'  ' * depth}- {text}")
            for nested in inner:
                if next(a for a in nested.iterancestors() if a.tag in self._tags.item or a is parent) is item:
                    lines.extend(self._items(nested, min(8, depth + 1)))
        return lines

    def _flush(self) -> None:
        """Line breaks of the source mean nothing between tags; <br> breaks a line, two of them end a paragraph."""
        whole = "".join(self._loose)
        self._loose.clear()
        for paragraph in re.split(rf"(?:\s*{_BREAK}){{2,}}", whole):
            lines = (" ".join(line.split()) for line in paragraph.split(_BREAK))
            self._outline.add("\n".join(line for line in lines if line))


_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_INLINE = frozenset(("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "hi",
                     "i", "img", "ins", "kbd", "label", "mark", "q", "ref", "s", "samp", "small", "span", "strike",
                     "strong", "sub", "sup", "time", "tt", "u", "var"))  # fmt: skip
_CODE_BREAK = "\ue001"
_BREAK = "\ue000"  # stands for <br> until the white space is gone; lxml takes no control characters


def _words(node: Any, without: frozenset[str] = frozenset()) -> str:
    """All text below a node on one line, except below the tags in `without`."""
    parts: list[str] = []

    def collect(element: Any) -> None:
        if isinstance(element.tag, str) and (element is node or element.tag not in without):
            parts.append(element.text or "")
            for child in element:
                if isinstance(child.tag, str) and child.tag not in _INLINE:
                    parts.append(" ")
                collect(child)
                parts.append(child.tail or "")

    collect(node)
    return " ".join("".join(parts).split())


def _lines(node: Any) -> str:
    """A paragraph's text; only <br> breaks its lines."""
    for mark in node.iter("br", "lb"):
        mark.tail = _BREAK + (mark.tail or "")
    return "\n".join(line.strip() for line in _words(node).split(_BREAK) if line.strip())
