"""Org mode: starred headings as sections, source blocks and tables kept, drawers and markup taken off."""

from __future__ import annotations

import re

from app.domain import Scalar
from ingest.load.decode import decode
from ingest.load.outline import Outline
from ingest.load.parsed import Parsed, finish
from ingest.load.table import markdown_table
from ingest.load.text import unwrap

_HEADING = re.compile(r"(\*+)\s+(?:(?:TODO|DONE|NEXT|WAITING)\s+)?(?:\[#[A-Z]\]\s+)?(.*?)(?:\s+:[\w@#%:]+:)?\s*$")
_KEYWORD = re.compile(r"\s*#\+(\w+)(?:\[.*?\])?:\s*(.*)$")
_BEGIN = re.compile(r"\s*#\+begin_(\w+)", re.IGNORECASE)
_DRAWER = re.compile(r"\s*:(PROPERTIES|LOGBOOK|CLOCK):\s*$", re.IGNORECASE)
# All of them bounded: a hostile line of one repeated mark must not take a quadratic time.
_LINK = re.compile(r"\[\[([^\[\]]{1,500})\](?:\[([^\[\]]{0,500})\])?\]")
_EMPHASIS = re.compile(r"(?<![\w/])([*/_+])(\S(?:[^*/_+\n]{0,500}\S)?)\1(?![\w/])")
_LITERAL = re.compile(r"(?<!\w)([=~])(\S(?:[^=~\n]{0,500}\S)?)\1(?!\w)")
_PLAN = re.compile(r"\s*(SCHEDULED|DEADLINE|CLOSED):")


def load(name: str, data: bytes) -> Parsed:
    """`#+TITLE` names the document; author and date become metadata. Raises DocumentError as for text."""
    text, warning = decode(data)
    lines = text.split("\n")
    outline = Outline()
    metadata: dict[str, Scalar] = {}
    title = ""
    paragraph: list[str] = []
    table: list[list[str]] = []

    def close() -> None:
        outline.add(_inline(unwrap("\n".join(paragraph))))
        paragraph.clear()
        outline.add(markdown_table(table), "table")
        table.clear()

    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        heading, keyword, begin = _HEADING.match(line), _KEYWORD.match(line), _BEGIN.match(line)
        if heading is not None:
            close()
            outline.heading(len(heading.group(1)), _inline(heading.group(2)))
        elif begin is not None:
            close()
            end = f"#+end_{begin.group(1)}".lower()
            stop = next((n for n in range(at, len(lines)) if lines[n].strip().lower().startswith(end)), len(lines))
            body = "\n".join(lines[at:stop])
            if begin.group(1).lower() in ("src", "example", "export"):
                outline.add(body.strip("\n"), "code")
            elif begin.group(1).lower() != "comment":
                outline.add(_inline(unwrap(body)))
            at = stop + 1
        elif _DRAWER.match(line):
            stop = next((n for n in range(at, len(lines)) if lines[n].strip().lower() == ":end:"), at)
            at = stop + 1 if stop > at or (at < len(lines) and lines[at].strip().lower() == ":end:") else at
        elif keyword is not None:
            if keyword.group(1).lower() == "title":
                title = _inline(keyword.group(2))
            elif keyword.group(1).lower() in ("author", "date", "language") and keyword.group(2):
                metadata[keyword.group(1).lower()] = keyword.group(2)[:200]
        elif line.lstrip().startswith("|"):
            if not line.lstrip().startswith("|-"):
                table.append([_inline(cell.strip()) for cell in line.strip().strip("|").split("|")])
        elif not line.strip() or line.lstrip().startswith("# "):
            close()
        elif not _PLAN.match(line):
            if table:
                close()
            paragraph.append(line)
    close()
    notes = [warning] if warning is not None else []
    return finish(name, outline.blocks(), title=title, metadata=metadata, warnings=notes)


def _inline(text: str) -> str:
    text = _LINK.sub(lambda match: match.group(2) or match.group(1), text)
    return _EMPHASIS.sub(r"\2", _LITERAL.sub(r"`\2`", text)).strip()
