"""The twenty candidates of each question, with their evidence: what a scorer is asked to reorder, and is judged on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.tuning.mining import Bm25, Floats, hybrid
from app.tuning.sources import Asked, QuestionSet, scorer_text


@dataclass(frozen=True, slots=True)
class Task:
    """One question's candidates in retrieval order. `relevant` marks them; `missed` counts relevant passages that
    retrieval did not return (they lower every arm alike)."""

    question: str
    question_id: str
    answerable: bool
    passages: tuple[int, ...]
    relevant: npt.NDArray[np.bool_]
    missed: int
    cosine: Floats
    bm25_share: Floats


@dataclass(frozen=True, slots=True)
class Tasks:
    """A set's questions to rank. `texts` are its passages as a scorer sees them; tasks point into them."""

    name: str
    texts: tuple[str, ...]
    tasks: tuple[Task, ...]


def sample(questions: Sequence[Asked], count: int | None, seed: int = 7) -> list[Asked]:
    """A seeded sample without replacement; all of them, in order, when `count` is None or reaches their number."""
    if count is None or count >= len(questions):
        return list(questions)
    return random.Random(seed).sample(list(questions), count)


def build(source: QuestionSet, passages: Floats, questions: Sequence[Asked], vectors: Floats, k: int = 20) -> Tasks:
    """Candidates by hybrid retrieval: over the whole set, or within the question's group where the set is scoped.

    `passages` and `vectors` are unit vectors of all the set's passages and of `questions`, in their order.
    """
    ids = list(source.passages)
    number = {name: i for i, name in enumerate(ids)}
    texts = [scorer_text(p.title, p.text) for p in source.passages.values()]
    index = Bm25(texts)
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(ids):
        groups.setdefault(source.passages[name].group, []).append(i)
    tasks = []
    for asked, vector in zip(questions, vectors, strict=True):
        scope = np.array(groups.get(asked.group, []) if source.scoped else range(len(ids)), dtype=np.int64)
        if not len(scope):
            continue
        lexical, ceiling = index.scores(asked.text)
        found = hybrid(passages[scope] @ vector, lexical[scope], ceiling, k)
        chosen = scope[found.passages]
        wanted = {number[p] for p in asked.positives}
        relevant = np.array([int(i) in wanted for i in chosen], dtype=np.bool_)
        missed = len(wanted) - int(relevant.sum())
        tasks.append(
            Task(
                asked.text,
                asked.id,
                asked.answerable,
                tuple(int(i) for i in chosen),
                relevant,
                missed,
                found.cosine,
                found.bm25_share,
            )
        )
    return Tasks(source.name, tuple(texts), tuple(tasks))
