"""What each part of the recipe buys: the same short training run with one part changed at a time.

    python -m app.tuning.ablate --data ../shared/data --out DIR [--steps 150] [--questions 60] [VARIANT ...]

DIR is that of app.tuning.train_bundled, whose mined groups are used. Each variant is scored in float32 on the choosing
sets by its raw logit alone: nDCG@10 with a 95 % bootstrap interval, and AUROC of the best logit where the set has
unanswerable questions. What is done is kept in DIR/ablations, so that a stopped run goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from app.errors import SluiceError, UsageError
from app.tuning.candidates import Tasks
from app.tuning.loop import TrainPlan, score
from app.tuning.losses import LossPlan
from app.tuning.measure import auroc, interval, ndcg
from app.tuning.model import CrossEncoder, ModelPlan
from app.tuning.report_sets import choosing
from app.tuning.rounds import Run, mine_sets, train_rounds
from app.tuning.train_bundled import CPU, reading_embedder

NEAR_MISSES = frozenset({"gap", "swapped"})


@dataclass(frozen=True, slots=True)
class Variant:
    """One change to the recipe."""

    losses: LossPlan = LossPlan()
    layers: int = 4
    joint_from: int = 0
    frozen: int = 1
    without: frozenset[str] = frozenset()
    doubt: float | None = None


VARIANTS: Mapping[str, Variant] = {
    "recipe": Variant(),
    "pointwise only": Variant(losses=LossPlan(listwise=0.0)),
    "listwise only": Variant(losses=LossPlan(pointwise=0.0)),
    "no near-misses": Variant(without=NEAR_MISSES),
    "no easy negatives": Variant(without=frozenset({"easy"})),
    "doubted negatives left out": Variant(doubt=2.0),
    "three layers": Variant(layers=3),
    "six layers": Variant(layers=6),
}


def planned(name: str, variant: Variant, *, data: Path, out: Path, steps: int) -> Run:
    """The run of one variant: one round, from the same seed, over the same groups in the same order."""
    plan: TrainPlan = replace(CPU, steps=steps, average=0.98, frozen=variant.frozen, doubt=variant.doubt)
    return Run(
        data=data,
        out=out / "ablations" / name.replace(" ", "-"),
        model=ModelPlan(layers=variant.layers, joint_from=variant.joint_from),
        first=plan,
        second=None,
        losses=variant.losses,
        without=variant.without,
    )


def judged(model: CrossEncoder, tasks: Tasks) -> dict[str, object]:
    """nDCG@10 by the raw logit over questions with a relevant passage, and AUROC of the best logit (None without)."""
    raw = [np.asarray(score(model, [(t.question, tasks.texts[i]) for i in t.passages])) for t in tasks.tasks]
    pairs = list(zip(tasks.tasks, raw, strict=True))
    values = [ndcg(task, logits) for task, logits in pairs if task.relevant.any() or task.missed]
    best = {yes: np.asarray([r.max() for t, r in pairs if t.answerable is yes]) for yes in (True, False)}
    told = round(auroc(best[True], best[False]), 3) if all(b.size for b in best.values()) else None
    return {"questions": len(values), "ndcg_10": [round(v, 4) for v in interval(values)], "auroc": told}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m app.tuning.ablate", description=__doc__)
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help=f"default: all of {', '.join(VARIANTS)}")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--questions", type=int, default=60, help="answerable ones a set, and as many unanswerable")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    unknown = set(options.variants) - set(VARIANTS)
    if unknown:
        parser.error(f"no variant {', '.join(sorted(unknown))}; there are: {', '.join(VARIANTS)}")
    torch.set_num_threads(options.threads)
    try:
        for name in options.variants or VARIANTS:
            sys.stdout.write(json.dumps({"variant": name, **_run(name, options)}) + "\n")
            sys.stdout.flush()
    except SluiceError as error:
        sys.stderr.write(f"{error.message} {error.hint}\n".lstrip())
        return 1
    return 0


def _run(name: str, options: argparse.Namespace) -> dict[str, object]:
    run = planned(name, VARIANTS[name], data=options.data, out=options.out, steps=options.steps)
    kept = run.out / f"result-{options.steps}-{options.questions}.json"
    if kept.exists():
        found: dict[str, object] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    groups = mine_sets(replace(run, out=options.out), reading_embedder(run.device), _note)
    model = train_rounds(run, groups, lambda line: _note(f"{name}: {line}"))
    if model is None:
        raise UsageError(f"{name} was stopped before it was done.", hint="Start the same command again.")
    sets = {tasks.name: judged(model, tasks) for tasks in choosing(options.data, options.out, options.questions)}
    result: dict[str, object] = {"steps": options.steps, "sets": sets}
    kept.write_text(json.dumps(result) + "\n", encoding="utf-8")
    return result


def _note(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
