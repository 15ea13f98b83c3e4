"""The frozen values of a question set: labels, questions, the set, and the error of a set that cannot be read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from app.domain import Turn
from app.errors import SluiceError
from app.evaluation.questions.scope import EVERYTHING, Scope, scope_row

Origin = Literal["file", "beir", "squad", "vote", "chat", "heading", "sentence"]
Side = Literal["calibration", "test"]
MOST_GRADE = 10


class QuestionSetError(SluiceError):
    """A question set, or a source of one, cannot be read; the message names file, line and field, a line each."""


@dataclass(frozen=True, slots=True)
class Label:
    """One thing that is relevant to a question; at least one of `chunk`, `document` and `quote` is given.

    `chunk` is a chunk id. `document` is a document's id, uri, file name or title; alone it means all its chunks, with
    `row` (1-based) the record of a CSV or JSON Lines file. `quote` is text to be located, in `document` where that is
    given too. With a chunk, quote and document are where to look once the chunk is gone, so that labels survive another
    chunking. `grade`: 0 is judged not relevant, 1 relevant, more is better (to 10).
    """

    chunk: str | None = None
    document: str | None = None
    row: int | None = None
    quote: str | None = None
    grade: int = 1

    def __post_init__(self) -> None:
        if self.chunk is None and self.document is None and self.quote is None:
            raise ValueError("a label names a chunk, a document or a quote")
        if self.row is not None and self.document is None:
            raise ValueError("a row belongs to a document")
        if not 0 <= self.grade <= MOST_GRADE:
            raise ValueError(f"a grade is 0 to {MOST_GRADE}, not {self.grade}")


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question with what is known about it.

    `answerable`: whether the library answers it; None where that is undecided, and then neither refusal error counts
    it. An answerable question without a relevant label has only `answers`: it measures answers, not ranking. `scope` is
    the part of the library it is asked within. `sources` names the documents it was written about; questions that share
    one are on one side of a split. `weak`: drafted or derived without a person's judgement on this very pair, so a
    bound rather than a measurement. `split` is the side.
    """

    id: str
    text: str
    relevant: tuple[Label, ...] = ()
    answers: tuple[str, ...] = ()
    answerable: bool | None = True
    history: tuple[Turn, ...] = ()
    scope: Scope = EVERYTHING
    sources: tuple[str, ...] = ()
    origin: Origin = "file"
    weak: bool = False
    split: Side | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if not self.id or not self.text.strip():
            raise ValueError("a question has an id and a text")
        if self.answerable is False and self.positives:
            raise ValueError("an unanswerable question has nothing relevant")

    @property
    def positives(self) -> tuple[Label, ...]:
        """Labels of what is relevant; those of grade 0 are left out."""
        return tuple(label for label in self.relevant if label.grade > 0)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A named set of questions with unique ids, in the order of the file. Raises ValueError on an id used twice."""

    name: str
    questions: tuple[LabelledQuestion, ...]
    _fingerprint: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        if len({question.id for question in self.questions}) < len(self.questions):
            raise ValueError("two questions have the same id")
        lines = sorted(json.dumps(to_row(q), ensure_ascii=False, sort_keys=True) for q in self.questions)
        digest = hashlib.sha256("\n".join(lines).encode("utf-8", errors="surrogatepass")).hexdigest()
        object.__setattr__(self, "_fingerprint", digest[:16])

    @property
    def fingerprint(self) -> str:
        """16 hex digits over all questions whatever their order; the set's name does not count."""
        return self._fingerprint

    def side(self, side: Side) -> QuestionSet:
        """The questions of one side of a split; those without a side are on neither."""
        return QuestionSet(self.name, tuple(q for q in self.questions if q.split == side))


def to_row(question: LabelledQuestion) -> dict[str, Any]:
    """The question as a row of a JSON Lines file; fields that say nothing are left out.

    >>> to_row(LabelledQuestion("q1", "How hot?", (Label(chunk="c7"),)))
    {'id': 'q1', 'question': 'How hot?', 'relevant': [{'chunk': 'c7'}]}
    """
    row: dict[str, Any] = {"id": question.id, "question": question.text}
    if question.history:
        row["history"] = [{"role": turn.role, "text": turn.text} for turn in question.history]
    row |= scope_row(question.scope)
    if question.relevant:
        row["relevant"] = [label_row(label) for label in question.relevant]
    if question.answers:
        row["answers"] = list(question.answers)
    if question.answerable is not True:
        row["answerable"] = False if question.answerable is False else "undecided"
    if question.sources:
        row["sources"] = list(question.sources)
    if question.origin != "file":
        row["origin"] = question.origin
    if question.weak:
        row["weak"] = True
    if question.split is not None:
        row["split"] = question.split
    if question.note:
        row["note"] = question.note
    return row


def label_row(label: Label) -> dict[str, Any]:
    """A label as it stands in a row of a file."""
    named = {"chunk": label.chunk, "document": label.document, "row": label.row, "quote": label.quote}
    row: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if label.grade != 1:
        row["grade"] = label.grade
    return row


def made_id(text: str, history: tuple[Turn, ...] = (), scope: Scope = EVERYTHING) -> str:
    """The id of a question that was given none: from its words, and from what it is asked within, so that it stays the
    same from file to file."""
    within = [] if scope.everything else [scope.key]
    said = "\0".join([*within, *(turn.text for turn in history), text])
    return "q-" + hashlib.sha256(said.encode("utf-8", errors="surrogatepass")).hexdigest()[:12]
