"""AsciiDoc: headings as sections, listings and tables kept, inline markup taken off."""

from __future__ import annotations

import re

from app.domain import Scalar
from ingest.load.decode import decode
from ingest.load.outline import Outline
from ingest.load.parsed import Parsed, finish
from ingest.load.table import markdown_table
from ingest.load.text import unwrap

_HEADING = re.compile(r"(={1,6}|#{1,6})\s+(\S.*?)(?:\s+\1)?$")
_ATTRIBUTE = re.compile(r":(!?[\w-]+!?):\s*(.*)$")
_FENCE = re.compile(r"(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|/{4,}|```\w*|\|={3,}|,={3,})$")
# All of them bounded: a hostile line of one repeated mark must not take a quadratic time.
_MACRO = re.compile(
    r"(?:(?:link|xref|mailto|image|kbd|btn|menu|footnote)(?::{1,2}[^\s\[]{0,300})?|https?://[^\s\[]{1,300})"
    r"\[([^\[\]]{0,500})\]"
)
_REFERENCE = re.compile(r"<<[^<>,]{1,200},?\s{0,9}([^<>]{0,200})>>")
_EMPHASIS = re.compile(r"(?<!\w)(\*\*?|__?)(\S(?:[^*_\n]{0,500}\S)?)\1(?!\w)")
_BLOCK_LINE = re.compile(r"\[[^\]]*\]$|\.[^\s.].*$|(image|include|toc|ifdef|ifndef|endif|video)::.*$|//.*$|'''$|<<<$")
_SHOWN = ("author", "email", "revdate", "revnumber", "description", "keywords")


def load(name: str, data: bytes) -> Parsed:
    """`= Title` names the document; a few attributes of its head become metadata. Raises DocumentError as for text."""
    text, warning = decode(data)
    lines = text.split("\n")
    outline = Outline()
    metadata: dict[str, Scalar] = {}
    title = ""
    paragraph: list[str] = []

    def close() -> None:
        outline.add(_inline(unwrap("\n".join(paragraph))))
        paragraph.clear()

    at = 0
    while at < len(lines):
        line = lines[at].rstrip()
        heading = _HEADING.match(line)
        attribute = _ATTRIBUTE.match(line)
        fence = _FENCE.match(line)
        at += 1
        if fence is not None:
            close()
            end = next((n for n in range(at, len(lines)) if lines[n].rstrip() == _closing(line)), len(lines))
            _fenced(line, lines[at:end], outline)
            at = end + 1
        elif heading is not None and not paragraph:
            level = len(heading.group(1))
            if level == 1 and not title:
                title = _inline(heading.group(2))
            else:
                outline.heading(max(1, level - 1), _inline(heading.group(2)))
        elif attribute is not None and not paragraph:
            if attribute.group(1) in _SHOWN and attribute.group(2):
                metadata[attribute.group(1)] = attribute.group(2)[:200]
        elif not line.strip():
            close()
        elif line == "+" or (_BLOCK_LINE.match(line) and not paragraph):
            if line.startswith(".") and len(line) > 2:
                outline.add(_inline(line[1:]))  # the title of the block below
        else:
            paragraph.append(line)
    close()
    notes = [warning] if warning is not None else []
    return finish(name, outline.blocks(), title=title, metadata=metadata, warnings=notes)


def _closing(fence: str) -> str:
    return "```" if fence.startswith("```") else fence


def _fenced(fence: str, body: list[str], outline: Outline) -> None:
    text = "\n".join(line.rstrip() for line in body)
    if fence.startswith(("|=", ",=")):
        outline.add(markdown_table(_rows(body)), "table")
    elif fence.startswith("//"):
        return
    elif fence.startswith(("-", ".", "+", "`")):
        outline.add(text.strip("\n"), "code")
    else:
        for part in re.split(r"\n\s*\n", text):
            outline.add(_inline(unwrap(part)))


def _rows(body: list[str]) -> list[list[str]]:
    """Cells begin with `|`; a line with as many as the widest is a row, else as many lines make one."""
    cells = [[_inline(cell.strip()) for cell in line.split("|")[1:]] for line in body if "|" in line]
    width = max(map(len, cells), default=0)
    first = next((len(row) for row in cells if row), 0)
    if width == 1 or first < width:
        flat = [cell for row in cells for cell in row]
        columns = first if first > 1 else _columns(body)
        return [flat[n : n + columns] for n in range(0, len(flat), columns)]
    return cells


def _columns(body: list[str]) -> int:
    """Cells until the first blank line: a table of one cell a line parts its rows so."""
    count = 0
    for line in body:
        if not line.strip() and count:
            break
        count += line.count("|")
    return max(1, count)


def _inline(text: str) -> str:
    text = _REFERENCE.sub(r"\1", _MACRO.sub(r"\1", text))
    return _EMPHASIS.sub(r"\2", text).strip()
