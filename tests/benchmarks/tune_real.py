"""`sluice tune` on real sets, over documents that the bundled model was kept from.

    python -m tests.benchmarks.tune_real --data ../shared/data --work DIR [--set medquad] [--half a] [--questions 400]
        [TUNE OPTIONS]

Fills a library with the set's passages, writes questions about them, and runs `sluice tune`. What is left over is
handed on: --rounds 3 --rate 5e-5 --advice, say. The same command goes on where it was stopped. Its exit code is the
command's: 0 promoted, 4 kept aside.

The documents (diseases, stories, reports) are in two halves, and questions are drawn from one: what was chosen by what
it came to on half a is confirmed on half b, which shares no document with it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.tuning.sources import Asked, Passage, QuestionSet, read_set
from app.tuning.split import bucket

MOST_CHARACTERS = 6000  # of a passage: a few answers of train_medquad are pamphlets
HALVES = ("a", "b", "both")


@dataclass(frozen=True, slots=True)
class Real:
    """A set: its folder, whether only documents kept back from the bundled model's training count (of a set that it
    did not train on: all), what stands for a title where there is none, and whether questions are asked within their
    document."""

    folder: str
    kept_back: bool
    title: str = ""
    within: bool = False


SETS: Mapping[str, Real] = {
    "medquad": Real("train_medquad", kept_back=True),
    "covidqa": Real("train_covidqa", kept_back=True),
    "fairytaleqa": Real("train_fairytaleqa", kept_back=True, within=True),
    "tatqa": Real("dev_tatqa", kept_back=False, title="Annual report"),
    "tatqa-context": Real("dev_tatqa", kept_back=False, title="Annual report", within=True),
}


def write(data: Path, folder: Path, name: str, *, half: str, count: int) -> tuple[Path, Path]:
    """The passages, to ingest, and at most `count` questions about this half's documents; returns both files."""
    real = SETS[name]
    source = read_set(data / real.folder)
    there = {i: p for i, p in source.passages.items() if p.kept_back or not real.kept_back}
    row = {i: number for number, i in enumerate(there, 1)}
    asked = [q for q in source.questions if _usable(q, there, half)]
    random.Random(3).shuffle(asked)
    file = f"{real.folder}.jsonl"
    questions = [
        {
            "id": q.id,
            "question": q.text,
            "relevant": [{"document": file, "row": row[p]} for p in q.positives],
            "sources": sorted({_document(there[p]) for p in q.positives}),
            **(_scope(q, source, row, file) if real.within else {}),
        }
        for q in asked[:count]
    ]
    passages = [{"title": p.title or real.title, "text": p.text[:MOST_CHARACTERS]} for p in there.values()]
    folder.mkdir(parents=True, exist_ok=True)
    files = (folder / file, folder / f"{name}-{half}-{count}.jsonl")
    for path, rows in zip(files, (passages, questions), strict=True):
        path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return files


def _usable(question: Asked, there: Mapping[str, Passage], half: str) -> bool:
    if not question.positives or any(p not in there for p in question.positives):
        return False
    return half == "both" or _half(_document(there[question.positives[0]])) == half


def _document(passage: Passage) -> str:
    """What a question is about: what no part of a split may share."""
    return passage.group or passage.title or passage.id


def _half(document: str) -> str:
    return HALVES[bucket(f"half {document}", 2)]


def _scope(question: Asked, source: QuestionSet, row: Mapping[str, int], file: str) -> dict[str, str]:
    """The rows of its story or report."""
    rows = [str(row[i]) for i, p in source.passages.items() if p.group == question.group and i in row]
    return {"within": file, "filter": "row=" + ",".join(rows)}


def main(arguments: list[str] | None = None) -> int:
    """Fill the library, tune, and give back the exit code of `sluice tune`."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.tune_real", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="becomes SLUICE_HOME; kept")
    parser.add_argument("--set", dest="name", choices=[*SETS], default="medquad")
    parser.add_argument("--half", choices=HALVES, default="a", help="of the documents to ask about")
    parser.add_argument("--questions", type=int, default=400, help="the most to write")
    options, handed_on = parser.parse_known_args(arguments)
    files = options.work / "files"
    passages, questions = write(options.data, files, options.name, half=options.half, count=options.questions)
    library = SETS[options.name].folder.replace("_", "-")
    environment = {**os.environ, "SLUICE_HOME": str(options.work.resolve())}
    preparing = [sys.executable, "-m", "app", "models", "prepare"]
    filling = [sys.executable, "-m", "ingest", "--library", library, str(passages)]
    for command in (preparing, filling):
        subprocess.run(command, env=environment, check=True)
    tuning = [sys.executable, "-m", "app", "tune", str(questions), "--library", library, *handed_on]
    return subprocess.run(tuning, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
