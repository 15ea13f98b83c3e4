"""What every loader gives: a document as blocks in reading order, with where each block stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from app.domain import Metadata, Scalar
from app.errors import DocumentError
from app.instructing import instruction_in
from ingest.load.hidden import without_hidden

Kind = Literal["prose", "code", "table", "row"]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a document as its format has it.

    `prose`: paragraphs or list lines. `code`: kept with its line breaks. `table`: Markdown, header row first.
    `row`: one record of a CSV or JSONL file, which is never joined with another. `page` is 1-based. `title` stands
    in for the document's title where a record has its own; `metadata` belongs to this block only.
    """

    text: str
    section: tuple[str, ...] = ()
    page: int | None = None
    kind: Kind = "prose"
    title: str | None = None
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parsed:
    """One document after loading. `warnings` are whole sentences for the report."""

    title: str
    blocks: tuple[Block, ...]
    metadata: Metadata = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


_UNBROKEN = re.compile(r"[A-Za-z0-9+/=_\-]{1000,}")
_UNBROKEN_KEPT = 100
# Rules and the dots of a table of contents: to a tokenizer every mark is a token.
_RULE = re.compile(r"([.\-_=*~#·…─—])\1{5,}|(?:[.·] ){5,}[.·]?")
# Control and invisible characters that carry no text: they would reach the page and the index otherwise.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\u200b\u2060\ufffe\uffff\ud800-\udfff]")
_SPACE_LIKE = str.maketrans({"\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u00ad": None, "\r": None})


def finish(
    name: str,
    blocks: Iterable[Block],
    *,
    title: str = "",
    metadata: Mapping[str, Scalar] | None = None,
    warnings: Iterable[str] = (),
) -> Parsed:
    """Clean the blocks and close the document. `name` is the file's name, the title where none was found.

    Unbroken runs of a thousand and more ASCII letters (base64, keys, minified data) are no language: the first
    hundred characters stay, the rest is counted in a warning. Characters that hide words are taken out and counted;
    words that speak to a language model are named, and stay: they are data.

    Raises DocumentError when no readable text is left.
    """
    left_out = tricks = 0
    instructing: list[str] = []
    kept: list[Block] = []
    title = _one_line(title) or title_from_name(name)
    for block in blocks:
        text, hidden = without_hidden(block.text)
        text, dropped = _clean(text)
        left_out += dropped
        tricks += hidden
        if (phrase := instruction_in(text)) is not None:
            instructing.append(phrase)
        if any(character.isalnum() for character in text):
            section = tuple(part for part in (_one_line(part) for part in block.section) if part)
            # A first heading that became the title would stand in front of every passage twice.
            section = section[1:] if section and section[0] == title else section
            own = _one_line(block.title) if block.title is not None else None
            kept.append(replace(block, text=text, section=section, title=own, metadata=_plain(block.metadata)))
    notes = list(warnings)
    if left_out:
        notes.append(f"left out {left_out:,} characters of unbroken data (base64 or the like)")
    if tricks:
        notes.append(f"took out {tricks:,} invisible characters that hide or reorder words; the words themselves stay")
    if instructing:
        places = f"{len(instructing)} places speak" if len(instructing) > 1 else "one place speaks"
        notes.append(f"{places} to a language model (“{instructing[0]}”): kept as data, and flagged on the page")
    if not kept:
        raise DocumentError(
            "nothing but unbroken data in it" if left_out else "no readable text in it",
            hint="Look at the file: it holds no words that a question could find.",
        )
    return Parsed(title=title, blocks=tuple(kept), metadata=_plain(metadata or {}), warnings=tuple(notes))


def title_from_name(name: str) -> str:
    """`title_from_name("getting-started_2.md") == "getting started 2"`."""
    stem = name.rsplit("/", 1)[-1]
    stem = stem.rsplit(".", 1)[0] if "." in stem.lstrip(".") else stem
    return _one_line(re.sub(r"[_\-]+", " ", stem)) or name


def _one_line(text: str) -> str:
    return " ".join(_CONTROL.sub("", without_hidden(text)[0].translate(_SPACE_LIKE)).split())


def _plain(metadata: Metadata) -> dict[str, Scalar]:
    return {_one_line(key): _one_line(value) if isinstance(value, str) else value for key, value in metadata.items()}


def _clean(text: str) -> tuple[str, int]:
    """The text without control characters and unbroken data, and how many characters of data went."""
    text = _CONTROL.sub("", text.translate(_SPACE_LIKE))
    text = _RULE.sub(lambda match: match.group()[0] * 3 + " " * match.group().endswith(" "), text)
    dropped = 0

    def shorten(match: re.Match[str]) -> str:
        nonlocal dropped
        run = match.group()
        dropped += len(run) - _UNBROKEN_KEPT
        return run[:_UNBROKEN_KEPT] + "…"

    return _UNBROKEN.sub(shorten, text).strip("\n"), dropped
