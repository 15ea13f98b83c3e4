"""Which questions to ask a person about: a library's own, the likest to what will be asked first."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.evaluation.questions.drafts import Drafts
from app.evaluation.questions.from_votes import questions_from_votes
from app.evaluation.questions.kept import kept_sets, questions_dir
from app.evaluation.questions.model import LabelledQuestion, made_id
from app.evaluation.questions.read import read_questions
from app.evaluation.questions.weak_drafts import weak_drafts
from app.evaluation.votes import Votes
from app.library.contents import Contents

MOST = 24
ENOUGH = 10  # own questions; with fewer, weak drafts fill up


@dataclass(frozen=True, slots=True)
class Sources:
    """The questions, and where they come from: words -> how many, for the page."""

    questions: tuple[LabelledQuestion, ...]
    counts: dict[str, int]


def typed_questions(text: str) -> list[LabelledQuestion]:
    """What a person typed, one question a line; blank lines and repeats are left out.

    >>> [q.text for q in typed_questions("How hot?\\n\\nhow hot?")]
    ['How hot?']
    """
    asked = [" ".join(line.split()) for line in text.splitlines()]
    found = {line.casefold(): line for line in reversed(asked) if line}
    return [LabelledQuestion(made_id(line), line, answerable=None) for line in reversed(found.values())]


def own_questions(
    home: Path, library: str, contents: Contents, typed: Sequence[LabelledQuestion] = (), *, seed: int = 0
) -> Sources:
    """At most `MOST` questions of a library: those typed first, then voted on, kept in sets, accepted as drafts; drawn
    at random where there are more. With fewer than `ENOUGH` of them, weak drafts from its passages fill up.

    Raises QuestionSetError or VotesDamaged where a file cannot be read.
    """
    kept = [question for path in kept_sets(home, library) for question in read_questions(path).questions]
    accepted = [d.question for d in Drafts(questions_dir(home)).read(library) if d.state == "accepted"]
    voted = questions_from_votes(Votes(home / "votes").read(library)).questions.questions
    sources = (
        ("typed", typed),
        ("voted on", voted),
        ("from question sets", [q for q in kept if not q.weak]),
        ("accepted drafts", accepted),
        ("from weak question sets", [q for q in kept if q.weak]),
    )
    chosen = _first(sources, MOST, seed)
    if len(chosen) < ENOUGH:
        drafted = [draft.question for draft in weak_drafts(contents, MOST, seed=seed)]
        chosen = _first((*sources, ("drafted from headings and sentences", drafted)), MOST, seed)
    counts: dict[str, int] = {}
    for source, _ in chosen:
        counts[source] = counts.get(source, 0) + 1
    return Sources(tuple(question for _, question in chosen), counts)


def _first(
    sources: Iterable[tuple[str, Sequence[LabelledQuestion]]], most: int, seed: int
) -> list[tuple[str, LabelledQuestion]]:
    """Questions with the name of their source, each text once. Follow-ups and questions with a scope are left out:
    asked by themselves of the whole library, they would be others."""
    drawn = random.Random(seed)
    found: dict[str, tuple[str, LabelledQuestion]] = {}
    for source, questions in sources:
        shuffled = [q for q in questions if not q.history and q.scope.everything]
        drawn.shuffle(shuffled)
        for question in shuffled:
            if len(found) < most:
                found.setdefault(" ".join(question.text.casefold().split()), (source, question))
    return list(found.values())
