"""reStructuredText: underlined headings as sections, code and literal blocks kept, inline markup taken off."""

from __future__ import annotations

import re

from ingest.load.decode import decode
from ingest.load.outline import Outline
from ingest.load.parsed import Parsed, finish
from ingest.load.text import unwrap

_RULE = re.compile(r"([!-/:-@\[-`{-~])\1{2,}\s*$")
_DIRECTIVE = re.compile(r"\.\.\s+([\w:+-]+)::\s*(.*)$")
_CODE = frozenset({"code", "code-block", "sourcecode", "highlight", "parsed-literal", "literalinclude", "doctest"})
_PICTURES = frozenset({"image", "figure", "toctree", "contents", "include", "raw", "index", "meta", "only", "target"})
_OPTION = re.compile(r"\s+:[\w -]+:(\s.*)?$")
# All of them bounded: a hostile line of one repeated mark must not take a quadratic time.
_ROLE = re.compile(r"(?::[\w:+.-]{1,60}:)`~?([^`<]{1,300}?)(?:\s{0,9}<[^`<>]{0,300}>)?`")
_LINK = re.compile(r"`([^`<]{1,300}?)\s{0,9}<[^`<>]{0,500}>`__?")
_REFERENCE = re.compile(r"`([^`]{1,300})`__?|(?<![\w.-])(\w[\w.-]{0,80})_(?=[\s.,;:)]|$)")
_EMPHASIS = re.compile(r"(?<!\w)(\*\*?)(\S(?:[^*\n]{0,500}\S)?)\1(?!\w)")
_LITERAL = re.compile(r"``([^`]{1,500})``")
_TABLE = re.compile(r"^\s*(\+[-=+]+\+|=+(\s+=+)+)\s*$")


def load(name: str, data: bytes) -> Parsed:
    """Which mark underlines which level is taken from the order in which the marks first appear, as docutils does.
    Comments, targets and pictures are left out. Raises DocumentError as for text."""
    text, warning = decode(data)
    lines = text.expandtabs(8).split("\n")
    outline = Outline()
    levels: list[str] = []
    title = ""
    at = 0
    while at < len(lines):
        found = _heading(lines, at)
        if found is not None:
            mark, words, after = found
            if mark not in levels:
                levels.append(mark)
            title = title or words
            outline.heading(levels.index(mark) + 1, inline(words))
            at = after
        else:
            at = _block(lines, at, outline)
    notes = [warning] if warning is not None else []
    return finish(name, outline.blocks(), title=inline(title), warnings=notes)


def _heading(lines: list[str], at: int) -> tuple[str, str, int] | None:
    """(mark, words, the line after); an overlined mark counts as another one."""
    line = lines[at]
    below = lines[at + 1] if at + 1 < len(lines) else ""
    if _RULE.match(line) and below.strip() and at + 2 < len(lines) and lines[at + 2].strip() == line.strip():
        return line[0] * 2, below.strip(), at + 3
    if line.strip() and not line[0].isspace() and _RULE.match(below) and len(below.strip()) >= len(line.strip()) - 1:
        before = lines[at - 1] if at else ""
        if not before.strip() or _RULE.match(before):
            return below[0], line.strip(), at + 2
    return None


def _block(lines: list[str], at: int, outline: Outline) -> int:
    """One paragraph, table, directive or literal block; gives the line after it."""
    line = lines[at]
    if not line.strip() or _RULE.fullmatch(line.strip()) and not _TABLE.match(line):
        return at + 1
    directive = _DIRECTIVE.match(line.strip())
    if line.lstrip().startswith(".. ") or line.strip() == "..":
        end = _indented(lines, at + 1, _indent(line))
        if directive is not None and directive.group(1) not in _PICTURES:
            _directive(directive.group(1), directive.group(2), lines[at + 1 : end], outline)
        return end
    end = at
    while end < len(lines) and lines[end].strip():
        end += 1
    paragraph = lines[at:end]
    if _TABLE.match(line):
        outline.add("\n".join(paragraph), "code")  # drawn with characters: as it stands
        return end
    literal = paragraph[-1].rstrip().endswith("::")
    words = "\n".join(paragraph)
    if literal:
        words = words.rstrip()[:-1] if not words.rstrip().endswith(" ::") and words.strip() != "::" else words[:-2]
    outline.add(inline(unwrap(words)))
    if literal:
        after = _indented(lines, end, _indent(line))
        outline.add(_dedented(lines[end:after]), "code")
        return max(after, end)
    return end


def _directive(kind: str, argument: str, body: list[str], outline: Outline) -> None:
    content = [line for n, line in enumerate(body) if not (_OPTION.match(line) and _before_text(body, n))]
    text = _dedented(content)
    if kind in _CODE:
        outline.add(text, "code")
        return
    label = f"{kind.capitalize()}: {argument}".strip() if argument else ""
    if "table" in kind or kind in ("math", "csv-table"):
        outline.add("\n".join(part for part in (argument, text) if part), "code")
    else:
        outline.add(inline("\n\n".join(part for part in (label, unwrap(text)) if part)))


def _before_text(body: list[str], place: int) -> bool:
    """Options stand before the first blank line of a directive."""
    return all(line.strip() for line in body[:place])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _indented(lines: list[str], at: int, indent: int) -> int:
    """The end of the lines from `at` that are blank or indented deeper than `indent`; trailing blanks excluded."""
    end = at
    for place in range(at, len(lines)):
        if lines[place].strip():
            if _indent(lines[place]) <= indent:
                break
            end = place + 1
    return end


def _dedented(lines: list[str]) -> str:
    inner = min((_indent(line) for line in lines if line.strip()), default=0)
    return "\n".join(line[inner:].rstrip() for line in lines).strip("\n")


def inline(text: str) -> str:
    """Words without the marks of roles, links and emphasis; literals keep one backtick."""
    text = _LITERAL.sub(lambda match: f"\0{match.group(1)}\0", text)
    text = _LINK.sub(r"\1", _ROLE.sub(r"\1", text))
    text = _REFERENCE.sub(lambda match: match.group(1) or match.group(2), text)
    return _EMPHASIS.sub(r"\2", text).replace("\0", "`").strip()
