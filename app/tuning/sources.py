"""Reading question sets: folders of corpus.jsonl, queries.jsonl and qrels.tsv, gzipped or not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from app.errors import UsageError
from app.tuning.split import held_out


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage. `group` is the story or context its questions assume ("" where questions stand alone); `kept_back`
    passages are for calibration and are not trained on (see `app.tuning.split`)."""

    id: str
    title: str
    text: str
    group: str = ""
    kept_back: bool = False

    @property
    def document(self) -> str:
        """The document it is a part of: its group, else its article's title, else it is one by itself."""
        return self.group or self.title.split(" - ")[0] or self.id


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with its relevant passage ids. `extra` keeps the set's own fields (domain, history, ...)."""

    id: str
    text: str
    answerable: bool
    answers: tuple[str, ...]
    positives: tuple[str, ...]
    group: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A named set. `scoped`: questions assume their group, so other groups' passages are no fair negatives."""

    name: str
    passages: dict[str, Passage]
    questions: tuple[Asked, ...]
    scoped: bool


def scorer_text(title: str, text: str) -> str:
    """What a scorer sees of a passage without a section: the non-empty ones of title and text, one a line."""
    return "\n".join(part for part in (title.strip(), text.strip()) if part)


def read_set(folder: Path) -> QuestionSet:
    """Read one set. Raises UsageError when a file is missing."""
    passages: dict[str, Passage] = {}
    scoped = folder.name.removeprefix("train_").removeprefix("dev_") in {"fairytaleqa", "tatqa"}
    for row in _rows(folder, "corpus"):
        group = str(row.get("context", "")) if scoped else ""
        if "fairytale" in folder.name:
            group = str(row["id"]).removeprefix("ft-").rpartition("-")[0]
        passages[row["id"]] = Passage(row["id"], _title(row.get("title", "")), row["text"], group, held_out(row))
    positives: dict[str, list[str]] = {}
    with (folder / "qrels.tsv").open(encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            question, passage, grade = line.rstrip("\n").split("\t")
            if float(grade) > 0:
                positives.setdefault(question, []).append(passage)
    questions = []
    for row in _rows(folder, "queries"):
        relevant = tuple(positives.get(row["id"], ()))
        group = str(row.get("story", row.get("context", ""))) if scoped else ""
        extra = {k: v for k, v in row.items() if k not in {"id", "text", "answerable", "answers"}}
        answers = tuple(str(a) for a in row.get("answers", ()))
        asked = Asked(row["id"], row["text"].strip(), bool(row["answerable"]), answers, relevant, group, extra)
        questions.append(asked)
    return QuestionSet(folder.name, passages, tuple(questions), scoped)


def _title(title: str) -> str:
    return title.partition(" https://")[0].strip()  # train_covidqa's titles end in a cut-off address


def _rows(folder: Path, stem: str) -> Iterator[dict[str, Any]]:
    with _open(folder, stem) as lines:
        for line in lines:
            yield json.loads(line)


def _open(folder: Path, stem: str) -> TextIO:
    plain, packed = folder / f"{stem}.jsonl", folder / f"{stem}.jsonl.gz"
    if plain.exists():
        return plain.open(encoding="utf-8")
    if packed.exists():
        return gzip.open(packed, "rt", encoding="utf-8")
    raise UsageError(f"{folder} has no {stem}.jsonl(.gz).", hint="--data names the folder that holds the train_* sets")
