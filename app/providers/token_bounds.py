"""How many tokens a text has at most, without a tokenizer: services have theirs, whose tables would be a download."""

from __future__ import annotations

import math
import re

_PIECES = re.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]")


def estimated_tokens(text: str) -> int:
    """Meant to be somewhat above what OpenAI's tokenizers make of prose, code and tables.

    A word counts a token for every six letters, a number one for every three digits, any other character one; the
    whole at least one for every four bytes; and 15 % on top.
    """
    pieces = sum(_piece_tokens(piece) for piece in _PIECES.findall(text))
    return min(most_tokens(text), math.ceil(1.15 * max(pieces, len(text.encode("utf-8", "replace")) / 4)))


def most_tokens(text: str) -> int:
    """The bytes: no token of a byte-level tokenizer is shorter, so this bound holds for any text."""
    return len(text.encode("utf-8", "replace"))


def _piece_tokens(piece: str) -> int:
    if piece[0].isdigit():
        return math.ceil(len(piece) / 3)
    return math.ceil(len(piece) / 6) if piece[0].isalpha() and piece.isascii() else 1
