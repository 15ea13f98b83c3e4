"""Pieces of a document that is cut without regard to its headings: they flow on, and say where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ingest.load.parsed import Block
from ingest.pieces import Count, Piece, measure, pieces_of, word_pieces


def flowing(blocks: Sequence[Block], count: Count, budgets: Sequence[int], *, words: bool) -> list[list[Piece]]:
    """As `pieces_of`, each piece with its block's section, and a heading as a piece of its own where a section begins.

    With `words`, everything is cut between words, a few of them a piece, so that chunks can be filled to the limit.
    Rows are never joined with anything and stay as they are.
    """
    found = word_pieces(blocks, count, budgets) if words else pieces_of(blocks, count, budgets)
    headings = [_opened(blocks, place) for place in range(len(blocks))]
    sizes = measure(headings, count)
    flow: list[list[Piece]] = []
    for block, pieces, heading, size, budget in zip(blocks, found, headings, sizes, budgets, strict=True):
        placed = [replace(piece, section=block.section) for piece in pieces]
        if heading and placed and size * 2 <= budget:
            placed.insert(0, Piece(heading, "\n\n", size, loose=False, section=block.section, heading=True))
        flow.append(placed)
    return flow


def _opened(blocks: Sequence[Block], place: int) -> str:
    """The headings that begin with this block: what its path has below the one before; "" where it goes on in it."""
    block = blocks[place]
    before = blocks[place - 1] if place else None
    if block.kind == "row" or before is None or before.section == block.section or before.page != block.page:
        return ""
    shared = 0
    while shared < min(len(block.section), len(before.section)) and block.section[shared] == before.section[shared]:
        shared += 1
    return " > ".join(block.section[shared:])
