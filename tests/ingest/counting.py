"""Token counts one can check by eye: up to four letters or figures are a token, and so is every mark."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PARTS = re.compile(r"[^\W_]{1,4}|[^\w\s]|_")


def count_parts(texts: Sequence[str]) -> list[int]:
    """`count_parts(["elephants, two"]) == [5]` (elep|hant|s|,|two). Counts add up over words, as WordPiece's do."""
    return [len(_PARTS.findall(text)) for text in texts]
