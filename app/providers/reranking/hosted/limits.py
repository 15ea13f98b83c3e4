"""What one call of a service may hold: passages in batches, and which of them it certainly cuts. Pure.

Nobody's tokenizer is at hand here. Two bounds hold for all of them: a text has no more tokens than bytes (a token is at
least a byte), and no fewer than words between blanks. The first keeps a batch below a limit, the second proves a cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

BLANK = "-"  # stands in for an empty text, which most services refuse


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one service and model; 0 is not known, or none.

    `documents`: passages a call. `window`: tokens of question and passage together, more is cut by the service;
    `document`: tokens of a passage. `total`: tokens of a call, where the question counts once a passage. `size`: bytes
    of all passages of a call, as JSON.
    """

    documents: int = 0
    window: int = 0
    document: int = 0
    total: int = 0
    size: int = 0

    def batches(self, question: str, passages: Sequence[str]) -> Iterator[list[str]]:
        """The passages in order, as few batches as the limits surely allow, none of them empty."""
        batch: list[str] = []
        tokens = size = 0
        asked = _most_tokens(question, self.window)
        for passage in passages:
            cost = asked + _most_tokens(passage, self.window)
            length = len(json.dumps(passage, ensure_ascii=False).encode("utf-8")) if self.size else 0
            full = self.documents > 0 and len(batch) >= self.documents
            heavy = (self.total > 0 and tokens + cost > self.total) or (self.size > 0 and size + length > self.size)
            if batch and (full or heavy):
                yield batch
                batch, tokens, size = [], 0, 0
            batch.append(passage)
            tokens, size = tokens + cost, size + length
        if batch:
            yield batch

    def surely_cut(self, question: str, passage: str) -> bool:
        """Whether the passage is longer than the service reads, whatever its tokenizer; False is no proof."""
        words = len(passage.split())
        long = self.document > 0 and words > self.document
        return long or (self.window > 0 and words + len(question.split()) > self.window)


def sendable(text: str) -> str:
    """A text as a service takes it: not empty, and without halves of surrogate pairs, which no UTF-8 can hold.

    >>> sendable("  "), sendable("a\\ud800b")
    ('-', 'a?b')
    """
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return whole if whole.strip() else BLANK


def _most_tokens(text: str, window: int) -> int:
    size = len(text.encode("utf-8", "replace"))
    return min(size, window) if window else size
