"""What an importer gives: questions, the corpus they were asked of, and what was left out and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.domain import Condition
from app.evaluation.questions.model import Label, LabelledQuestion, QuestionSet, QuestionSetError
from app.evaluation.questions.scope import Scope

MOST_ROWS = 200_000  # rows of one file that ingest takes


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage of a corpus, in the corpus's own terms."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Imported:
    """An imported question set. `places` names, for each label, the passage it is about where the corpus has it (by
    question id, in the order of the labels), `scopes` the passages a question is asked within, where not within all (by
    question id). `left_out`: how many of what was not taken over, and why."""

    questions: QuestionSet
    passages: tuple[Passage, ...] = ()
    places: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def write_corpus(
    imported: Imported, folder: Path, *, most_rows: int = MOST_ROWS
) -> tuple[QuestionSet, tuple[Path, ...]]:
    """Write the passages as JSON Lines files that `python -m ingest` takes, and point labels and scopes at their rows.

    A row is a passage of its own in ingest and keeps its number through chunking, so a label of a row means all chunks
    that were cut from that passage (those with an answer, where one of them holds it). Raises
    QuestionSetError where what one question is asked within comes to stand in several files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = imported.questions.name
    row_of: dict[str, tuple[str, int]] = {}
    files: list[Path] = []
    for start in range(0, len(imported.passages), most_rows):
        part = f"-{start // most_rows + 1}" if len(imported.passages) > most_rows else ""
        path = folder / f"{name}{part}.jsonl"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for row, passage in enumerate(imported.passages[start : start + most_rows], 1):
                line = {"title": passage.title, "text": passage.text}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                row_of[passage.id] = (path.name, row)
        files.append(path)
    moved = tuple(
        _scoped(_moved(q, imported.places.get(q.id, ()), row_of), imported.scopes.get(q.id, ()), row_of)
        for q in imported.questions.questions
    )
    return QuestionSet(name, moved), tuple(files)


def _moved(
    question: LabelledQuestion, places: tuple[str | None, ...], row_of: Mapping[str, tuple[str, int]]
) -> LabelledQuestion:
    labels: dict[Label, None] = {}
    for label, passage in zip(question.relevant, places, strict=True) if places else ():
        document, row = row_of[passage] if passage is not None else (label.document, label.row)
        moved = replace(label, document=document, row=row, quote=None) if passage is not None else label
        labels[moved] = None
    return replace(question, relevant=tuple(labels)) if places else question


def _scoped(
    question: LabelledQuestion, passages: tuple[str, ...], row_of: Mapping[str, tuple[str, int]]
) -> LabelledQuestion:
    if not passages:
        return question
    places = [row_of[passage] for passage in passages]
    files = sorted({file for file, _ in places})
    if len(files) > 1:  # all conditions of a filter hold at once: it cannot name rows of one file and others of another
        raise QuestionSetError(
            f"{question.id} is asked within passages that come to stand in several files ({', '.join(files)}).",
            hint="Import without --scope, or order the corpus so that such passages follow each other.",
        )
    rows = tuple(sorted(row for _, row in places))
    return replace(question, scope=Scope((files[0],), (Condition("row", "in", rows),)))
