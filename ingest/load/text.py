"""Plain text: paragraphs between blank lines."""

from __future__ import annotations

import re

from ingest.load.decode import decode
from ingest.load.parsed import Block, Parsed, finish

_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")


def load(name: str, data: bytes) -> Parsed:
    """One block a paragraph; hard-wrapped lines of prose are joined, lists and verse keep their lines.

    Raises DocumentError for binary data, an encoding that cannot be told, or no text at all.
    """
    text, warning = decode(data)
    blocks = [Block(unwrap(paragraph)) for paragraph in _BLANK_LINES.split(text)]
    return finish(name, blocks, warnings=[warning] if warning is not None else [])


def unwrap(paragraph: str) -> str:
    """Join the lines of a hard-wrapped paragraph: a line goes on where it is long and the next one is no list item.

    Hard-wrapped means that every line but the last comes close to the longest one.
    """
    lines = [line.rstrip() for line in paragraph.split("\n")]
    widths = [len(line) for line in lines[:-1]]
    if len(lines) < 2 or max(widths) < 40 or max(widths) > 200:
        return "\n".join(lines)
    wide = max(widths) * 0.7
    joined = [lines[0]]
    for before, line in zip(lines, lines[1:], strict=False):
        if len(before) >= wide and not _STARTS_ITEM.match(line):
            joined[-1] = f"{joined[-1]} {line.strip()}"
        else:
            joined.append(line)
    return "\n".join(joined)


_STARTS_ITEM = re.compile(r"\s*([-*•+|>#]|\d{1,3}[.)]|\w+:)\s|\s{4,}\S")
