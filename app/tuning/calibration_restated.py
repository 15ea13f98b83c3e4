"""The calibration's libraries once more, saying things more than once. Pure.

These sets name one relevant passage a question, and maps fitted on them alone take two that are equally good for a
sign of doubt. People's own documents say things more than once (revisions, quotations, overlapping cuts), so the sets
that come with answer strings are asked twice more: of libraries that repeat part of every passage, and of libraries
where every passage is cut in two that overlap, so that two different ones may hold the answer.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from app.tuning.calibration_sets import Ask, LibraryPlan, sampled
from app.tuning.sources import Passage
from app.tuning.variants import holds
from app.words import sentences

REPEATED = ("train_covidqa", "train_nq", "train_squad11", "train_squadshifts")  # their questions have answer strings
AGAIN = (0.4, 0.9)  # of a passage's sentences, where it is said again
SHARED = (0.1, 0.35)  # of a passage's sentences, where it is cut in two that overlap
CUT_FROM = 4  # sentences; shorter passages stay whole


def plan_repeated(plan: LibraryPlan, *, questions: int, seed: int = 7) -> LibraryPlan:
    """The same library with a second, shorter cut of every passage beside it. A cut answers where it holds an answer.

    Its questions are the library's own, off-topic ones left out.
    """
    again = {p.id: replace(p, id=f"{p.id} again", text=_shorter(p, seed)) for p in plan.passages}
    asks = [
        replace(
            ask,
            relevant=ask.relevant
            | {again[p].id for p in ask.relevant & again.keys() if holds(again[p].text, ask.answers)},
        )
        for ask in plan.asks
        if ask.kind != "off_topic"
    ]
    passages = tuple(both for p in plan.passages for both in (p, again[p.id]))
    return LibraryPlan(f"{plan.name} said twice", plan.title, passages, sampled(asks, questions, seed), group=plan.name)


def plan_overlapping(plan: LibraryPlan, *, questions: int, seed: int = 7) -> LibraryPlan:
    """The same documents, every longer passage cut in two that share some sentences, as splitters with an overlap do.

    A cut answers where it holds an answer; both do where neither does. Off-topic questions are left out.
    """
    cuts = {p.id: _in_two(p, seed) for p in plan.passages}
    asks = [
        replace(ask, relevant=frozenset(cut for p in ask.relevant & cuts.keys() for cut in _answering(cuts[p], ask)))
        for ask in plan.asks
        if ask.kind != "off_topic"
    ]
    passages = tuple(cut for p in plan.passages for cut in cuts[p.id])
    return LibraryPlan(
        f"{plan.name} overlapping", plan.title, passages, sampled(asks, questions, seed), group=plan.name
    )


def _in_two(passage: Passage, seed: int) -> tuple[Passage, ...]:
    parts = sentences(passage.text)
    if len(parts) < CUT_FROM:
        return (passage,)
    rng = random.Random(f"{seed}:{passage.id}")
    shared = max(1, round(rng.uniform(*SHARED) * len(parts)))
    start = rng.randint(1, len(parts) - shared - 1)
    return (
        replace(passage, text=" ".join(parts[: start + shared])),
        replace(passage, id=f"{passage.id} rest", text=" ".join(parts[start:])),
    )


def _answering(cuts: Sequence[Passage], ask: Ask) -> list[str]:
    return [cut.id for cut in cuts if holds(cut.text, ask.answers)] or [cut.id for cut in cuts]


def _shorter(passage: Passage, seed: int) -> str:
    """A run of whole sentences, between 40 and 90 in 100 of them; the text itself where there is one sentence only."""
    parts = sentences(passage.text)
    rng = random.Random(f"{seed}:{passage.id}")
    count = max(1, round(rng.uniform(*AGAIN) * len(parts)))
    start = rng.randint(0, len(parts) - count)
    return " ".join(parts[start : start + count])
