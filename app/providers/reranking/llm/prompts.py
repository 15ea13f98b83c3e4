"""Prompts of the LLM rerankers (app/prompts/rerank_*.txt), and passages as text that fits into them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from app.providers.openai_embedding import estimated_tokens

_PROMPTS = Path(__file__).resolve().parents[3] / "prompts"


@cache
def prompt(name: str) -> str:
    """A prompt file's text, without the line break at its end."""
    return (_PROMPTS / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


def fill(template: str, values: Mapping[str, object]) -> str:
    """The template with its `{names}` replaced, in one pass: braces in what is filled in are left alone.

    >>> fill("{a} and {b}", {"a": "{b}", "b": 2})
    '{b} and 2'
    """
    return re.sub(r"\{(\w+)\}", lambda found: str(values[found[1]]), template)


def fenced(text: str) -> str:
    """A text in which nothing can close a fence of ours: doubled brackets are widened. A blank stands for nothing.

    >>> fenced("a <<passage>> b"), fenced(" ")
    ('a < <passage> > b', '-')
    """
    return text.replace("<<", "< <").replace(">>", "> >") if text.strip() else "-"


def numbered(passages: Sequence[str]) -> str:
    """Passages as a prompt shows them: fenced, numbered from 1."""
    return "\n".join(
        f"<<passage {number}>>\n{fenced(passage)}\n<<end of passage {number}>>"
        for number, passage in enumerate(passages, 1)
    )


def digest_of(*prompts: str) -> str:
    """What tells two versions of the prompts apart, eight hex digits: a calibration belongs to the prompt as well."""
    return hashlib.sha256("\0".join(prompts).encode("utf-8")).hexdigest()[:8]


def windows_of_text(text: str, room: int, overlap: int = 32) -> list[str]:
    """The text in pieces that come to at most `room` tokens by estimate, cut between words; at least one.

    >>> windows_of_text("a short one", 100)
    ['a short one']
    """
    if estimated_tokens(text) <= room:
        return [text]
    words = re.findall(r"\S+\s*", text) or [text]
    sizes = [estimated_tokens(word) for word in words]
    pieces: list[str] = []
    start = 0
    while start < len(words):
        end, size = start, 0
        while end < len(words) and (end == start or size + sizes[end] <= room):
            size += sizes[end]
            end += 1
        pieces.append("".join(words[start:end]))
        if end == len(words):
            break
        start = max(start + 1, _back(sizes, end, min(overlap, room // 4)))
    return [part for piece in pieces for part in _chopped(piece, room)]


def _back(sizes: list[int], end: int, overlap: int) -> int:
    """Where the next piece starts, so that it shares about `overlap` tokens with the one that ended at `end`."""
    shared = 0
    while end > 0 and shared + sizes[end - 1] <= overlap:
        end -= 1
        shared += sizes[end]
    return end


def _chopped(piece: str, room: int) -> list[str]:
    """A single word that is longer than the room, in parts; scripts without blanks come as one word."""
    if estimated_tokens(piece) <= room:
        return [piece]
    step = max(1, room // 4)  # no letter of any script takes more than four bytes, and no token less than one
    return [piece[at : at + step] for at in range(0, len(piece), step)]
