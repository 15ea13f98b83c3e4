"""A number with its noun, in the right number."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """A count and what it counts; `many` where the plural is more than an s, and for the words that follow it.

    >>> counted(1, "document"), counted(1200, "passage")
    ('1 document', '1,200 passages')
    >>> counted(1, "chunk is missing", "chunks are missing")
    '1 chunk is missing'
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
