"""`sluice tune` on a real set: questions about diseases, over documents that the bundled model was kept from.

    python -m tests.benchmarks.tune_real --data ../shared/data --work DIR [--questions 130] [TUNE OPTIONS]

Fills a library with the kept-back documents of train_medquad (about 2,300 chunks), writes their questions, split by
disease, and runs `sluice tune`. What is left over is handed on: --rounds 3 --negatives 3 --rate 1e-4, say. The same
command goes on where it was stopped. Its exit code is the command's: 0 promoted, 4 kept aside.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from pathlib import Path

from app.tuning.sources import read_set

SET = "train_medquad"


def write(data: Path, folder: Path, count: int) -> tuple[Path, Path]:
    """The passages, to ingest, and `count` of their questions; returns both files."""
    source = read_set(data / SET)
    kept_back = {i: passage for i, passage in source.passages.items() if passage.kept_back}
    row = {i: number for number, i in enumerate(kept_back, 1)}
    asked = [q for q in source.questions if q.positives and all(p in kept_back for p in q.positives)]
    random.Random(3).shuffle(asked)
    questions = [
        {
            "id": q.id,
            "question": q.text,
            "relevant": [{"document": f"{SET}.jsonl", "row": row[p]} for p in q.positives],
            "sources": sorted({kept_back[p].title or p for p in q.positives}),
        }
        for q in asked[:count]
    ]
    passages = [{"title": p.title or p.id, "text": p.text[:6000]} for p in kept_back.values()]
    folder.mkdir(parents=True, exist_ok=True)
    files = (folder / f"{SET}.jsonl", folder / "questions.jsonl")
    for file, rows in zip(files, (passages, questions), strict=True):
        file.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return files


def main(arguments: list[str] | None = None) -> int:
    """Fill the library, tune, and give back the exit code of `sluice tune`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tune_real", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="becomes SLUICE_HOME; kept")
    parser.add_argument("--questions", type=int, default=130)
    options, handed_on = parser.parse_known_args(arguments)
    passages, questions = write(options.data, options.work / "files", options.questions)
    environment = {**os.environ, "SLUICE_HOME": str(options.work.resolve())}
    preparing = [sys.executable, "-m", "app", "models", "prepare"]
    filling = [sys.executable, "-m", "ingest", "--library", "medquad", str(passages)]
    for command in (preparing, filling):
        subprocess.run(command, env=environment, check=True)
    tuning = [sys.executable, "-m", "app", "tune", str(questions), "--library", "medquad", *handed_on]
    return subprocess.run(tuning, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
