"""Source code: every function, method and class a section with its comments; settings files as they stand.

Eight languages are parsed by tree-sitter; the others are cut where an unindented line opens something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module

from tree_sitter import Language, Node, Parser

from ingest.load.decode import decode
from ingest.load.parsed import Block, Parsed, finish

_GRAMMARS = {
    "py pyi": ("tree_sitter_python", "language"),
    "js mjs cjs jsx": ("tree_sitter_javascript", "language"),
    "ts": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "java": ("tree_sitter_java", "language"),
    "go": ("tree_sitter_go", "language"),
    "rs": ("tree_sitter_rust", "language"),
    "c h": ("tree_sitter_c", "language"),
    "cc cpp cxx hpp hh": ("tree_sitter_cpp", "language"),
}
_BY_ENDING = {ending: grammar for endings, grammar in _GRAMMARS.items() for ending in endings.split()}
_PLAIN = frozenset(("yaml", "yml", "toml", "ini", "cfg", "css", "scss"))  # no definitions: as they stand
_DEFINITIONS = frozenset((
    "function_definition", "async_function_definition", "class_definition", "function_declaration",
    "generator_function_declaration", "class_declaration", "method_definition", "interface_declaration",
    "type_alias_declaration", "enum_declaration", "method_declaration", "constructor_declaration",
    "record_declaration", "type_declaration", "function_item", "struct_item", "enum_item", "trait_item", "impl_item",
    "mod_item", "macro_definition", "struct_specifier", "class_specifier", "union_specifier", "enum_specifier",
    "namespace_definition", "internal_module", "abstract_class_declaration",
))  # fmt: skip
_HOLDERS = frozenset((
    "class_definition", "class_declaration", "interface_declaration", "impl_item", "trait_item", "mod_item",
    "namespace_definition", "class_specifier", "struct_specifier", "abstract_class_declaration", "internal_module",
    "enum_declaration", "record_declaration",
))  # fmt: skip
_WRAPPERS = frozenset(("decorated_definition", "export_statement", "template_declaration", "linkage_specification"))
_LEADING = frozenset(("comment", "line_comment", "block_comment", "attribute_item", "decorator"))
_DEEPEST = 8  # definitions within definitions
_SHORT = 1200  # characters: a class that short stays in one piece
_OPENER = re.compile(
    r"(?:(?:pub|public|private|protected|internal|static|final|abstract|override|open|data|sealed|async|export|local|"
    r"default|inline|partial)\s+)*(?:def|fun|func|function|class|interface|trait|object|module|sub|package|struct|"
    r"enum|extension|protocol|impl|type|namespace|message|service|rpc|resource|variable|create\s+(?:or\s+replace\s+)?"
    r"(?:table|view|function|procedure|index))\b\s*[\"'`]?([\w.$:]+)?",
    re.IGNORECASE,
)


def load(name: str, data: bytes) -> Parsed:
    """The title is the file's name with its ending: that is what people ask for. Raises DocumentError as for text."""
    text, warning = decode(data)
    ending = name.rpartition(".")[2].lower()
    if ending in _PLAIN:
        blocks = [Block(part, kind="code") for part in re.split(r"\n{2,}", text)]
    elif ending in _BY_ENDING:
        blocks = list(_by_grammar(text, ending))
    else:
        blocks = list(_by_openers(text))
    title = name.rsplit("/", 1)[-1]
    metadata = {"code": ending}
    return finish(name, blocks, title=title, metadata=metadata, warnings=[warning] if warning is not None else [])


@cache
def _language(module: str, function: str) -> Language:
    return Language(getattr(import_module(module), function)())


def _by_grammar(text: str, ending: str) -> Iterator[Block]:
    source = text.encode("utf-8", errors="replace")
    root = Parser(_language(*_BY_ENDING[ending])).parse(source).root_node
    yield from _definitions(root, source, (), 0)


def _definitions(parent: Node, source: bytes, path: tuple[str, ...], depth: int) -> Iterator[Block]:
    """The children of one node in order: what stands between definitions is code of the section around them."""
    loose: list[bytes] = []
    start = parent.start_byte if depth else 0
    at = start
    lead: int | None = None  # where the comments above the next definition begin
    for child in parent.children:
        found = _definition(child)
        if found is None:
            lead = (child.start_byte if lead is None else lead) if child.type in _LEADING else None
            continue
        begin = lead if lead is not None and lead >= at else child.start_byte
        begin = (
            source.rfind(b"\n", 0, begin) + 1 if source[source.rfind(b"\n", 0, begin) + 1 : begin].isspace() else begin
        )
        loose.append(source[at:begin])
        yield from _plain(loose, path)
        yield from _one(found, source[begin : child.end_byte], source, (*path, _name(found)), depth)
        at, lead = child.end_byte, None
    loose.append(source[at : parent.end_byte])
    yield from _plain(loose, path)


def _one(node: Node, whole: bytes, source: bytes, path: tuple[str, ...], depth: int) -> Iterator[Block]:
    """A definition: in one piece, or, for a long class, its members one by one."""
    body = next((child for child in node.children if child.type.endswith(("body", "block", "list"))), None)
    inner = body is not None and any(_definition(child) is not None for child in body.children)
    if node.type in _HOLDERS and inner and body is not None and len(whole) > _SHORT and depth < _DEEPEST:
        head = whole[: len(whole) - (node.end_byte - body.start_byte)]
        yield from _plain([head], path)
        yield from _definitions(body, source, path, depth + 1)
    else:
        yield from _plain([whole], path)


def _definition(node: Node) -> Node | None:
    """The definition a node is, or wraps (with decorators, `export`, a template); a named arrow function too."""
    if node.type in _WRAPPERS:
        return next((found for child in node.children if (found := _definition(child)) is not None), None)
    if node.type in _DEFINITIONS:
        return node
    if node.type in ("lexical_declaration", "variable_declaration"):
        values = [child.child_by_field_name("value") for child in node.named_children]
        if any(value is not None and value.type in ("arrow_function", "function_expression") for value in values):
            return node
    return None


def _name(node: Node) -> str:
    """A definition's name; C hides it in declarators, Go and JavaScript one level down."""
    for field in ("name", "declarator", "type"):
        found = node.child_by_field_name(field)
        while found is not None and (deeper := found.child_by_field_name("declarator")) is not None:
            found = deeper
        if found is not None and found.text is not None:
            return found.text.decode("utf-8", errors="replace").split("\n")[0][:80]
    for child in node.named_children:
        if child.child_by_field_name("name") is not None:
            return _name(child)
    return node.type.replace("_", " ")


def _plain(parts: list[bytes], path: tuple[str, ...]) -> Iterator[Block]:
    text = b"".join(parts).decode("utf-8", errors="replace").strip("\n")
    parts.clear()
    if any(character.isalnum() for character in text):
        yield Block(text, path, kind="code")


def _by_openers(text: str) -> Iterator[Block]:
    """Cut at unindented lines that open a definition; comments right above go with it."""
    lines = text.split("\n")
    starts: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        found = _OPENER.match(line)
        if found is not None:
            first = number
            while first and lines[first - 1].lstrip().startswith(("#", "//", "--", "*", "/*", "@", '"""')):
                first -= 1
            starts.append((first, found.group(1) or line.strip()[:60]))
    ends = [start for start, _ in starts[1:]] + [len(lines)]
    if starts and starts[0][0] or not starts:
        yield Block("\n".join(lines[: starts[0][0] if starts else len(lines)]).strip("\n"), kind="code")
    for (start, name), end in zip(starts, ends, strict=True):
        yield Block("\n".join(lines[start:end]).strip("\n"), (name,), kind="code")
