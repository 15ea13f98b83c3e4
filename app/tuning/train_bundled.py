"""Train the bundled cross-encoder: mine, train, quantise, write the folder.

    python -m app.tuning.train_bundled --data ../shared/data --out DIR [--device cuda|cpu] [--minutes N] [--smoke]

Every step leaves a file in DIR; with --minutes it stops in time, and the same command goes on. --smoke does all of
it on a few questions in under a minute; its model is good for nothing.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from app.errors import SluiceError
from app.providers.bundled_embedding import open_bundled_embedder
from app.settings import load_settings
from app.tuning.encoder import load_minilm
from app.tuning.export import bundle
from app.tuning.folds import FOLDS
from app.tuning.groups import PLANS, Group, SetPlan
from app.tuning.loop import TrainPlan
from app.tuning.losses import LossPlan
from app.tuning.mining import Floats, embed
from app.tuning.model import ModelPlan
from app.tuning.rounds import Embed, Run, mine_sets, train_rounds

NAME = "sluice-minilm-l{layers}"
WINDOW = 384  # tokens, special ones included: the longest the model was trained on
SAMPLES = 48  # pairs on which the quantisation measures its channel factors

FIRST_ROUND = (
    7  # of two rounds, the first takes one step in seven: enough to know an unlabelled answer when it sees one
)

CPU = TrainPlan(
    steps=400, groups=8, rate=1e-4, head_rate=5e-4, average=0.995, frozen=1, micro_tokens=1024, save_every=25
)
CUDA = TrainPlan(steps=5000, groups=48, rate=2e-4, head_rate=5e-4, frozen=0, micro_tokens=65536, save_every=200)
SMOKE = TrainPlan(steps=3, groups=2, frozen=1, micro_tokens=1024, save_every=1)
_SMOKE_SET = SetPlan(6, 40, True)


def planned(options: argparse.Namespace) -> Run:
    """The run that the command line asks for."""
    plan = SMOKE if options.smoke else CUDA if options.device == "cuda" else CPU
    if options.steps is not None:
        plan = replace(plan, steps=options.steps)
    losses = {
        "both": LossPlan(), "pointwise": LossPlan(listwise=0.0), "listwise": LossPlan(pointwise=0.0)
    }[options.loss]  # fmt: skip
    first, second = (plan, None) if options.rounds == 1 else _two_rounds(plan)
    return Run(
        data=options.data,
        out=options.out,
        model=ModelPlan(layers=2 if options.smoke else options.layers),
        first=first,
        second=second,
        distil=options.distil,
        losses=losses,
        sets={
            name: _SMOKE_SET if options.smoke else sized
            for name, sized in PLANS.items()
            if name not in FOLDS.get(options.without_fold, frozenset())
        },
        without=frozenset({"gap", "swapped"}) if options.no_near_misses else frozenset(),
        device=options.device,
        deadline=time.monotonic() + 60.0 * options.minutes,
    )


def _two_rounds(plan: TrainPlan) -> tuple[TrainPlan, TrainPlan]:
    """The second goes on with the groups that the first has not seen, and doubts negatives that beat their positive."""
    first = replace(plan, steps=max(1, plan.steps // FIRST_ROUND))
    left = max(1, plan.steps - first.steps)
    return first, replace(plan, steps=left, skip=first.steps * first.groups, doubt=2.0)


def execute(run: Run) -> Path | None:
    """Mine, train, write the folder DIR/reranker and return it; None where the deadline came first."""
    run.out.mkdir(parents=True, exist_ok=True)
    groups = mine_sets(run, reading_embedder(run.device), _note)
    model = train_rounds(run, groups, _note)
    if model is None:
        _note("stopped at the time limit; the same command goes on")
        return None
    model.to("cpu")
    name = NAME.format(layers=run.model.layers)
    return bundle(model, run.out / "reranker", name=name, samples=_samples(groups, run.seed), window=WINDOW)


def reading_embedder(device: str) -> Embed:
    """On a CPU the embedder that retrieval uses (int8, several times faster than torch), else torch on the device."""
    if device != "cpu":
        encoder = load_minilm().eval().to(device)
        return lambda texts, limit: embed(encoder, texts, limit=limit, device=device)
    bundled = open_bundled_embedder(load_settings().models_dir)

    def read(texts: Sequence[str], limit: int) -> Floats:
        cut = [ids[: limit - 2] for ids in bundled.token_ids(texts)]
        pieces = [cut[i : i + 512] for i in range(0, len(cut), 512)]  # token states of a piece are held at once
        means = np.stack([states.mean(axis=0) for piece in pieces for states in bundled.states(piece)])
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), dtype=np.float32)

    return read


def _samples(groups: Sequence[Group], seed: int) -> list[tuple[str, str]]:
    chosen = random.Random(seed).sample(list(groups), min(SAMPLES, len(groups)))
    return [(g.question, g.texts[0]) for g in chosen]


def _note(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {line}\n")


def command_line() -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(prog="python -m app.tuning.train_bundled", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the train_* sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and the finished model")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--layers", type=int, choices=range(1, 7), default=4)
    parser.add_argument("--rounds", type=int, choices=(1, 2), default=1, help="2: go on, doubting negatives")
    parser.add_argument("--distil", action="store_true", help="soften round 2's labels by round 1's logits")
    parser.add_argument("--loss", choices=("both", "pointwise", "listwise"), default="both")
    parser.add_argument("--no-near-misses", action="store_true", help="an ablation")
    parser.add_argument("--without-fold", choices=tuple(FOLDS), help="keep the model from one kind of document")
    parser.add_argument("--steps", type=int, help="training steps in all")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop, resumably, after so many minutes")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--smoke", action="store_true", help="all of it on a few questions")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 error, 5 stopped at the time limit."""
    options = command_line().parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        return 5 if execute(planned(options)) is None else 0
    except SluiceError as error:
        _note(f"{error.message} {error.hint}".strip())
        return 1


if __name__ == "__main__":
    sys.exit(main())
