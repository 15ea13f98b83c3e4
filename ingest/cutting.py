"""How a document is cut: the strategy chosen by its format, or the one a person set; and what that is called.

A setting reads `auto`, `sentences`, `tokens:128`, `auto:110`: a strategy, and the most tokens of a chunk. What a
library's documents were cut with is part of their recipe, so another setting cuts again what it would cut differently,
and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from app.errors import SettingsError

VERSION = "split-2"
LIMIT = 220  # tokens of one chunk, title and section included: all-MiniLM reads 256 and cuts the rest silently
LEAST = 32  # below it, title and section leave no room for a sentence

Strategy = Literal["headings", "sentences", "tokens", "rows", "definitions"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

ABOUT: Mapping[Strategy, str] = {
    "headings": "cut at headings and pages, then paragraphs, then sentences; tiny sections share a chunk",
    "sentences": "whole sentences up to the limit, across headings, with the last ones repeated in the next chunk",
    "tokens": "a fixed number of tokens a chunk, cut between words wherever that falls, with a fixed overlap",
    "rows": "every record, table row or paragraph by itself",
    "definitions": "one class, function or section at a time; the parts of a long one repeat its first line",
}

# Formats that are not named here have headings, slides, chapters or cells, which their loaders give as sections.
_BY_FORMAT: Mapping[str, tuple[Strategy, str]] = {
    "text": ("sentences", "plain text has no headings to go by"),
    "email": ("sentences", "a message has no headings to go by"),
    "csv": ("rows", "each row is a record of its own"),
    "jsonl": ("rows", "each line is a record of its own"),
    "json": ("rows", "each record stands for itself"),
    "sheet": ("rows", "each row is a record of its own"),
    "code": ("definitions", "source code is read by class and function"),
}
_ELSE: tuple[Strategy, str] = ("headings", "its sections and pages are known")


@dataclass(frozen=True, slots=True)
class Cutting:
    """What a person set: a strategy for all formats (None: each format's own), and the most tokens of a chunk."""

    strategy: Strategy | None = None
    limit: int = LIMIT

    def __str__(self) -> str:
        name = self.strategy or "auto"
        return name if self.limit == LIMIT else f"{name}:{self.limit}"

    def within(self, window: int) -> Cutting:
        """The same, for a model that reads `window` tokens at most: what is longer would be cut silently."""
        return self if self.limit <= window else Cutting(self.strategy, max(1, window))


@dataclass(frozen=True, slots=True)
class Chosen:
    """The strategy for one format, and why it is this one, in words."""

    strategy: Strategy
    why: str


def read_cutting(setting: str) -> Cutting:
    """The setting CHUNKING. Raises SettingsError.

    >>> read_cutting("auto"), str(read_cutting("tokens:128"))
    (Cutting(strategy=None, limit=220), 'tokens:128')
    """
    name, colon, size = setting.strip().lower().partition(":")
    limit = LIMIT
    if colon:
        limit = int(size) if size.isascii() and size.isdigit() else 0
    if name not in ("auto", *STRATEGIES) or not LEAST <= limit <= LIMIT:
        raise SettingsError(
            f"CHUNKING={setting} is no way to cut documents.",
            hint=f"auto, {', '.join(STRATEGIES)}; with a size of {LEAST} to {LIMIT} tokens if you like: sentences:128",
        )
    return Cutting(None if name == "auto" else cast(Strategy, name), limit)


def chosen_for(format_name: str, cutting: Cutting) -> Chosen:
    """The strategy for a document of this format."""
    strategy, why = _BY_FORMAT.get(format_name, _ELSE)
    if cutting.strategy is None:
        return Chosen(strategy, f"{format_name}: {why}")
    return Chosen(cutting.strategy, "set by CHUNKING or --chunking")


def chunker_id(format_name: str, cutting: Cutting) -> str:
    """What a document's chunks were cut with: part of its recipe. The same for settings that cut it alike.

    >>> chunker_id("markdown", Cutting("headings")), chunker_id("csv", Cutting("headings"))
    ('split-2', 'split-2/headings')
    """
    strategy = chosen_for(format_name, cutting).strategy
    usual = _BY_FORMAT.get(format_name, _ELSE)[0]
    size = "" if cutting.limit == LIMIT else f":{cutting.limit}"
    return VERSION if strategy == usual and not size else f"{VERSION}/{strategy}{size}"


def library_chunker(cutting: Cutting) -> str:
    """What the library's manifest says its last ingest cut with."""
    return VERSION if cutting == Cutting() else f"{VERSION}/{cutting}"
