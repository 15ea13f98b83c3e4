"""What a scorer reads of a chunk: a template over chosen fields, the same for every scorer. Pure."""

from __future__ import annotations

from app.domain import Chunk

Fields = tuple[str, ...]
DEFAULT_FIELDS: Fields = ("title", "section", "text")


def passage_text(chunk: Chunk, fields: Fields = DEFAULT_FIELDS) -> str:
    """What the scorer reads of a chunk: its non-empty fields, one a line. Unknown names are metadata columns.

    The section path leaves out parts that only repeat the title. `context` is title and section path in one line: the
    same words as the default's two, for scorers whose template has one.
    """
    return "\n".join(line for _, line in _lines(chunk, fields))


def template_of(fields: Fields) -> str:
    """What scorer ids call these fields; "" for the usual ones."""
    return "" if fields == DEFAULT_FIELDS else "+".join(fields)


def text_begins(chunk: Chunk, fields: Fields = DEFAULT_FIELDS) -> int | None:
    """Where the chunk's own text begins in `passage_text`; None where it is not among the fields."""
    begins = 0
    for name, line in _lines(chunk, fields):
        if name == "text":
            return begins
        begins += len(line) + 1
    return None


def _lines(chunk: Chunk, fields: Fields) -> list[tuple[str, str]]:
    lines = []
    for name in fields:
        if name == "title":
            value = chunk.title
        elif name == "section":
            value = " > ".join(part for part in chunk.section if part != chunk.title)
        elif name == "context":
            value = chunk.context
        elif name == "text":
            value = chunk.text
        else:
            value = str(chunk.metadata.get(name, ""))
        if value.strip():
            lines.append((name, _whole(value)))
    return lines


def _whole(text: str) -> str:
    """The text with a question mark for each half of a surrogate pair: documents handed over by a program may hold
    some, and no tokenizer takes them."""
    return text.encode("utf-8", "replace").decode("utf-8")
