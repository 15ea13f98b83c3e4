"""The question sets of ../shared/data as documents that `python -m ingest` takes, and the questions to ask of them.

A set becomes one JSON Lines file of titles and texts; a chunk's row number leads back to its passage, so that the
relevance judgements survive chunking. Nothing here is tuned on; which set may be used for what is in SCOPES.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain import Condition, Filter, Turn

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Scope:
    """One way to use a set: where its folder is, and what the numbers may be used for."""

    folder: str
    title: str  # stands for the title of passages that have none, as a file's name would
    role: str
    within: str | None = None  # the field that questions and passages share, where ranking is within it


SCOPES: Mapping[str, Scope] = {
    "squad2": Scope("dev_squad2", "Encyclopedia", "reporting only (articles N to Z)"),
    "mtragun": Scope("dev_mtragun", "Documents", "reporting only (last turns, rewritten from their history)"),
    "pubmedqa": Scope("dev_pubmedqa", "Abstract", "reporting only"),
    "tatqa": Scope("dev_tatqa", "Annual report", "choosing (whole corpus)"),
    "tatqa-context": Scope("dev_tatqa", "Annual report", "choosing (within context)", within="context"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question. `relevant` maps passage ids to grades; `answerable` is None where the set says neither yes nor no
    (underspecified, conversational, partial)."""

    id: str
    text: str
    relevant: Mapping[str, float]
    answerable: bool | None
    answers: tuple[str, ...]
    history: tuple[Turn, ...]
    where: Filter


@dataclass(frozen=True, slots=True)
class DevSet:
    """A converted set. `passages` lists passage ids by row (row 1 is the first)."""

    name: str
    scope: Scope
    file: Path
    passages: tuple[str, ...]
    questions: tuple[Asked, ...]

    def passage(self, row: object) -> str:
        return self.passages[int(str(row)) - 1]

    def sample(self, count: int | None, seed: int) -> tuple[Asked, ...]:
        """A seeded sample; everything where `count` is None or more than there is."""
        if count is None or count >= len(self.questions):
            return self.questions
        return tuple(random.Random(seed).sample(self.questions, count))


def convert(name: str, out: Path, *, data: Path = DATA) -> DevSet:
    """Write the set's passages as JSON Lines below `out` and return it with its questions."""
    scope = SCOPES[name]
    folder = data / scope.folder
    rows = [row for row in _lines(folder / "corpus.jsonl") if scope.folder != "dev_squad2" or _reporting_half(row)]
    place = {row["id"]: number for number, row in enumerate(rows, 1)}
    file = out / scope.folder / f"{scope.title}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(json.dumps({"title": r["title"], "text": r["text"]}, ensure_ascii=False) + "\n" for r in rows)
    if not file.exists() or file.read_text(encoding="utf-8") != content:
        file.write_text(content, encoding="utf-8")
    groups: dict[object, list[int]] = {}
    if scope.within is not None:
        for row in rows:
            groups.setdefault(row[scope.within], []).append(place[row["id"]])
    relevant = _qrels(folder / "qrels.tsv")
    questions = []
    for query in _lines(folder / "queries.jsonl"):
        about = {query["passage_id"]} if "passage_id" in query else set(relevant.get(query["id"], {}))
        if not about & place.keys() and scope.folder == "dev_squad2":
            continue  # asked of the other half
        where: Filter = ()
        if scope.within is not None:
            where = (Condition("row", "in", tuple(groups[query[scope.within]])),)
        questions.append(
            Asked(
                id=query["id"],
                text=query["text"],
                relevant=relevant.get(query["id"], {}) if query["answerable"] else {},
                answerable=_answerable(query),
                answers=tuple(str(answer) for answer in query.get("answers", ())),
                history=tuple(_turn(turn) for turn in query.get("history", ())),
                where=where,
            )
        )
    return DevSet(name, scope, file, tuple(place), tuple(questions))


def _reporting_half(row: Mapping[str, Any]) -> bool:
    return str(row["title"])[:1].upper() > "M"


def _answerable(query: Mapping[str, Any]) -> bool | None:
    named = query.get("answerability")
    if named is None:
        return bool(query["answerable"])
    return {"ANSWERABLE": True, "UNANSWERABLE": False}.get(str(named))


def _turn(turn: Mapping[str, Any]) -> Turn:
    return Turn("user" if turn["speaker"] == "user" else "assistant", str(turn["text"]))


def _qrels(path: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    with path.open(encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            question, passage, grade = line.rstrip("\n").split("\t")
            if float(grade) > 0:
                found.setdefault(question, {})[passage] = float(grade)
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
