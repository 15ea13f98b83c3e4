"""Where a quoted passage stands in a library's chunks: an approximate search that copes with what copying does to text.

Both sides are reduced to letters and figures (compatibility forms, ligatures and case folded; blanks, punctuation,
quotation marks, markup, hyphens and soft hyphens dropped), so a line break within a hyphenated word costs nothing. The
score is 1 - (edit distance to the nearest stretch of the library) / (length of the quote): P. H. Sellers, The theory
and computation of evolutionary distances, 1980.
"""

from __future__ import annotations

import heapq
import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.domain import Chunk
from app.words import words

FOUND = 0.85  # of 1.0: about one letter in seven may differ
SHORTEST = 8  # letters and figures: anything shorter stands in too many places
_HOLDS = 0.95  # of the quote: such a chunk holds it, and a neighbour with a bit of it adds nothing
_PART = 0.3  # of the quote: a smaller part is only the edge of it
_AS_GOOD = 0.02  # of score: as good a place as the best
_LOOKED_AT = 12  # chunks that share most words with the quote
_CHANCE = 8  # letters in which two chunks may agree by chance
_LONGEST = 20_000  # letters of a quote that are compared; a longer one is cut

Letters = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Match:
    """A stretch of the library that resembles the quote: the chunks that hold it or a fair part of it, in order, and
    how well (0..1). `touched` also has the chunks that hold only an edge of it."""

    chunks: tuple[Chunk, ...]
    score: float
    touched: tuple[Chunk, ...]


def letters(text: str) -> str:
    """The letters and figures of a text, folded. `letters("Efﬁ-\\ncient “search”") == "efficientsearch"`."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LNM")


def nearest(quote: str, text: str) -> tuple[int, int, int]:
    """(edits, start, end): the stretch text[start:end] with the smallest edit distance to the quote.

    >>> nearest("gate", "the gale shut")
    (1, 4, 8)
    """
    edits, end = _best_end(_codes(quote), _codes(text))
    _, length = _best_end(_codes(quote[::-1]), _codes(text[:end][::-1]))
    return edits, end - length, end


def _codes(text: str) -> Letters:
    return np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)


def _best_end(quote: Letters, text: Letters) -> tuple[int, int]:
    """The smallest distance and where its stretch ends (the first such end). One row a letter of the quote; insertions
    along a row are a running minimum."""
    steps = np.arange(len(text) + 1, dtype=np.int32)
    row = np.zeros(len(text) + 1, dtype=np.int32)
    for letter in quote:
        below = row + 1
        below[1:] = np.minimum(below[1:], row[:-1] + (text != letter))
        row = np.minimum.accumulate(below - steps) + steps
    end = int(row.argmin())
    return int(row[end]), end


class Locator:
    """Finds quotes in chunks. Give the chunks of each document together and in order."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = tuple(chunks)
        self._letters = [letters(chunk.text) for chunk in self._chunks]
        self._holding: dict[str, list[int]] = defaultdict(list)
        for place, chunk in enumerate(self._chunks):
            for word in set(words(chunk.text)):
                self._holding[word].append(place)

    def find(self, quote: str, within: frozenset[str] | None = None) -> list[Match]:
        """The places that resemble the quote best, best first; empty where none shares a word with it.

        More than one where the text stands there repeatedly (within .02 of the best score). `within` holds the ids
        of the chunks to look at. The best may be below `FOUND`: then it is the nearest, not the place.
        """
        wanted = letters(quote)[:_LONGEST]
        if not wanted:
            return []
        runs: dict[tuple[int, int], None] = {}  # an ordered set
        for place in self._likely(quote, within):
            runs[self._run(place, len(wanted))] = None
        texts = {run: self._joined(*run) for run in _apart(list(runs))}
        found = [
            self._match(run, spans, at, at + len(wanted), 1.0)
            for run, (text, spans) in texts.items()
            for at in _all_places(wanted, text)
        ]
        if not found:
            for run, (text, spans) in texts.items():
                edits, start, end = nearest(wanted, text)
                found.append(self._match(run, spans, start, end, max(0.0, 1 - edits / len(wanted))))
            found.sort(key=lambda match: -match.score)
        best: dict[tuple[str, ...], Match] = {}
        for match in found:
            if match.score >= found[0].score - _AS_GOOD:
                best.setdefault(tuple(chunk.id for chunk in match.chunks), match)
        return list(best.values())

    def _likely(self, quote: str, within: frozenset[str] | None) -> list[int]:
        """Chunks that share most of the quote's words, rare ones counting for more (by inverse document frequency)."""
        shared: dict[int, float] = defaultdict(float)
        for word in set(words(quote)):
            holding = self._holding.get(word, [])
            weight = math.log(1 + len(self._chunks) / len(holding)) if holding else 0.0
            for place in holding:
                if within is None or self._chunks[place].id in within:
                    shared[place] += weight
        most = heapq.nlargest(_LOOKED_AT, shared.items(), key=lambda item: item[1])
        return [place for place, weight in most if weight >= most[0][1] / 2]

    def _run(self, place: int, length: int) -> tuple[int, int]:
        """The chunk with as many neighbours of its document as a quote of this length could reach into."""
        first = last = place
        document = self._chunks[place].document_id
        for step in (-1, 1):
            room, at = length, place
            while room > 0 and 0 <= at + step < len(self._chunks) and self._continues(at, at + step, document):
                at += step
                room -= len(self._letters[at])
            first, last = min(first, at), max(last, at)
        return first, last

    def _continues(self, here: int, there: int, document: str) -> bool:
        """Rows of a table of records are passages of their own, and no quote goes from one to the next."""
        one, other = self._chunks[here], self._chunks[there]
        return other.document_id == document and one.metadata.get("row") == other.metadata.get("row")

    def _match(self, run: tuple[int, int], spans: list[tuple[int, int]], start: int, end: int, score: float) -> Match:
        held = [max(0, min(end, stop) - max(start, begin)) for begin, stop in spans]
        size = max(1, end - start)
        whole = [share >= _HOLDS * size for share in held]
        keep = [
            (full if any(whole) else share >= _PART * size or share >= (stop - begin) / 2)
            for full, share, (begin, stop) in zip(whole, held, spans, strict=True)
        ]
        chunks = self._chunks[run[0] : run[1] + 1]
        return Match(
            tuple(chunk for chunk, yes in zip(chunks, keep, strict=True) if yes),
            score,
            tuple(chunk for chunk, share in zip(chunks, held, strict=True) if share),
        )

    def _joined(self, first: int, last: int) -> tuple[str, list[tuple[int, int]]]:
        """The letters of neighbouring chunks as they stood in the document, what they repeat of each other taken out,
        and the span of each chunk in them."""
        text = ""
        spans: list[tuple[int, int]] = []
        for place in range(first, last + 1):
            more = self._letters[place]
            repeated = _overlap(text[spans[-1][0] :], more) if spans else 0
            begin = len(text) - repeated
            text += more[repeated:]
            spans.append((begin, begin + len(more)))
        return text, spans


def _all_places(wanted: str, text: str) -> Iterator[int]:
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + len(wanted))


def _overlap(before: str, after: str) -> int:
    """How many letters at the end of the one are the start of the other; chunks of one document may overlap.

    >>> _overlap("one, two and three", "two and three, four")
    13
    """
    for length in range(min(len(before), len(after)), _CHANCE, -1):
        if before.endswith(after[:length]):
            return length
    return 0


def _apart(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Runs that lie within another are the other's."""
    return [
        run for run in runs if not any(other != run and other[0] <= run[0] and run[1] <= other[1] for other in runs)
    ]
