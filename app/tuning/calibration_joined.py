"""The calibration's libraries with several relevant chunks a question: long passages, and questions asked at once.

Most of these sets are short passages of which one is relevant. People's documents are longer than a chunk, and their
questions broader than a crowd worker's: then two, three or more of the candidates are relevant, close to each other
in every score. A map that has never seen it takes that for doubt. So consecutive passages of a document are joined to
long ones, which ingest cuts again where it will, and questions about one document are asked two or three at once. Pure.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from app.calibration.observed import Kind
from app.tuning.calibration_sets import Ask, LibraryPlan, sampled
from app.tuning.sources import Passage, QuestionSet

LONG = ("train_covidqa", "train_fairytaleqa", "train_squad11", "train_squadshifts")  # passages that follow each other
WORDS = (200, 400)  # of a long passage, before the last one it takes in
TOGETHER = {2: "two in one", 3: "three in one"}
LEAST = 40  # answerable ones; with fewer, a set is not asked several at once
NEAR_MISSES = 3  # one for so many answerable ones at most


def plan_long(plan: LibraryPlan, *, questions: int, seed: int = 7) -> LibraryPlan:
    """The same documents in longer passages. What is relevant to a question is the whole of the long passage.

    Its questions are the library's own, off-topic ones left out.
    """
    joined = [_joined(run) for run in _runs(plan.passages, seed)]
    home = {part: whole.id for whole, parts in joined for part in parts}
    asks = [
        replace(
            ask,
            relevant=frozenset(home[p] for p in ask.relevant if p in home),
            scope=frozenset(home[p] for p in ask.scope if p in home),
        )
        for ask in plan.asks
        if ask.kind != "off_topic"
    ]
    passages = tuple(whole for whole, _ in joined)
    name = f"{plan.name} in long passages"
    return LibraryPlan(name, plan.title, passages, sampled(asks, questions, seed), group=plan.name)


def plan_several(plan: LibraryPlan, source: QuestionSet, *, parts: int, questions: int, seed: int = 7) -> LibraryPlan:
    """The same library asked `parts` questions about one document at once, no two of which share a relevant passage.

    Every one of them has an answer there, or (near misses) none has. `source` is the set that the plan was made from;
    the plan should have all its questions. There may be none.
    """
    answerable = sampled(_several(plan, source, parts, "answerable", seed), questions, seed)
    near_misses = sampled(_several(plan, source, parts, "near_miss", seed), questions // NEAR_MISSES, seed)
    return replace(
        plan,
        name=f"{plan.name} {TOGETHER[parts]}",
        asks=(*answerable, *near_misses),
        group=plan.name,
        library=plan.library or plan.name,
        at_once=parts,
    )


def _runs(passages: Sequence[Passage], seed: int) -> Iterator[list[Passage]]:
    """Consecutive passages of one document, until there are words enough."""
    run: list[Passage] = []
    words = enough = 0
    for passage in passages:
        if run and (passage.document != run[-1].document or words >= enough):
            yield run
            run = []
        if not run:
            words, enough = 0, random.Random(f"{seed}:{passage.id}").randint(*WORDS)
        run.append(passage)
        words += len(passage.text.split())
    if run:
        yield run


def _joined(run: Sequence[Passage]) -> tuple[Passage, list[str]]:
    """One passage of a run, and the ids of those it is made of."""
    text = "\n\n".join(passage.text for passage in run)
    name = run[0].id if len(run) == 1 else f"{run[0].id} and on"
    return replace(run[0], id=name, text=text), [passage.id for passage in run]


def _several(plan: LibraryPlan, source: QuestionSet, parts: int, kind: Kind, seed: int) -> list[Ask]:
    """As many as there are, every question in one of them at most."""
    positives = {asked.id: frozenset(asked.positives) for asked in source.questions}
    about: dict[tuple[str, frozenset[str]], list[Ask]] = {}
    for ask in plan.asks:
        known = [source.passages[p] for p in positives.get(ask.id, ()) if p in source.passages]
        documents = {p.document for p in known if p.group or p.title}
        if ask.kind == kind and len(documents) == 1:
            about.setdefault((documents.pop(), ask.scope), []).append(ask)
    made = []
    for document, scope in sorted(about, key=lambda key: key[0]):
        left = sorted(about[document, scope], key=lambda ask: ask.id)
        random.Random(f"{seed}:{parts}:{document}").shuffle(left)
        while left:
            group = [left.pop()]
            for other in list(left):
                if len(group) < parts and not any(positives[other.id] & positives[ask.id] for ask in group):
                    group.append(other)
                    left.remove(other)
            if len(group) == parts:
                made.append(_at_once(group))
    return made


def _at_once(asks: Sequence[Ask]) -> Ask:
    return replace(
        asks[0],
        id=" ".join(ask.id for ask in asks),
        text=" ".join(ask.text.strip() for ask in asks),
        relevant=frozenset(chain.from_iterable(ask.relevant for ask in asks)),
        answers=tuple(chain.from_iterable(ask.answers for ask in asks)),
    )
