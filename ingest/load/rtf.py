"""RTF: its plain text, paragraph by paragraph."""

from __future__ import annotations

import re

from striprtf.striprtf import rtf_to_text

from app.errors import DocumentError
from ingest.load.parsed import Block, Parsed, finish
from ingest.load.table import markdown_table

_PICTURE = re.compile(r"\{\\\*?\\?(?:pict|shppict|objdata)[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
_HEX = re.compile(r"[0-9a-fA-F\s]{2000,}")
_TITLE = re.compile(r"\{\\title ([^{}\\]{3,200})\}")


def load(name: str, data: bytes) -> Parsed:
    """Tables come back as rows of cells. Raises DocumentError for a file that is no RTF."""
    if not data.lstrip().startswith(b"{\\rtf"):
        raise DocumentError("not an RTF file", hint="Give the file the ending of its real format.")
    source = data.decode("cp1252", errors="replace")
    title = _TITLE.search(source)
    source = _HEX.sub("", _PICTURE.sub("", source))  # pictures are megabytes of hex digits
    text = rtf_to_text(source, encoding="cp1252", errors="replace")
    blocks: list[Block] = []
    rows: list[list[str]] = []
    for line in [*text.split("\n"), ""]:
        if line.count("|") >= 2 and line.rstrip().endswith("|"):
            rows.append([cell.strip() for cell in line.rstrip().removesuffix("|").split("|")])
            continue
        if rows:
            blocks.append(Block(markdown_table(rows), kind="table"))
            rows = []
        if line.strip():
            blocks.append(Block(line.strip()))
    return finish(name, blocks, title=title.group(1) if title is not None else "")
