"""Pieces to texts of a bounded size, evenly filled, with whole sentences repeated where prose goes on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ingest.pieces import Piece

OVERLAP = 0.18  # of a chunk's tokens that may repeat the end of the one before

# What a chunk costs, with 1 for being one: chosen on articles A to M of dev_squad2, see docs/chunking.md.
PARAGRAPH_CUT = 0.0
SENTENCE_CUT = 3.0
EMPTY = 0.5  # times the square of the share that is empty


def pack(pieces: Sequence[Piece], budget: int, *, overlap: float = OVERLAP) -> list[str]:
    """Texts of at most `budget` tokens that hold all pieces in order: `packed`, rendered."""
    return [render(group) for group in packed(pieces, budget, overlap=overlap)]


def packed(pieces: Sequence[Piece], budget: int, *, overlap: float = OVERLAP, even: bool = True) -> list[list[Piece]]:
    """Pieces in groups of at most `budget` tokens, in order, with those repeated that overlap.

    With `even`, the groups are those that cost least in all (see `_plan`): few, cut between paragraphs rather than
    within one, none much smaller than the others. Without, each is filled to the limit. Expects pieces within the
    budget; one above it stands alone.
    """
    if not pieces:
        return []
    if not even:
        return _fill(pieces, budget, overlap)
    starts = _plan(pieces, budget, overlap)
    groups: list[list[Piece]] = []
    for start, end in zip(starts, [*starts[1:], len(pieces)], strict=True):
        before = groups[-1][-(start - starts[len(groups) - 1]) :] if groups else []
        tail = [] if opens_paragraph(pieces[start]) else _tail(before, _room(pieces[start], budget, overlap))
        groups.append([*tail, *pieces[start:end]])
    return groups


def opens_paragraph(piece: Piece) -> bool:
    return piece.glue == "\n\n"


def _plan(pieces: Sequence[Piece], budget: int, overlap: float) -> list[int]:
    """Where the groups start, so that their costs add up to the least: dynamic programming over the pieces, as TeX
    breaks a paragraph into lines (Knuth and Plass, 1981). The pieces of a group are few, so it is linear."""
    best = [0.0] + [math.inf] * len(pieces)  # of the pieces before a place
    came = [0] * (len(pieces) + 1)
    for start, piece in enumerate(pieces):
        cut = 0.0 if start == 0 else PARAGRAPH_CUT if opens_paragraph(piece) else SENTENCE_CUT
        # What is repeated takes room too.
        repeated = (
            0 if start == 0 or opens_paragraph(piece) else _repeated(pieces, start, _room(piece, budget, overlap))
        )
        size = repeated
        for end in range(start, len(pieces)):
            size += _cost(pieces[end - 1] if end > start else None, pieces[end])
            if size > budget and end > start:
                break
            empty = max(0, budget - size) / budget
            cost = best[start] + 1.0 + cut + EMPTY * empty * empty
            if cost < best[end + 1]:
                best[end + 1], came[end + 1] = cost, start
    starts: list[int] = []
    end = len(pieces)
    while end:
        end = came[end]
        starts.insert(0, end)
    return starts


def _room(piece: Piece, budget: int, overlap: float) -> int:
    """Tokens that may be repeated before this piece."""
    return min(int(budget * overlap), budget - _cost(None, piece))


def _repeated(pieces: Sequence[Piece], start: int, most: int) -> int:
    """At most how many tokens are repeated when a group starts here."""
    size = 0
    for place in range(start - 1, 0, -1):
        piece = pieces[place]
        if not piece.loose or size + piece.tokens > most:
            break
        size += piece.tokens
        if opens_paragraph(piece):
            break
    return size


def render(pieces: Sequence[Piece]) -> str:
    """The text of some pieces, a table's header before the first of its rows."""
    parts: list[str] = []
    before: Piece | None = None
    for piece in pieces:
        parts.append(piece.glue if before is not None else "")
        if piece.head and (before is None or before.head != piece.head):
            parts.append(piece.head + "\n")
        parts.append(piece.text)
        before = piece
    return "".join(parts).strip("\n")


def _fill(pieces: Sequence[Piece], budget: int, overlap: float) -> list[list[Piece]]:
    groups: list[list[Piece]] = []
    group: list[Piece] = []
    size = 0
    fresh = 0  # pieces of this group that are not overlap
    for piece in pieces:
        cost = _cost(group[-1] if group else None, piece)
        if fresh and size + cost > budget:
            groups.append(group)
            group = _tail(group, min(int(budget * overlap), budget - _cost(None, piece)))
            size, fresh = sum(p.tokens for p in group), 0
            cost = _cost(group[-1] if group else None, piece)
        group.append(piece)
        size += cost
        fresh += 1
    groups.append(group)
    return groups


def _tail(group: Sequence[Piece], most: int) -> list[Piece]:
    """The last pieces of a group that may be repeated, within `most` tokens and one paragraph; never all of it."""
    tail: list[Piece] = []
    size = 0
    for piece in reversed(group[1:]):
        if not piece.loose or size + piece.tokens > most:
            break
        tail.insert(0, piece)
        size += piece.tokens
        if opens_paragraph(piece):
            break
    return tail


def _cost(before: Piece | None, piece: Piece) -> int:
    headed = piece.head and (before is None or before.head != piece.head)
    return piece.tokens + (piece.head_tokens if headed else 0)
