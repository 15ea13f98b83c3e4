"""The labels a person has for one library, gathered: question sets, and votes and thumbs with their traces. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.errors import UsageError
from app.evaluation.questions.from_votes import questions_from_votes
from app.evaluation.questions.model import Label, LabelledQuestion, QuestionSet
from app.evaluation.votes import Vote


@dataclass(frozen=True, slots=True)
class Labels:
    """All labelled questions, each once. `sources` counts questions by where they came from."""

    questions: QuestionSet
    sources: Mapping[str, int]


def gather(sets: Sequence[QuestionSet], votes: Iterable[Vote] | None = None) -> Labels:
    """The questions of the sets and of the votes (None: not asked for). What several say about one question is put
    together; of a passage that one calls relevant and another does not, the first named counts.

    Raises UsageError where there is nothing.
    """
    every = [*sets]
    if votes is not None:
        every.append(questions_from_votes(votes).questions)
    if not any(one.questions for one in every):
        raise UsageError(
            "There is nothing to learn from.", hint="Name a question set: sluice tune QUESTIONS; or vote, and --votes"
        )
    found: dict[str, LabelledQuestion] = {}
    for question in (q for one in every for q in one.questions):
        found[question.id] = _together(found[question.id], question) if question.id in found else question
    names = "+".join(dict.fromkeys(one.name for one in every if one.questions))
    sources = {one.name: len(one.questions) for one in every if one.questions}
    return Labels(QuestionSet(names, tuple(found.values())), sources)


def _together(first: LabelledQuestion, second: LabelledQuestion) -> LabelledQuestion:
    """A question that two sources know. One that has an answer in either has one."""
    known = {_about(label) for label in first.relevant}
    relevant = (*first.relevant, *(label for label in second.relevant if _about(label) not in known))
    positive = any(label.grade > 0 for label in relevant)
    return replace(
        first,
        relevant=relevant,
        answers=tuple(dict.fromkeys((*first.answers, *second.answers))),
        answerable=True if positive else first.answerable,
        sources=tuple(dict.fromkeys((*first.sources, *second.sources))),
        weak=first.weak and second.weak,
        split=first.split if first.split is not None else second.split,
    )


def _about(label: Label) -> object:
    return label.chunk or (label.document, label.row, label.quote)
