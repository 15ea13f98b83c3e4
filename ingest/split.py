"""Blocks to chunks of at most 220 tokens of the embedding model's own tokenizer, by one of the strategies of `cutting`.

What is embedded is the title, the section path and the text, a line each, and all of it counts (`Chunk.tokens`).
`headings` and `definitions`: chunks do not cross headings or pages, unless pieces too small to stand alone are gathered
under the heading they share. `sentences` and `tokens` go on across headings, not across pages; a chunk then carries the
section it begins in, and those that begin within it stand in its text. `rows`: nothing is joined with anything.
Sentences, lines of code and table rows stay whole except under `tokens`; a table's header is repeated; prose that needs
several chunks overlaps, by whole sentences.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain import Chunk, Metadata
from ingest.cutting import LIMIT, Strategy
from ingest.flow import flowing
from ingest.load.parsed import Block, Parsed
from ingest.pack import pack, packed, render
from ingest.pieces import Count, Piece, measure, pieces_of

_HEAD_SHARE = 0.4  # of the limit that title and section may take
_TINY = 60  # tokens: a group below it looks for a neighbour under the same heading


@dataclass(frozen=True, slots=True)
class Cut:
    """A chunk, and the text that is embedded for it."""

    chunk: Chunk
    embedded: str


_Heads = dict[tuple[str, tuple[str, ...]], tuple[str, int]]


@dataclass(slots=True)
class _Group:
    """Pieces that may share a chunk: one section of one page, or one record."""

    section: tuple[str, ...]
    page: int | None
    title: str
    metadata: Metadata
    sealed: bool
    pieces: list[Piece]
    # The pieces go on across headings: each carries its own section, and they take the place of `section`.
    flowing: bool = False
    # What was gathered, each with its own section: the headings below the shared one are written into the text.
    members: list[tuple[tuple[str, ...], list[Piece]]] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        return sum(piece.tokens + piece.head_tokens for piece in self.pieces)


def split(
    parsed: Parsed, document_id: str, count: Count, *, limit: int = LIMIT, strategy: Strategy = "headings"
) -> tuple[Cut, ...]:
    """The chunks of one document in order.

    `count` gives the tokens of each text in the embedding model's tokenizer, without special tokens; it is called a
    few times a document, never once a sentence. `limit` bounds title, section and text together. Ids depend on the
    document, the text and how often this text came before: an unchanged passage keeps its id when others change.
    """
    heads = _heads(parsed, count, limit)
    groups = _groups(parsed, heads, count, limit, strategy)
    if strategy in ("headings", "definitions"):
        groups = _gathered(groups, heads, count, limit)
    cuts: list[tuple[_Group, str, str]] = []
    for group in groups:
        if group.flowing:
            cuts.extend(_flowed(group, heads, limit, even=strategy != "tokens"))
            continue
        head, head_tokens = heads[group.title, group.section]
        cuts.extend((group, head, text) for text in pack(group.pieces, limit - head_tokens))
    return _chunks(_verified(cuts, count, limit), document_id)


def _groups(parsed: Parsed, heads: _Heads, count: Count, limit: int, strategy: Strategy) -> list[_Group]:
    budgets = [limit - heads[_title(block, parsed), block.section][1] for block in parsed.blocks]
    if strategy in ("sentences", "tokens"):
        found = flowing(parsed.blocks, count, budgets, words=strategy == "tokens")
    else:
        found = pieces_of(parsed.blocks, count, budgets, definitions=strategy == "definitions")
    groups: list[_Group] = []
    for block, pieces in zip(parsed.blocks, found, strict=True):
        if not pieces:
            continue
        last = groups[-1] if groups else None
        flows = strategy in ("sentences", "tokens") and block.kind != "row"
        sealed = block.kind == "row" or strategy == "rows"
        joins = last is not None and not last.sealed and not sealed
        if last is not None and joins and _same_place(last, block, parsed, across_headings=flows):
            last.pieces.extend(pieces)
            continue
        title = _title(block, parsed)
        rows = strategy == "rows" and any(piece.head for piece in pieces)
        for part in [[piece] for piece in pieces] if rows else [pieces]:
            groups.append(_Group(block.section, block.page, title, block.metadata, sealed, part, flows))
    return groups


def _flowed(group: _Group, heads: _Heads, limit: int, *, even: bool) -> list[tuple[_Group, str, str]]:
    """The chunks of pieces that go on across headings: each carries the section of its first piece."""
    room = limit - max(heads[group.title, piece.section][1] for piece in group.pieces)
    cuts: list[tuple[_Group, str, str]] = []
    for pieces in packed(group.pieces, room, even=even):
        here = pieces[0].section
        head = heads[group.title, here][0]
        own = _Group(here, group.page, group.title, group.metadata, group.sealed, pieces)
        # A heading that opens the chunk stands above it already, as its section path.
        text = render([piece for piece in pieces if not (piece.heading and piece is pieces[0])])
        if text:
            cuts.append((own, head, text))
    return cuts


def _title(block: Block, parsed: Parsed) -> str:
    return block.title if block.title is not None else parsed.title


def _same_place(group: _Group, block: Block, parsed: Parsed, *, across_headings: bool = False) -> bool:
    return (
        (group.section == block.section or across_headings)
        and group.flowing == across_headings
        and group.page == block.page
        and group.title == _title(block, parsed)
        and group.metadata == block.metadata
    )


def _gathered(groups: Sequence[_Group], heads: _Heads, count: Count, limit: int) -> list[_Group]:
    """Join a tiny group with its neighbour where one heading stands above both and the two fit into one chunk."""
    names = list({name for group in groups for name in group.section})
    sizes = dict(zip(names, measure(names, count), strict=True))
    result: list[_Group] = []
    for group in groups:
        last = result[-1] if result else None
        if last is not None and _joinable(last, group):
            shared = _shared(last.section, group.section)
            members = [*(last.members or [(last.section, last.pieces)]), (group.section, group.pieces)]
            pieces = [piece for section, part in members for piece in _headed(section[len(shared) :], part, sizes)]
            room = limit - heads[last.title, shared][1]
            if sum(piece.tokens + piece.head_tokens for piece in pieces) <= room:
                result[-1] = _Group(shared, last.page, last.title, last.metadata, False, pieces, members=members)
                continue
        result.append(group)
    return result


def _joinable(last: _Group, group: _Group) -> bool:
    if last.sealed or group.sealed or last.title != group.title or last.metadata != group.metadata:
        return False
    if min(last.tokens, group.tokens) > _TINY:
        return False
    shared = len(_shared(last.section, group.section))
    # Siblings, or one inside the other: they share all but their last headings.
    return shared >= max(len(last.section), len(group.section)) - 1


def _shared(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return a[:length]


def _headed(section: tuple[str, ...], pieces: list[Piece], sizes: dict[str, int]) -> list[Piece]:
    if not section:
        return pieces
    heading = Piece(" > ".join(section), "\n\n", sum(sizes[name] + 1 for name in section), loose=False)
    first, *rest = pieces
    return [heading, Piece(first.text, "\n", first.tokens, first.head, first.head_tokens, first.loose), *rest]


def _heads(parsed: Parsed, count: Count, limit: int) -> _Heads:
    """The lines above the text of every place (and of the headings above it, where texts may be gathered), shortened
    until they take at most two fifths of the limit, with their tokens.

    Outer headings go first (the inner one says what this passage is about), then the line's end.
    """
    most = math.floor(limit * _HEAD_SHARE)
    places = {
        (_title(block, parsed), block.section[:depth])
        for block in parsed.blocks
        for depth in range(len(block.section) + 1)
    }
    lines = {place: _head(*place) for place in places}
    sizes: dict[str, int] = {}
    while unknown := list({line for line in lines.values() if line not in sizes}):
        sizes.update(zip(unknown, measure(unknown, count), strict=True))
        for place, line in lines.items():
            if sizes[line] > most:
                lines[place] = _shorter(line)
    return {place: (line, sizes[line]) for place, line in lines.items()}


def _head(title: str, section: tuple[str, ...]) -> str:
    return "\n".join(part for part in (title, " > ".join(section)) if part)


def _shorter(line: str) -> str:
    title, _, section = line.partition("\n")
    if " > " in section:
        return f"{title}\n{section.split(' > ', 1)[1]}"
    longest = max(title, section, key=len)
    clipped = longest[: max(1, len(longest) * 2 // 3)].rstrip()
    return "\n".join(part for part in ((clipped, section) if longest is title else (title, clipped)) if part)


def _verified(cuts: list[tuple[_Group, str, str]], count: Count, limit: int) -> list[tuple[_Group, str, str, int]]:
    """Count each finished text as a whole. WordPiece adds up exactly; other tokenizers may give more for a whole than
    for its parts, and what is above the limit then is cut again with that much less room."""
    result: list[tuple[_Group, str, str, int]] = []
    sizes = measure([_embedded(head, text) for _, head, text in cuts], count)
    for (group, head, text), size in zip(cuts, sizes, strict=True):
        if size <= limit:
            result.append((group, head, text, size))
            continue
        room = limit - measure([head], count)[0]
        smaller = max(1, min(room - 1, room * limit // size - 2))
        again = pack(pieces_of([Block(text)], count, [smaller])[0], smaller, overlap=0.0)
        if len(again) < 2:
            half = len(text) // 2
            again = [text[:half].rstrip(), text[half:].lstrip()]
        result.extend(_verified([(group, head, part) for part in again if part], count, limit))
    return result


def _embedded(head: str, text: str) -> str:
    return f"{head}\n{text}" if head else text


def _chunks(cuts: Sequence[tuple[_Group, str, str, int]], document_id: str) -> tuple[Cut, ...]:
    seen: Counter[str] = Counter()
    result: list[Cut] = []
    for ordinal, (group, head, text, tokens) in enumerate(cuts):
        digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
        name = f"{document_id}\0{digest}\0{seen[digest]}"
        seen[digest] += 1
        chunk = Chunk(
            id=hashlib.sha256(name.encode("utf-8")).hexdigest()[:24],
            document_id=document_id,
            text=text,
            title=group.title,
            ordinal=ordinal,
            tokens=tokens,
            section=group.section,
            page=group.page,
            metadata=group.metadata,
        )
        result.append(Cut(chunk, _embedded(head, text)))
    return tuple(result)
