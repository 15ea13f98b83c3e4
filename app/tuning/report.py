"""What a scorer is worth: retrieval, evidence only, the plain scorer, and the scorer with evidence, on every set.

    python -m app.tuning.report --data ../shared/data --model app/models/reranker --out DIR [--questions 100]

The maps behind "evidence only" and "with scorer" are fitted alike, on documents of the training sets that were kept
back from training; the scorer gets credit for what the second adds over the first. Scores are kept in DIR.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from app.ports import Scorer
from app.tuning.candidates import Task, Tasks
from app.tuning.measure import auroc, interval, ndcg

Array = npt.NDArray[np.float64]
Map = Callable[[Task, Array | None], Array]


@dataclass(frozen=True, slots=True)
class Scored:
    """A set's tasks with the scorer's raw scores, one array a task."""

    tasks: Tasks
    raw: tuple[Array, ...]


def score_all(tasks: Tasks, scorer: Scorer, kept: Path, note: Callable[[str], None]) -> Scored:
    """Raw scores of every task; those in the file `kept` are read back, new ones are added to it."""
    known: dict[str, list[float]] = {}
    if kept.exists():
        for line in kept.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            known[row["id"]] = row["raw"]
    kept.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with kept.open("a", encoding="utf-8") as lines:
        for task in tasks.tasks:
            if task.question_id not in known:
                scores = scorer.score(task.question, [tasks.texts[i] for i in task.passages])
                known[task.question_id] = [float(s.raw) for s in scores if s.raw is not None]
                lines.write(json.dumps({"id": task.question_id, "raw": known[task.question_id]}) + "\n")
    note(f"{tasks.name}: {len(tasks.tasks)} questions, {time.monotonic() - began:.0f} s")
    return Scored(tasks, tuple(np.asarray(known[t.question_id], dtype=np.float64) for t in tasks.tasks))


def fit_map(sets: Sequence[Scored], *, with_scorer: bool) -> Map:
    """A logistic map over cosine, BM25 share and, `with_scorer`, the raw score, each with its gap to the question's
    best; every set weighs the same."""
    rows, labels, weights = [], [], []
    for scored in sets:
        answerable = [(t, r) for t, r in zip(scored.tasks.tasks, scored.raw, strict=True) if t.relevant.any()]
        for task, raw in answerable:
            rows.append(_features(task, raw if with_scorer else None))
            labels.append(task.relevant)
            weights.append(np.full(len(task.relevant), 1.0 / len(answerable)))
    x, y, w = np.concatenate(rows), np.concatenate(labels).astype(int), np.concatenate(weights)
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    fitted = LogisticRegression(max_iter=1000).fit((x - mean) / spread, y, sample_weight=w * len(w) / w.sum())

    def judge(task: Task, raw: Array | None) -> Array:
        features = (_features(task, raw if with_scorer else None) - mean) / spread
        return np.asarray(fitted.decision_function(features), dtype=np.float64)

    return judge


def arms(scored: Scored, evidence: Map, fused: Map) -> dict[str, Any]:
    """nDCG@10 of the four arms over the answerable questions, with intervals and the paired gain; AUROC where the set
    has unanswerable ones."""
    asked = [(t, r) for t, r in zip(scored.tasks.tasks, scored.raw, strict=True) if t.relevant.any() or t.missed]
    by_arm = {
        "retrieval": [ndcg(t, None) for t, _ in asked],
        "evidence": [ndcg(t, evidence(t, None)) for t, _ in asked],
        "plain": [ndcg(t, r) for t, r in asked],
        "with_scorer": [ndcg(t, fused(t, r)) for t, r in asked],
    }
    table: dict[str, Any] = {"questions": len(asked)}
    table |= {name: [round(v, 4) for v in interval(values)] for name, values in by_arm.items()}
    for other in ("evidence", "retrieval"):
        gain = [a - b for a, b in zip(by_arm["with_scorer"], by_arm[other], strict=True)]
        table[f"gain_over_{other}"] = [round(v, 4) for v in interval(gain)]
    if any(not t.answerable for t in scored.tasks.tasks):
        table["auroc"] = {
            "cosine": _auroc(scored, lambda t, _r: float(t.cosine.max())),
            "plain": _auroc(scored, lambda _t, r: float(r.max())),
            "evidence": _auroc(scored, lambda t, _r: float(evidence(t, None).max())),
            "with_scorer": _auroc(scored, lambda t, r: float(fused(t, r).max())),
        }
    return table


def _auroc(scored: Scored, confidence: Callable[[Task, Array], float]) -> float:
    pairs = [(t.answerable, confidence(t, r)) for t, r in zip(scored.tasks.tasks, scored.raw, strict=True)]
    return round(auroc(np.array([c for yes, c in pairs if yes]), np.array([c for yes, c in pairs if not yes])), 4)


def _features(task: Task, raw: Array | None) -> Array:
    columns: list[Array] = [task.cosine.astype(np.float64), task.bm25_share.astype(np.float64)]
    if raw is not None:
        columns.append(raw)
    return np.stack([part for c in columns for part in (c, c - c.max())], axis=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes DIR/report.json and prints it."""
    from app.providers.reranking.onnx_cross_encoder import open_bundled
    from app.tuning.report_sets import choosing, fitting, reporting

    parser = argparse.ArgumentParser(prog="python -m app.tuning.report", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="a bundled folder")
    parser.add_argument("--out", type=Path, required=True, help="vectors, scores and report.json go here")
    parser.add_argument("--questions", type=int, default=100, help="a set; 0: all")
    parser.add_argument("--fitting", type=int, default=40, help="questions of each set that the maps are fitted on")
    parser.add_argument("--reporting", action="store_true", help="the reporting sets too: once, at the end")
    options = parser.parse_args(arguments)
    scorer = open_bundled(options.model)
    count = options.questions or None

    def note(line: str) -> None:
        sys.stderr.write(line + "\n")

    def scored(tasks: Tasks) -> Scored:
        return score_all(tasks, scorer, options.out / scorer.profile.id.revision / f"{tasks.name}.jsonl", note)

    fitted_on = [scored(t) for t in fitting(options.data, options.out, options.fitting)]
    evidence, fused = fit_map(fitted_on, with_scorer=False), fit_map(fitted_on, with_scorer=True)
    wanted = choosing(options.data, options.out, count)
    if options.reporting:
        wanted += reporting(options.data, options.out, count)
    report = {
        "scorer": str(scorer.profile.id),
        "maps_fitted_on": {s.tasks.name: len(s.tasks.tasks) for s in fitted_on},
        "sets": {t.name: arms(scored(t), evidence, fused) for t in wanted},
    }
    text = json.dumps(report, indent=1)
    (options.out / f"report-{scorer.profile.id.revision}.json").write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
