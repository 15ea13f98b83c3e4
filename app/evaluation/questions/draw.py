"""Which passages drafts are made from: a seeded draw, spread evenly over the documents."""

from __future__ import annotations

import random
from collections import defaultdict

from app.domain import Chunk
from app.library.contents import Contents

_LEAST_TOKENS = 30  # a shorter passage is a heading or a stray line, and no question is about it


def drawn(contents: Contents, seed: int) -> list[Chunk]:
    """Chunks in the order to draft from: one of each document, then a second of each, and so on, at random.

    Short ones are left out, unless all are short.
    """
    long = [chunk for chunk in contents.chunks if chunk.tokens >= _LEAST_TOKENS]
    by_document: dict[str, list[Chunk]] = defaultdict(list)
    for chunk in long or contents.chunks:
        by_document[chunk.document_id].append(chunk)
    shuffle = random.Random(seed)
    piles = list(by_document.values())
    shuffle.shuffle(piles)
    for pile in piles:
        shuffle.shuffle(pile)
    most = max(map(len, piles), default=0)
    return [pile[place] for place in range(most) for pile in piles if place < len(pile)]
