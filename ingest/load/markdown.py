"""Markdown and MDX: front matter, headings as section path, code blocks and tables kept whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.domain import Scalar
from ingest.load.decode import decode
from ingest.load.outline import Outline
from ingest.load.parsed import Parsed, finish
from ingest.load.scalars import scalar
from ingest.load.table import markdown_table

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z][\w .-]{0,60}?)\s*:\s+(\S.*)")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
# A comment holds no other's beginning: so a thousand beginnings without an end are not searched a thousand times.
_COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->|\{/\*(?:(?!\{/\*).)*?\*/\}", re.DOTALL)
# A component with properties, or a closing or self-closing one; a bare <String> in prose is a type and stays.
_COMPONENT = re.compile(r"</[A-Z][\w.]*\s*>|<[A-Z][\w.]*(?:\s(?:[^<>{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)?/>")
_COMPONENT_OPEN = re.compile(
    r"<[A-Z][\w.]*\s(?:[^<>{}]|\{(?:[^{}]|\{[^{}]*\})*\})*=(?:[^<>{}]|\{(?:[^{}]|\{[^{}]*\})*\})*>"
)
_MDX_STATEMENT = re.compile(r"^(import\s.+\sfrom\s+['\"].+['\"];?|import\s+['\"].+['\"];?|export\s+\w+\s.*)$")
_STATEMENT_PARTS = 100  # pieces of text between marks and line ends: a longer statement is text
_BLOCK_ENDS = re.compile(r"</(p|li|tr|div|h[1-6]|summary|td|th)>|<br\s*/?>", re.IGNORECASE)


def load(name: str, data: bytes) -> Parsed:
    """Headings become the section path; inline links keep their text and lose their address.

    The title is the front matter's, else the first level-1 heading, else the file's name. Front matter scalars
    become metadata. Raises DocumentError for binary data or no text.
    """
    text, warning = decode(data)
    fields, body = front_matter(text)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(body)
    outline = Outline()
    title = str(fields.pop("title", "")) or first_heading(tokens)
    read_tokens(tokens, outline)
    description = fields.pop("description", None)
    blocks = outline.blocks()
    if isinstance(description, str) and not any(description in block.text for block in blocks):
        opening = Outline()
        opening.add(description)
        blocks = (*opening.blocks(), *blocks)
    return finish(name, blocks, title=title, metadata=fields, warnings=[warning] if warning is not None else [])


def front_matter(text: str) -> tuple[dict[str, Scalar], str]:
    """The scalar fields of a YAML head, and the text after it. Lists and nested fields are not read."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    fields: dict[str, Scalar] = {}
    for line in match.group(1).split("\n"):
        found = _FIELD.fullmatch(line.rstrip())
        if found is not None:
            value = found.group(2)
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                fields[found.group(1)] = value[1:-1]
            elif value[0] not in "[{&*|>":
                fields[found.group(1)] = scalar(value)
    return fields, text[match.end() :]


def first_heading(tokens: Sequence[Token]) -> str:
    for place, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h1":
            return _inline(tokens[place + 1])
    return ""


def read_tokens(tokens: Sequence[Token], outline: Outline) -> None:
    """Walk the flat token stream. Lists are gathered into one block, an item a line; tables into rows of cells."""
    lines: list[str] = []  # the list being read
    bullets: list[str] = []  # the mark of each open list: "-" or the next number
    table: list[list[str]] | None = None
    fresh = False  # the next inline text starts a list item
    for place, token in enumerate(tokens):
        kind = token.type
        if kind in ("bullet_list_open", "ordered_list_open"):
            bullets.append("-" if kind == "bullet_list_open" else str(token.attrs.get("start", 1)))
        elif kind in ("bullet_list_close", "ordered_list_close"):
            bullets.pop()
            if not bullets:
                outline.add("\n".join(lines))
                lines = []
        elif kind == "list_item_open":
            fresh = True
        elif kind == "list_item_close" and bullets and bullets[-1].isdigit():
            bullets[-1] = str(int(bullets[-1]) + 1)
        elif kind == "table_open":
            table = []
        elif kind == "tr_open" and table is not None:
            table.append([])
        elif kind == "table_close" and table is not None:
            outline.add(markdown_table(table), "table")
            table = None
        elif kind in ("fence", "code_block"):
            if bullets:
                outline.add("\n".join(lines))
                lines = []
            outline.add(token.content.rstrip("\n"), "code")
        elif kind == "html_block":
            (lines.append if bullets else outline.add)(_without_tags(token.content))
        elif kind == "inline":
            opener = tokens[place - 1]
            text = _inline(token)
            if opener.type == "heading_open":
                outline.heading(int(opener.tag[1]), text)
            elif table is not None:
                table[-1].append(text)
            elif bullets:
                indent = "  " * (len(bullets) - 1)
                mark = "" if not fresh else "- " if bullets[-1] == "-" else f"{bullets[-1]}. "
                lines.append(indent + mark + text)
                fresh = False
            else:
                outline.add(_without_mdx(text))


def _inline(token: Token) -> str:
    """The words of one inline token: marks of emphasis and link addresses go, code keeps its backticks."""
    parts: list[str] = []
    line = 0  # where the line begins that may be an MDX statement
    for child in token.children or ():
        if child.type == "text":
            parts.append(child.content)
        elif child.type == "code_inline":
            parts.append(f"`{child.content}`")
        elif child.type == "softbreak":
            ends = _ends_statement(parts, line)
            parts.append("\n" if ends else " ")
            line = len(parts) if ends else line
        elif child.type == "hardbreak":
            parts.append("\n")
            line = len(parts)
        elif child.type == "image":
            parts.append(child.content)
        elif child.type == "html_inline" and child.content.lower().startswith("<br"):
            parts.append("\n")
            line = len(parts)
    return _COMMENT.sub("", "".join(parts)).strip()


def _ends_statement(parts: Sequence[str], line: int) -> bool:
    """Whether the parts from `line` are an import or export of MDX, which may go over several lines."""
    begins = line < len(parts) and parts[line].lstrip().startswith(("import", "export"))
    return begins and len(parts) - line <= _STATEMENT_PARTS and _MDX_STATEMENT.match("".join(parts[line:])) is not None


def _without_tags(html: str) -> str:
    text = _TAG.sub("", _BLOCK_ENDS.sub("\n", _COMMENT.sub("", html)))
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())


def _without_mdx(text: str) -> str:
    """A paragraph without MDX statements and components; plain Markdown of documentation sites holds them too."""
    text = _COMPONENT_OPEN.sub("", _COMPONENT.sub("", text))
    return "\n".join(line for line in text.split("\n") if not _MDX_STATEMENT.match(line))
