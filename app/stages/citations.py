"""Citations: every `[n]` in an answer is checked against the context, and tied to the sentence that carried most."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain import Passage
from app.words import content_words, sentences

# [1], [2][3], [1, 2] and [passage 4]; not [1]: or [x](y), which are Markdown
_CITATION = re.compile(r"\[(?:passage\s*)?(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\](?!\()", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Citations:
    """Numbers cited that exist, numbers cited that do not, and passages never cited; each sorted, without repeats."""

    known: tuple[int, ...]
    unknown: tuple[int, ...]
    uncited: tuple[int, ...]


def cited_numbers(text: str) -> list[int]:
    """Every cited number in order of appearance. `cited_numbers("a [2], b [1, 3]") == [2, 1, 3]`."""
    return [int(n) for match in _CITATION.finditer(text) for n in re.split(r"\s*[,;]\s*", match.group(1))]


def split_at_citations(text: str) -> list[str | tuple[int, ...]]:
    """Text and citations in turn. `split_at_citations("a [1, 2].") == ["a ", (1, 2), "."]`."""
    pieces: list[str | tuple[int, ...]] = []
    end = 0
    for match in _CITATION.finditer(text):
        pieces += [text[end : match.start()], tuple(int(n) for n in re.split(r"\s*[,;]\s*", match.group(1)))]
        end = match.end()
    return [*pieces, text[end:]]


def check(text: str, passages: Sequence[Passage]) -> Citations:
    """Compare an answer's citations with the passages it was given."""
    there = {p.number for p in passages}
    cited = set(cited_numbers(text))
    return Citations(tuple(sorted(cited & there)), tuple(sorted(cited - there)), tuple(sorted(there - cited)))


def highlights(text: str, passages: Sequence[Passage]) -> dict[int, str]:
    """For each cited passage, its sentence that shares most content words with what was said of it."""
    said: dict[int, set[str]] = {}
    for sentence in sentences(text):
        for number in cited_numbers(sentence):
            said.setdefault(number, set()).update(content_words(_CITATION.sub("", sentence)))
    found = {}
    for passage in passages:
        wanted = said.get(passage.number, set())
        best = max(sentences(passage.chunk.text), key=lambda s: _overlap(s, wanted), default="")
        if wanted and _overlap(best, wanted) > 0:
            found[passage.number] = best
    return found


def _overlap(sentence: str, wanted: set[str]) -> float:
    own = set(content_words(sentence))
    return len(own & wanted) / (len(own) + 3) if own else 0.0  # +3: a two-word heading is no evidence
