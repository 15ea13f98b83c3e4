"""Pieces to texts of a bounded size, evenly filled, with whole sentences repeated where prose goes on."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.pieces import Piece

OVERLAP = 0.18  # of a chunk's tokens that may repeat the end of the one before


def pack(pieces: Sequence[Piece], budget: int, *, overlap: float = OVERLAP) -> list[str]:
    """Texts of at most `budget` tokens that hold all pieces in order: `packed`, rendered."""
    return [render(group) for group in packed(pieces, budget, overlap=overlap)]


def packed(pieces: Sequence[Piece], budget: int, *, overlap: float = OVERLAP, even: bool = True) -> list[list[Piece]]:
    """Pieces in groups of at most `budget` tokens, in order, with those repeated that overlap.

    Greedy filling leaves a remnant at the end, so with `even` the same number of groups is filled evenly: the smallest
    budget that still gives that number is found by bisection. Expects pieces within the budget; one above it stands
    alone.
    """
    if not pieces:
        return []
    fewest = _fill(pieces, budget, overlap)
    low, high = max(_cost(None, piece) for piece in pieces), budget
    best = fewest
    while even and len(fewest) > 1 and low < high:
        middle = (low + high) // 2
        tried = _fill(pieces, middle, overlap)
        if len(tried) <= len(fewest):
            best, high = tried, middle
        else:
            low = middle + 1
    return best


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
    """The last pieces of a group that may be repeated, within `most` tokens; never the whole group."""
    tail: list[Piece] = []
    size = 0
    for piece in reversed(group[1:]):
        if not piece.loose or size + piece.tokens > most:
            break
        tail.insert(0, piece)
        size += piece.tokens
    return tail


def _cost(before: Piece | None, piece: Piece) -> int:
    headed = piece.head and (before is None or before.head != piece.head)
    return piece.tokens + (piece.head_tokens if headed else 0)
