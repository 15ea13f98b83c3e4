"""BEIR folders: corpus.jsonl, queries.jsonl (gzipped or not), and qrels/<split>.tsv or qrels.tsv.

N. Thakur et al., BEIR: A heterogeneous benchmark for zero-shot evaluation of information retrieval models, 2021.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from app.domain import Turn
from app.evaluation.questions.imported import Imported, Passage
from app.evaluation.questions.model import MOST_GRADE, Label, LabelledQuestion, QuestionSet, QuestionSetError
from app.evaluation.questions.scope import Scope


def is_beir(folder: Path) -> bool:
    """Whether a folder looks like one of BEIR's."""
    return _find(folder, "queries") is not None and _find(folder, "corpus") is not None


def read_beir(folder: Path, *, split: str = "test", scope: str | None = None) -> Imported:
    """Read a folder. Labels name corpus ids, which a library finds if its files are called so; `write_corpus` turns
    them into rows of a file of one's own.

    `split` names the file in qrels/. Grades below 0 become 0, above 10 become 10. Fields of a query beside BEIR's own
    are read where they are there: `answerable`, `answers`, `history`, `passage_id` (what it was written about).
    Queries without a judgement are left out and counted, unless they say `answerable: false`. `scope` names a field
    that queries and passages share, as TAT-QA's `context`: a question is then asked within the passages of its value.
    Raises QuestionSetError naming file and line, or the query whose scope is not there.
    """
    passages = {str(row_id): row for row_id, row in _identified(_required(folder, "corpus"))}
    groups = None if scope is None else _groups(passages, scope)
    scopes: dict[str, tuple[str, ...]] = {}
    judged, left_out = _judgements(folder, split, passages.keys())
    questions: list[LabelledQuestion] = []
    places: dict[str, tuple[str | None, ...]] = {}
    for query_id, row in _identified(_required(folder, "queries")):
        labels = judged.get(query_id, {})
        answerable = _answerable(row, any(grade > 0 for grade in labels.values()))
        if answerable is False:
            labels = {passage: grade for passage, grade in labels.items() if grade == 0}
        elif not any(grade > 0 for grade in labels.values()):
            left_out["queries with nothing relevant in this split"] += 1
            continue
        if scope is not None and groups is not None:
            scopes[query_id] = _group(query_id, row, scope, groups)
        about = [passage for passage, grade in labels.items() if grade > 0] or [str(row.get("passage_id"))]
        questions.append(
            LabelledQuestion(
                id=query_id,
                text=str(row["text"]).strip(),
                relevant=tuple(Label(document=passage, grade=grade) for passage, grade in labels.items()),
                answers=_texts(row.get("answers")),
                answerable=answerable,
                history=_history(row.get("history")),
                sources=tuple(dict.fromkeys(_source(passages[p], p) for p in about if p in passages)),
                scope=Scope(scopes.get(query_id, ())),
                origin="beir",
            )
        )
        places[query_id] = tuple(labels)
    corpus = tuple(Passage(i, str(row.get("title") or ""), str(row["text"])) for i, row in passages.items())
    return Imported(QuestionSet(folder.resolve().name, tuple(questions)), corpus, places, dict(left_out), scopes)


def _groups(passages: Mapping[str, dict[str, Any]], name: str) -> dict[str, tuple[str, ...]]:
    """Passages by their value of a field; those without it are in no group."""
    groups: dict[str, list[str]] = defaultdict(list)
    for passage, row in passages.items():
        if (value := _scalar(row, name)) is not None:
            groups[value].append(passage)
    return {value: tuple(of) for value, of in groups.items()}


def _group(query: str, row: Mapping[str, Any], name: str, groups: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    value = _scalar(row, name)
    if value is None:
        fields = ", ".join(sorted(field for field in row if field not in ("id", "_id", "text"))) or "none"
        raise QuestionSetError(
            f"Query {query} has no {name!r} to be asked within (its other fields: {fields}).",
            hint="Name a field that every query and its passages have: --scope FIELD",
        )
    if value not in groups:
        raise QuestionSetError(
            f"Query {query} is to be asked within {name} {value!r}, which no passage has.",
            hint="Name a field that every query and its passages have: --scope FIELD",
        )
    return groups[value]


def _scalar(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return None if value is None or isinstance(value, list | dict) or str(value) == "" else str(value)


def _answerable(row: dict[str, Any], labelled: bool) -> bool | None:
    """What the query says of itself; sets that grade answerability in words leave partial cases undecided."""
    named = row.get("answerability")
    if isinstance(named, str):
        return {"ANSWERABLE": True, "UNANSWERABLE": False}.get(named.upper())
    said = row.get("answerable")
    return said if isinstance(said, bool) else labelled or None


def _source(row: dict[str, Any], passage: str) -> str:
    """The document a passage was cut from: its title up to " - ", where the corpus has titles; else the passage."""
    title = str(row.get("title") or "").split(" - ")[0].strip()
    return title or passage


def _judgements(folder: Path, split: str, known: Any) -> tuple[dict[str, dict[str, int]], Counter[str]]:
    path = next((p for p in (folder / "qrels" / f"{split}.tsv", folder / "qrels.tsv") if p.is_file()), None)
    if path is None:
        there = ", ".join(sorted(p.stem for p in (folder / "qrels").glob("*.tsv"))) or "none"
        raise QuestionSetError(
            f"{folder} has neither qrels/{split}.tsv nor qrels.tsv (splits there: {there}).",
            hint="Name the split: sluice questions import FOLDER --split dev",
        )
    judged: dict[str, dict[str, int]] = defaultdict(dict)
    left_out: Counter[str] = Counter()
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            cells = line.split("\t") if "\t" in line else line.split()
            if not line.strip():
                continue
            query, passage = cells[0].strip(), cells[-2].strip() if len(cells) > 2 else ""
            try:
                grade = int(float(cells[-1]))
            except (ValueError, OverflowError):
                if number == 1:
                    continue  # the names of the columns
                grade = None
            if len(cells) not in (3, 4) or grade is None:  # four: TREC's, with a column nobody uses
                raise QuestionSetError(
                    f"{path}, line {number}: is not query, passage and grade.", hint="Separate them with tabs."
                )
            if passage not in known:
                left_out["judgements of passages that the corpus does not have"] += 1
                continue
            judged[query][passage] = min(MOST_GRADE, max(0, grade))
    return judged, left_out


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value if str(one).strip()) if isinstance(value, list) else ()


def _history(value: object) -> tuple[Turn, ...]:
    turns = [turn for turn in value if isinstance(turn, dict)] if isinstance(value, list) else []
    said = [(turn.get("role", turn.get("speaker")), str(turn.get("text", ""))) for turn in turns]
    return tuple(Turn("user" if role == "user" else "assistant", text) for role, text in said)


def _find(folder: Path, stem: str) -> Path | None:
    return next((p for ending in (".jsonl", ".jsonl.gz") if (p := folder / f"{stem}{ending}").is_file()), None)


def _required(folder: Path, stem: str) -> Path:
    path = _find(folder, stem)
    if path is None:
        raise QuestionSetError(
            f"{folder} has no {stem}.jsonl and no {stem}.jsonl.gz.",
            hint="A BEIR folder holds corpus.jsonl, queries.jsonl and qrels/test.tsv.",
        )
    return path


def _opened(path: Path) -> TextIO:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def _identified(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(id, row) of every line; BEIR calls it _id."""
    number = 0
    try:
        with _opened(path) as lines:
            for line in lines:
                number += 1
                if line.strip():
                    row = json.loads(line)
                    yield str(row["_id"] if "_id" in row else row["id"]), {**row, "text": row["text"]}
    except (ValueError, KeyError, TypeError, OSError, EOFError) as error:
        raise QuestionSetError(
            f"{path}, line {max(1, number)}: is not an object with _id and text ({type(error).__name__}: {error}).",
            hint="Download the set again, or correct that line.",
        ) from error
