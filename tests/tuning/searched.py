"""Labelled questions with candidates, made by hand: what advice and training material are worked out from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain import Candidate, Chunk, LibraryInfo, Question, Retrieved
from app.evaluation.labels import Passages
from app.evaluation.questions.model import Label, LabelledQuestion
from app.pipeline import Found
from app.tuning.own.asking import Question as Labelled
from app.tuning.own.asking import Searched

INFO = LibraryInfo("made", 1, 9, 99, "fake")


def searched(
    id_: str, relevant: Mapping[str, int], deep: Sequence[str], *, k: int = 20, weak: bool = False
) -> Searched:
    """A question whose candidates are `deep`, in that order, of which an answer is chosen from the first `k`."""
    question = LabelledQuestion(id_, f"question {id_}?", (Label(chunk="c"),), weak=weak)
    chunks = [Chunk(name, f"d-{name}", f"text of {name}", "Title", 0, 10) for name in deep]
    found = [Candidate(chunk, rank) for rank, chunk in enumerate(chunks, 1)]
    asked = Question(question.text, question.text)
    near, far = (Retrieved(tuple(found[:n]), "hybrid", n, INFO) for n in (k, 100))
    return Searched(
        Labelled(Passages(question, dict(relevant)), f"group {id_}", dict(relevant)),
        Found(asked, near, {}),
        Found(asked, far, {}),
    )


def fillers(count: int) -> list[str]:
    """Passages that answer nothing."""
    return [f"n{i}" for i in range(count)]
