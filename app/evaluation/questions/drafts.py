"""Drafted questions and what a person made of them, one file a library: <directory>/<library>/drafts.jsonl."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from app.errors import UsageError
from app.evaluation.questions.fields import FieldFault
from app.evaluation.questions.model import LabelledQuestion, QuestionSet, QuestionSetError, to_row
from app.evaluation.questions.rows import question_of
from app.evaluation.questions.write import write_rows

DraftState = Literal["drafted", "accepted", "rejected"]
STATES: tuple[DraftState, ...] = ("drafted", "accepted", "rejected")


@dataclass(frozen=True, slots=True)
class Draft:
    """One drafted question. `passage` is the text it was drafted from, `by` what drafted it (a chat model's name,
    "headings" or "sentences"); `at` and `decided_at` are ISO 8601, UTC ("" while nobody has decided)."""

    question: LabelledQuestion
    passage: str
    by: str
    state: DraftState = "drafted"
    at: str = ""
    decided_at: str = ""


class Drafts:
    """The drafts of all libraries below one directory. Several processes may write: each change holds a lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, library: str) -> Path:
        return self._directory / library / "drafts.jsonl"

    def read(self, library: str) -> list[Draft]:
        """All drafts in the order they were added. Raises QuestionSetError naming a line that cannot be read."""
        path = self.path(library)
        if not path.exists():
            return []
        drafts = []
        for line, text in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if not text:
                continue
            try:
                row = json.loads(text)
                if row["state"] not in STATES:
                    raise ValueError(row["state"])
                question = question_of(row["question"])
                drafts.append(Draft(question, row["passage"], row["by"], row["state"], row["at"], row["decided_at"]))
            except (ValueError, KeyError, TypeError, FieldFault) as error:
                raise QuestionSetError(
                    f"{path}, line {line} is not a draft: {error}", hint="Remove that line and try again."
                ) from error
        return drafts

    def add(self, library: str, drafts: Iterable[Draft]) -> int:
        """Keep new drafts; those whose question is there already, accepted or rejected too, are not added again.

        Returns how many are new. Raises QuestionSetError where the file cannot be read.
        """
        with self._changing(library):
            known = self.read(library)
            ids = {draft.question.id for draft in known}
            now = _now()
            fresh: dict[str, Draft] = {}
            for draft in drafts:
                if draft.question.id not in ids:
                    fresh.setdefault(draft.question.id, replace(draft, at=now))
            self._write(library, [*known, *fresh.values()])
        return len(fresh)

    def decide(
        self, library: str, ids: Sequence[str], state: DraftState, *, edited: LabelledQuestion | None = None
    ) -> int:
        """Accept, reject, or put back some drafts; returns how many changed. `edited` replaces the question of the one
        id given, in a person's own words; it keeps its id.

        Raises UsageError for an id that is not there, QuestionSetError where the file cannot be read.
        """
        if edited is not None and len(ids) != 1:
            raise ValueError("an edited question replaces one draft")
        with self._changing(library):
            known = self.read(library)
            unknown = [i for i in ids if all(draft.question.id != i for draft in known)]
            if unknown:
                raise UsageError(
                    f"There is no draft {', '.join(unknown)} for library {library}.",
                    hint=f"See them with: sluice questions drafts --library {library}",
                )
            changed = []
            count = 0
            for draft in known:
                after = draft
                if draft.question.id in ids:
                    question = draft.question if edited is None else replace(edited, id=draft.question.id)
                    after = replace(draft, state=state, question=question)
                    if after != draft:
                        after = replace(after, decided_at="" if state == "drafted" else _now())
                        count += 1
                changed.append(after)
            self._write(library, changed)
        return count

    def question_set(
        self, library: str, *, states: Sequence[DraftState] = ("accepted",), name: str = ""
    ) -> QuestionSet:
        """The questions a person has accepted, or those of other states where asked for, as a set. An accepted question
        is no longer weak when a chat model drafted it: a person has judged it."""
        chosen = [draft for draft in self.read(library) if draft.state in states]
        questions = tuple(
            replace(d.question, weak=d.question.weak and (d.state != "accepted" or d.question.origin != "chat"))
            for d in chosen
        )
        return QuestionSet(name or f"{library}-drafts", questions)

    @contextmanager
    def _changing(self, library: str) -> Iterator[None]:
        path = self.path(library)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, library: str, drafts: Sequence[Draft]) -> None:
        rows = (
            {
                "schema": 1,
                "state": draft.state,
                "by": draft.by,
                "at": draft.at,
                "decided_at": draft.decided_at,
                "question": to_row(draft.question),
                "passage": draft.passage,
            }
            for draft in drafts
        )
        write_rows(rows, self.path(library))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
