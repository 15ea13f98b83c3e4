"""XML: articles (JATS, DocBook, TEI and their like) by their titles, other XML as the text of its elements."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from app.errors import DocumentError
from ingest.load.decode import decode
from ingest.load.outline import Outline
from ingest.load.package import local, safe_xml
from ingest.load.parsed import Kind, Parsed, finish
from ingest.load.table import markdown_table

_TITLES = frozenset({"title", "article-title", "head", "heading", "h1", "h2", "h3", "h4", "h5", "h6"})
_PARAGRAPHS = frozenset({"p", "para", "simpara", "abstract-p", "caption", "li", "listitem", "quote", "note", "ab"})
_CODE = frozenset({"code", "programlisting", "screen", "preformat", "pre", "verbatim"})
_TABLES = frozenset({"table", "informaltable"})
_SKIPPED = frozenset({"script", "style", "svg", "math", "ref-list", "references", "bibliography", "journal-meta"})
_LONG = 160  # characters: a longer element is a paragraph, whatever its name
_DEEPEST = 200
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w:.-]+)", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_HINT = "Open it in a browser: it names the line that is broken."


def load(name: str, data: bytes) -> Parsed:
    """Elements with a title open a section; paragraphs keep their words whatever is marked in them. Entities the
    document defines itself are left out, external ones are never fetched, lists of references neither.

    Raises DocumentError for broken XML and for a document without text.
    """
    if b"<!ENTITY" in data[: 1 << 20] and data.count(b"<!ENTITY", 0, 1 << 20) > 200:
        raise DocumentError("it defines hundreds of entities, as XML bombs do", hint=_HINT)
    declared = _DECLARED.match(data[:200])
    text, warning = decode(data, declared.group(1).decode("ascii") if declared is not None else None)
    notes = [warning] if warning is not None else []
    source = _DECLARATION.sub("", text).encode("utf-8", errors="replace")
    try:
        root = safe_xml(source)
    except etree.XMLSyntaxError as error:
        try:
            root = safe_xml(source, recover=True)
        except etree.XMLSyntaxError:
            raise DocumentError(f"its XML is broken: {str(error)[:120]}", hint=_HINT) from error
        notes.append(_broken(str(error)))
    outline = Outline()
    title = next((_words(e) for e in root.iter() if local(e) in ("article-title", "title") and _words(e)), "")
    _Reader(outline, title).read(root)
    return finish(name, outline.blocks(), title=title, warnings=notes)


def _broken(said: str) -> str:
    if "amplification" in said or "entity loop" in said.lower():
        return "it defines entities that grow without end, as XML bombs do; they were left out"
    return f"its XML is broken and was read as far as it goes: {said.split(' (<')[0][:100]}"


class _Reader:
    """Goes down the tree. Short elements of no known kind (a name, a date) are gathered as `tag: words` lines."""

    def __init__(self, outline: Outline, title: str) -> None:
        self._outline, self._title = outline, title
        self._fields: list[str] = []

    def read(self, root: Any) -> None:
        self._walk(root, 0)
        self._flush()

    def _walk(self, element: Any, level: int) -> None:
        if level > _DEEPEST:
            raise DocumentError("its elements are nested too deeply", hint="Split the file.")
        tag = local(element)
        if not tag or tag in _SKIPPED:
            return
        if tag in _CODE:
            self._add("".join(element.itertext()).strip("\n"), "code")
        elif tag in _TABLES:
            rows = [[_words(cell) for cell in row if local(cell) in ("td", "th", "entry", "cell")]
                    for row in element.iter() if local(row) in ("tr", "row")]  # fmt: skip
            self._add(markdown_table(rows), "table")
        elif tag in _TITLES:
            words = _words(element)
            if words and words != self._title:
                self._flush()
                self._outline.heading(_section_depth(element), words)
        elif tag in _PARAGRAPHS:
            self._add(_words(element))
        elif _is_leaf(element):
            words = _words(element)
            if len(words) > _LONG:
                self._add(words)
            elif words:
                self._fields.append(f"{tag}: {words}")
        else:
            self._add(" ".join((element.text or "").split()))
            for child in element:
                self._walk(child, level + 1)
                self._add(" ".join((child.tail or "").split()))

    def _add(self, text: str, kind: Kind = "prose") -> None:
        if text.strip():
            self._flush()
            self._outline.add(text, kind)

    def _flush(self) -> None:
        self._outline.add("\n".join(self._fields))
        self._fields.clear()


def _section_depth(title: Any) -> int:
    """How many elements with a title of their own stand around this one: 1 for the outermost."""
    around = (a for a in title.iterancestors() if any(local(child) in _TITLES for child in a))
    return max(1, min(9, sum(1 for _ in around)))


def _is_leaf(element: Any) -> bool:
    """No element below it, or only some inside its own text, as marks of emphasis are."""
    if len(element) == 0:
        return True
    return bool((element.text or "").strip()) and all(len(child) == 0 for child in element)


def _words(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())
