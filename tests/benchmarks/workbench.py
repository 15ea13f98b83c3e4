"""The evaluation workbench on the development sets, as a person uses it: `python -m tests.benchmarks.workbench`.

    python -m tests.benchmarks.workbench [--set dev_squad2 ...] [--questions 100] [--rerank none,local] [--calibrate]

Each set of ../shared/data is imported, ingested and evaluated by the `sluice` commands, and its report is named. The
questions of dev_tatqa name no company: they are asked of the whole corpus, and as dev_tatqa-context each within the
report it is about. With --calibrate, dev_squad2 is calibrated on articles A to M and measured on N to Z: the question
set carries the sides. Everything lies below SLUICE_HOME; an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.evaluation.questions.model import LabelledQuestion, QuestionSet, Side
from app.evaluation.questions.read import read_questions
from app.evaluation.questions.write import write_questions
from app.settings import load_settings
from app.tuning.calibration_sets import is_choosing_half
from tests.benchmarks.datasets import DATA


@dataclass(frozen=True, slots=True)
class Source:
    """The folder of a set, and the field its questions are asked within (None: the whole corpus)."""

    folder: str
    scope: str | None = None


SETS: Mapping[str, Source] = {
    "dev_squad2": Source("dev_squad2"),
    "dev_mtragun": Source("dev_mtragun"),
    "dev_pubmedqa": Source("dev_pubmedqa"),
    "dev_tatqa": Source("dev_tatqa"),
    "dev_tatqa-context": Source("dev_tatqa", scope="context"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="sets", action="append", choices=[*SETS], help="default: every set")
    parser.add_argument("--questions", type=int, default=100, help="a seeded sample of so many a set")
    parser.add_argument("--rerank", default="none,local")
    parser.add_argument("--calibrate", action="store_true", help="dev_squad2: fit on A to M, measure on N to Z")
    given = parser.parse_args(arguments)
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not here: this benchmark reads the question sets from it.")
    work = load_settings().sluice_home / "benchmarks" / "workbench"
    for name in given.sets or SETS:
        library = "workbench-" + SETS[name].folder.replace("_", "-")
        questions = prepare(name, library, work)
        if given.calibrate:
            if name == "dev_squad2":
                sides = work / f"{name}-sides.jsonl"
                write_questions(halves(name, read_questions(questions), given.questions), sides)
                sluice("calibrate", str(sides), "--library", library, "--target", "lost=0.05")
            continue
        options = ("--rerank", given.rerank, "--questions", str(given.questions))
        sluice("evaluate", str(questions), "--library", library, *options)
    return 0


def prepare(name: str, library: str, work: Path) -> Path:
    """Import the set and ingest its passages; returns the question set."""
    source = SETS[name]
    questions = work / f"{name}.jsonl"
    corpus = work / source.folder
    if not questions.exists():
        sluice(
            "questions", "import", str(DATA / source.folder), "--library", library,
            "--name", name, "--out", str(questions), "--corpus", str(corpus),
            *(() if source.scope is None else ("--scope", source.scope)),
        )  # fmt: skip
    sluice("ingest", str(corpus), "--library", library)
    return questions


def halves(name: str, questions: QuestionSet, count: int) -> QuestionSet:
    """A sample with sides: articles A to M for calibration, N to Z for the test; as many of each kind on each side."""
    placed = [replace(q, split=_side(q)) for q in questions.questions]
    kept: list[LabelledQuestion] = []
    for side in ("calibration", "test"):
        for answerable in (True, False):
            these = [q for q in placed if q.split == side and q.answerable is answerable]
            kept += random.Random(7).sample(these, min(count, len(these)))
    return QuestionSet(f"{name}-sides", tuple(kept))


def _side(question: LabelledQuestion) -> Side:
    """By the title of the article a question was written about."""
    title = question.sources[0] if question.sources else ""
    return "calibration" if is_choosing_half(title) else "test"


def sluice(*arguments: str) -> None:
    """One command, its output passed on. Exits as it does when it fails."""
    sys.stdout.write(f"\n$ sluice {' '.join(arguments)}\n")
    sys.stdout.flush()
    done = subprocess.run([sys.executable, "-m", "app", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
