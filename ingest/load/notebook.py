"""Jupyter notebooks: Markdown cells with their headings, code cells as code, text output after its cell."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from markdown_it import MarkdownIt

from app.errors import DocumentError
from ingest.load.decode import decode
from ingest.load.markdown import first_heading, read_tokens
from ingest.load.outline import Outline
from ingest.load.parsed import Parsed, finish

_OUTPUT_LINES = 20  # of one cell: more is a log or a table of numbers
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HINT = "Open it in Jupyter and save it again."


def load(name: str, data: bytes) -> Parsed:
    """nbformat 3 and 4. Pictures and widgets are left out. Raises DocumentError for what is no notebook."""
    text, _ = decode(data)
    try:
        book = json.loads(text)
    except ValueError as error:
        raise DocumentError(f"not a notebook that can be read: {str(error)[:100]}", hint=_HINT) from error
    if not isinstance(book, dict):
        raise DocumentError("not a notebook: it is JSON of another kind", hint=_HINT)
    sheets = book.get("worksheets")
    cells = book.get("cells")
    if cells is None and isinstance(sheets, list):
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells") or []]
    if not isinstance(cells, list):
        raise DocumentError("not a notebook: it has no cells", hint=_HINT)
    outline = Outline()
    title = ""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    for cell in cells:
        if not isinstance(cell, dict):
            continue
        source = _joined(cell.get("source", cell.get("input")))
        kind = cell.get("cell_type")
        if kind == "code":
            outline.add(source.strip("\n"), "code")
            outline.add(_output(cell), "code")
        elif kind == "heading":
            level = cell.get("level")
            outline.heading(level if isinstance(level, int) and 1 <= level <= 9 else 1, source)
        elif isinstance(kind, str):
            tokens = markdown.parse(source)
            title = title or first_heading(tokens)
            read_tokens(tokens, outline)
    metadata = book.get("metadata")
    kernel = metadata.get("language_info") if isinstance(metadata, Mapping) else None
    language = kernel.get("name") if isinstance(kernel, Mapping) else None
    known = {"programming_language": language} if isinstance(language, str) else {}
    return finish(name, outline.blocks(), title=title, metadata=known)


def _joined(source: object) -> str:
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _output(cell: Mapping[str, object]) -> str:
    """What a cell printed or gave back as text, its first lines."""
    outputs = cell.get("outputs")
    texts: list[str] = []
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        found = output.get("text")
        bundle = output.get("data")
        if found is None and isinstance(bundle, dict):
            found = bundle.get("text/plain")
        if output.get("output_type") == "error":
            found = f"{output.get('ename')}: {output.get('evalue')}"
        texts.append(_ANSI.sub("", _joined(found)).strip("\n"))
    lines = "\n".join(text for text in texts if text).split("\n")
    kept = [line[:500] for line in lines[:_OUTPUT_LINES]]
    more = [f"… {len(lines) - _OUTPUT_LINES} more lines"] if len(lines) > _OUTPUT_LINES else []
    return "\n".join((*kept, *more)) if any(kept) else ""
