"""An answer without anything that tells which side it comes from: no ranks, scores, times or counts of tokens.

Citations are numbered in the order in which the answer cites, and passages it never cites come after them by title:
the order in which passages reached an answer is what the two sides differ in. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain import Chunk, RefusalCode, Trace
from app.stages.citations import cited_numbers, split_at_citations


@dataclass(frozen=True, slots=True)
class Veiled:
    """One answer with its passages by their new numbers, which run from 1; `cited` of them are cited. `text` is None
    where the side refused. `sentences`: number -> the sentence that carried most."""

    text: str | None
    quoted: bool = False
    cited: int = 0
    passages: tuple[Chunk, ...] = ()
    sentences: Mapping[int, str] = field(default_factory=dict)


def veil(trace: Trace) -> Veiled:
    """What a person may see of a side before voting."""
    if trace.answer is None:
        return Veiled(None)
    answer, passages = trace.answer, {p.number: p.chunk for p in trace.context.passages} if trace.context else {}
    cited = [n for n in dict.fromkeys(cited_numbers(answer.text)) if n in passages]
    rest = sorted((n for n in passages if n not in cited), key=lambda n: _place(passages[n]))
    new = {old: number for number, old in enumerate([*cited, *rest], 1)}
    for unknown in cited_numbers(answer.text):  # they stay unknown under numbers beyond the last passage
        new.setdefault(unknown, len(new) + 1)
    return Veiled(
        text=_renumbered(answer.text, new),
        quoted=answer.mode == "extractive",
        cited=len(cited),
        passages=tuple(passages[n] for n in (*cited, *rest)),
        sentences={new[n]: said for n, said in answer.highlights.items() if n in new},
    )


def no_vote(left: Trace, right: Trace) -> str | None:
    """Why there is nothing to vote on, in words; None where there is."""
    for trace in (left, right):
        if trace.refusal is not None and trace.refusal.code is RefusalCode.RERANKER_UNAVAILABLE:
            return "The reranker was unavailable, so one side has no answer of its own."
    ours, theirs = veil(left), veil(right)
    if ours.text is None and theirs.text is None:
        return "Both sides refuse this question: there are no answers to choose between."
    if (ours.text, {c.id for c in ours.passages}) == (theirs.text, {c.id for c in theirs.passages}):
        return "Both sides give the same answer from the same passages: there is nothing to choose between."
    return None


def _renumbered(text: str, new: Mapping[int, int]) -> str:
    return "".join(
        piece if isinstance(piece, str) else "".join(f"[{new[n]}]" for n in piece) for piece in split_at_citations(text)
    )


def _place(chunk: Chunk) -> tuple[str, int]:
    return chunk.title.casefold(), chunk.ordinal
