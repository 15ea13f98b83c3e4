"""Names and messages from outside, as they can be printed: nothing in them moves, hides or breaks a line. Pure.

A file's name may hold a line break (and so a line of its own in a report), an escape sequence for the terminal, or a
mark that turns the order of letters round, `fdp.exe` into `exe.pdf`.
"""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


def printable(line: str) -> str:
    """Control characters and marks of direction as what Python writes for them.

    >>> printable("a\\nadded: b.md")
    'a\\\\nadded: b.md'
    >>> print(printable("\\u202efdp.exe"))
    \\u202efdp.exe
    """
    return _UNPRINTABLE.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), line)
