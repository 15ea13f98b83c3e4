"""What int8 costs: the bundled scorer against its own float32 weights, on the sets that models are chosen on.

Both sides run on onnxruntime with the same tokens and windows, so that rounding is the only difference (app.tuning's
own scoring runs in bfloat16 and cuts where this one windows). Candidates: the top twenty of hybrid retrieval.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from app.domain import ScorerProfile
from app.errors import UsageError
from app.providers.onnx_runtime import Encoder
from app.providers.reranking.onnx_cross_encoder import OnnxCrossEncoder, open_bundled
from app.tuning.candidates import Task, Tasks
from app.tuning.export import export, load
from app.tuning.measure import Array, interval, ndcg, overlap
from app.tuning.report_sets import choosing

MOST_LOSS = 0.003  # of nDCG@10
LEAST_OVERLAP = 0.95
BEST = 5


def quality(model: Path, checkpoint: Path, data: Path, questions: int, kept: Path) -> dict[str, Any]:
    """By set: nDCG@10 of both, their difference, top-5 overlap, each with its 95 % bootstrap interval over questions,
    and whether their means meet the bars. Vectors are kept in `kept`.

    Raises UsageError where `model` was not made from `checkpoint`.
    """
    rounded = open_bundled(model)
    with tempfile.TemporaryDirectory() as folder:
        exact = _exact(model, checkpoint, rounded.profile, Path(folder))
        return {tasks.name: compare(tasks, exact, rounded) for tasks in choosing(data, kept, questions)}


def compare(tasks: Tasks, exact: OnnxCrossEncoder, rounded: OnnxCrossEncoder) -> dict[str, Any]:
    """One set's figures, over its answerable questions."""
    asked = [task for task in tasks.tasks if task.relevant.any() or task.missed]
    scores = [(_raw(exact, tasks, task), _raw(rounded, tasks, task)) for task in asked]
    return figures(asked, scores)


def figures(asked: Sequence[Task], scores: Sequence[tuple[Array, Array]]) -> dict[str, Any]:
    """From each question's (float32, int8) logits. The overlap is over the questions with more than five candidates:
    with fewer the five best are always the same."""
    before = [ndcg(task, a) for task, (a, _) in zip(asked, scores, strict=True)]
    after = [ndcg(task, b) for task, (_, b) in zip(asked, scores, strict=True)]
    change = interval([b - a for a, b in zip(before, after, strict=True)])
    same = [overlap(a, b, BEST) for a, b in scores if len(a) > BEST]
    return {
        "questions": len(asked),
        "ndcg_float32": round(float(np.mean(before)), 4),
        "ndcg_int8": round(float(np.mean(after)), 4),
        "difference": [round(v, 4) for v in change],
        "difference_met": change[0] > -MOST_LOSS,
        "overlap_questions": len(same),
        "top5_overlap": [round(v, 4) for v in interval(same)] if same else None,
        "overlap_met": float(np.mean(same)) >= LEAST_OVERLAP if same else None,
        "logit_error_rms": round(float(np.sqrt(np.mean([np.mean((a - b) ** 2) for a, b in scores]))), 4),
    }


def _raw(scorer: OnnxCrossEncoder, tasks: Tasks, task: Task) -> Array:
    scores = scorer.score(task.question, [tasks.texts[i] for i in task.passages])
    return np.array([np.nan if s.raw is None else s.raw for s in scores], dtype=np.float64)


def _exact(model: Path, checkpoint: Path, profile: ScorerProfile, folder: Path) -> OnnxCrossEncoder:
    trained = load(checkpoint)
    inside = {i.name: i for i in onnx.load(str(model / "model.onnx")).graph.initializer}
    head = trained.cls.weight.detach().numpy()  # the head is not rounded, and no two checkpoints share it
    if not np.array_equal(numpy_helper.to_array(inside["h.cls_w"]), head):
        raise UsageError(f"{model} was not made from {checkpoint}.", hint="Name the folder of the same run: --model")
    encoder = Encoder(export(trained, folder / "float32.onnx"), model / "tokenizer.json")
    return OnnxCrossEncoder(encoder, replace(profile, id=replace(profile.id, precision="float32")))
