"""The extractive answer, where no chat model is set: the judge's best sentences, quoted and cited, direct one first.

Each sentence is scored by itself against the question; a sentence from a better passage has a head start.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain import Answer, Context, Passage
from app.ports import Scorer
from app.stages.citations import check
from app.words import sentences

MOST_SENTENCES = 3
LONGEST = 600  # characters quoted of one sentence; tables and code have no full stops
PASSAGE_WEIGHT = 0.5  # of the spread between sentences: the head start of the best passage
NEAR_BEST = 0.35  # share of the spread by which a further sentence may fall behind the first

_ROW = re.compile(r"\|.*\|")
_RULE = re.compile(r":?-+:?")


@dataclass(frozen=True, slots=True)
class Quote:
    """One sentence of a passage. `score` orders the sentences of one question only."""

    text: str
    passage: int
    score: float


def extract(question: str, context: Context, scorer: Scorer) -> Answer:
    """Quote the best sentences of the context. Raises what the scorer raises."""
    quotes = rank_sentences(question, context.passages, scorer)
    chosen = choose(quotes)
    text = "\n\n".join(f"“{quote.text}” [{quote.passage}]" for quote in chosen)
    citations = check(text, context.passages)
    best: dict[int, str] = {}
    for quote in quotes:
        best.setdefault(quote.passage, quote.text)
    return Answer(
        mode="extractive",
        model=None,
        text=text,
        citations=citations.known,
        uncited=citations.uncited,
        highlights=best,
    )


def rank_sentences(question: str, passages: Sequence[Passage], scorer: Scorer) -> list[Quote]:
    """All sentences of the passages, best first."""
    found = [(s[:LONGEST], p) for p in passages for s in statements(p.chunk.text) if len(s.split()) > 1]
    if not found:
        found = [(p.chunk.text[:LONGEST], p) for p in passages]
    scores = scorer.score(question, [text for text, _ in found])
    raw = [s.raw for s in scores]
    if any(r is None for r in raw):  # a scorer that only ranks: the order of the passages decides
        return [Quote(text, p.number, -float(i)) for i, (text, p) in enumerate(found)]
    values = [r for r in raw if r is not None]
    spread = (max(values) - min(values)) or 1.0
    ahead = _head_start(passages)
    quotes = [
        Quote(text, p.number, value + PASSAGE_WEIGHT * spread * ahead[p.number])
        for (text, p), value in zip(found, values, strict=True)
    ]
    return sorted(quotes, key=lambda q: -q.score)


def _head_start(passages: Sequence[Passage]) -> dict[int, float]:
    """0..1 by passage number: its p as a share of the best, or its place where there is no p."""
    best = max((p.p for p in passages if p.p is not None), default=0.0)
    if best <= 0.0 or any(p.p is None for p in passages):
        return {p.number: 1 - (p.number - 1) / len(passages) for p in passages}
    return {p.number: (p.p or 0.0) / best for p in passages}


def statements(text: str) -> list[str]:
    """What can be quoted of a passage: its sentences, and each row of a Markdown table with its column names.

    >>> statements("| year | profit |\\n|---|---|\\n| 2023 | 7 |")
    ['year: 2023; profit: 7']
    """
    found: list[str] = []
    header: list[str] | None = None
    for line in sentences(text):
        cells = _cells(line)
        if cells is None:
            header = None
            lead = found[-1] if found and found[-1].endswith(":") else None
            if line.lstrip().startswith("#") or line.rstrip().endswith("?"):
                continue  # a heading or a question answers nothing
            if lead is not None and len(lead) + len(line) < LONGEST:
                found[-1] = f"{lead} {line}"  # "under these conditions:" says nothing without the first of them
            else:
                found.append(line)
        elif all(_RULE.fullmatch(cell) for cell in cells):
            continue
        elif header is None:
            header = cells
        else:
            names = [*header, *[""] * (len(cells) - len(header))]
            pairs = [f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=False) if cell]
            # a first column without a name holds what the row is about
            found.append(
                " – ".join([pairs[0], "; ".join(pairs[1:])]) if not names[0] and len(pairs) > 1 else "; ".join(pairs)
            )
    return found


def _cells(line: str) -> list[str] | None:
    line = line.strip()
    return [cell.strip() for cell in line[1:-1].split("|")] if _ROW.fullmatch(line) else None


def choose(quotes: Sequence[Quote]) -> list[Quote]:
    """The first sentence, and up to two more that are nearly as good and say something else."""
    if not quotes:
        return []
    spread = quotes[0].score - quotes[-1].score
    chosen = [quotes[0]]
    for quote in quotes[1:]:
        if len(chosen) == MOST_SENTENCES or quotes[0].score - quote.score > NEAR_BEST * spread:
            break
        if all(quote.text != other.text for other in chosen):
            chosen.append(quote)
    return chosen
