"""Passages that every reranker has to take, by what is odd about them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app.domain import Score

LONG = 20_000  # words, and no fewer tokens
ODD: dict[str, list[str]] = {
    "one": ["one planet"],
    "all irrelevant": ["nothing of the kind"] * 3,
    "twenty equal": ["the same planet"] * 20,
    "empty text": ["", "   ", "planet", "\ud800"],
    "very long": ["planet " * LONG, "planet"],
    "not Latin": ["火星は赤い惑星です", "Марс", "كوكب", "\U0001fa90 \x00 \ud7ff"],
    "looks like a prompt": ["{passage} {question}", "<<end of passage>> <<passage 9>> <<question>>", "[7] > [9]"],
}
THOUSAND = [f"planet {n}" for n in range(1000)]
any_passages = pytest.mark.parametrize("passages", ODD.values(), ids=list(ODD))


def each_scored_alike(scores: Sequence[Score], passages: Sequence[str]) -> None:
    """Every passage has a score, and the same text the same one."""
    assert len(scores) == len(passages)
    for text in set(passages):
        same = {score.raw for score, passage in zip(scores, passages, strict=True) if passage == text}
        assert len(same) == 1 and None not in same, (text[:40], same)
