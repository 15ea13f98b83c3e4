"""Characters that hide words or change their order on the screen: taken out, and counted. Pure.

The words stay: a direction override only changes how they look, a zero-width mark only parts them. Marks that
languages need (joiners in Persian and Indic words and in emoji, direction marks beside Arabic and Hebrew) do no harm;
joiners stay where they belong, the rest goes without a word.
"""

from __future__ import annotations

import re

_SUSPECT = re.compile(
    "[\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
# A flag of a region is written with tag letters (Unicode TR 51): the only honest use of them.
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f")
_TAGS = re.compile("[\U000e0000-\U000e007f]")
_OVERRIDES = re.compile("[\u202d\u202e]")
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202c\u2066-\u206f]")
_IN_WORD = re.compile("(?<=[A-Za-z])[\u180e\u200b-\u200d\u2060-\u2064\ufeff]+(?=[A-Za-z])")
_ZERO_WIDTH = re.compile("[\u180e\u200b\u2060-\u2064\ufeff]")
# Without an ideograph before it, a supplementary variation selector says nothing: bytes can be hidden in a row of them.
_SELECTORS = re.compile("(?<![\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef]+")


def without_hidden(text: str) -> tuple[str, int]:
    """The text without them, and how many were there that only serve to deceive: direction overrides, tag letters
    outside flags, zero-width marks inside English words, stray variation selectors.

    >>> without_hidden("ig\\u200bnore \\u202etxt")
    ('ignore txt', 2)
    >>> without_hidden("\\u0645\\u06cc\\u200c\\u062e\\u0648\\u0627\\u0647\\u0645")[1]
    0
    """
    if _SUSPECT.search(text) is None:
        return text, 0
    flags = _FLAG.findall(text)
    text = _FLAG.sub("\ue012", text)
    tricks = 0
    for pattern in (_TAGS, _OVERRIDES, _IN_WORD, _SELECTORS):
        text, count = pattern.subn("", text)
        tricks += count
    text = _ZERO_WIDTH.sub("", _DIRECTIONS.sub("", text))
    for flag in flags:
        text = text.replace("\ue012", flag, 1)
    return text, tricks
