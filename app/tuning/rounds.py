"""The steps of a training run, each leaving a file, so that a stopped run goes on where it was.

mined/<set>.jsonl.gz    training groups of one set
round1.ckpt, round1.pt  the first round on hard labels
teacher.json.gz         round 1's logits on the training groups (two rounds only)
round2.ckpt, round2.pt  the second round, on softened labels and without the negatives round 1 believes
"""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.errors import UsageError
from app.tuning import groups as grouping
from app.tuning.export import load, save
from app.tuning.groups import PLANS, Group, SetPlan
from app.tuning.loop import TrainPlan, score, train
from app.tuning.losses import LossPlan
from app.tuning.mining import Floats
from app.tuning.model import CrossEncoder, ModelPlan, start
from app.tuning.sources import read_set, scorer_text

Note = Callable[[str], None]
Teacher = dict[tuple[str, str], float]
Embed = Callable[[Sequence[str], int], Floats]
"""Unit vectors (len(texts), 384) of the first so many tokens of each text."""

MINING_TOKENS = 128  # of a passage that the bi-encoder reads while mining
BELIEVED = 1.0  # a negative whose logit is this much above its positive's is taken for an unlabelled answer


@dataclass(frozen=True, slots=True)
class Run:
    """What to run. With `distil`, round 2's labels are softened by round 1's logits, and mined negatives that round 1
    believes are dropped. `deadline` is a time.monotonic(): work stops there, resumably."""

    data: Path
    out: Path
    model: ModelPlan
    first: TrainPlan
    second: TrainPlan | None
    distil: bool = False
    losses: LossPlan = LossPlan()
    sets: Mapping[str, SetPlan] = field(default_factory=lambda: PLANS)
    without: frozenset[str] = frozenset()  # kinds of members to leave out, for ablations
    seed: int = 17
    device: str = "cpu"
    deadline: float = float("inf")


def mine_sets(run: Run, embed: Embed, note: Note) -> list[Group]:
    """The training groups of all sets, mining those that are not on disk yet. Raises UsageError without a set."""
    groups: list[Group] = []
    for name, plan in sorted(run.sets.items()):
        path = run.out / "mined" / f"{name}.jsonl.gz"
        if not path.exists():
            if not (run.data / name).is_dir():
                note(f"{name}: not in {run.data}, left out")
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            note(f"{name}: {_mine(run, name, plan, embed, path)} groups")
        mined = grouping.read(path)
        random.Random(run.seed).shuffle(mined)
        groups += mined[: plan.groups]
    if not groups:
        raise UsageError(f"No training set in {run.data}.", hint="--data names the folder that holds the train_* sets")
    return [g for g in (_left(g, run.without) for g in groups) if g.texts]


def train_rounds(run: Run, groups: Sequence[Group], note: Note) -> CrossEncoder | None:
    """The trained model, or None where the deadline came first (start again with the same arguments to go on)."""
    model = _round(run, "round1", start(run.model), groups, run.first, None, note)
    if model is None or run.second is None:
        return model
    if not run.distil:
        return _round(run, "round2", model, groups, run.second, None, note)
    teacher = _teach(run, model, groups, note)
    if teacher is None:
        return None
    kept = [believable(g, teacher) for g in groups]
    return _round(run, "round2", model, kept, run.second, teacher, note)


def believable(group: Group, teacher: Teacher) -> Group:
    """The group without the negatives that the teacher ranks well above its positive (edited ones stay)."""
    logits = [teacher.get((group.question, text)) for text in group.texts]
    best = max((x for x, kind in zip(logits, group.kinds, strict=True) if kind == "positive" and x is not None),
               default=None)  # fmt: skip
    if best is None:
        return group
    keep = [
        kind != "hard" or logit is None or logit <= best + BELIEVED
        for logit, kind in zip(logits, group.kinds, strict=True)
    ]
    return _chosen(group, [i for i, yes in enumerate(keep) if yes])


def _mine(run: Run, name: str, plan: SetPlan, embed: Embed, path: Path) -> int:
    source = read_set(run.data / name)
    passages = grouping.pool(source, plan, run.seed)
    asked = grouping.questions(source, passages, plan, run.seed)
    texts = [scorer_text(p.title, p.text) for p in passages]
    vectors = embed(texts, MINING_TOKENS)
    asked_vectors = embed([q.text for q in asked], MINING_TOKENS)
    return grouping.write(path, grouping.mine(source, passages, vectors, asked, asked_vectors, plan, run.seed))


def _round(
    run: Run,
    name: str,
    model: CrossEncoder,
    groups: Sequence[Group],
    plan: TrainPlan,
    teacher: Teacher | None,
    note: Note,
) -> CrossEncoder | None:
    done = run.out / f"{name}.pt"
    if done.exists():
        return load(done)
    finished = train(
        model, groups, plan, run.losses, run.out / f"{name}.ckpt", teacher=teacher, device=run.device,
        until=run.deadline, note=lambda line: note(f"{name}: {line}"),
    )  # fmt: skip
    if not finished:
        return None
    save(model, done)
    return load(done)


def _teach(run: Run, model: CrossEncoder, groups: Sequence[Group], note: Note) -> Teacher | None:
    """Logits of every member, a thousand groups at a time; what is done is kept in teacher.json.gz."""
    path = run.out / "teacher.json.gz"
    rows: list[list[float]] = []
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = json.load(file)
    model.to(run.device)
    while len(rows) < len(groups):
        if time.monotonic() > run.deadline:
            return None
        piece = groups[len(rows) : len(rows) + 1000]
        logits = iter(score(model, [(g.question, t) for g in piece for t in g.texts], device=run.device))
        rows += [[round(next(logits), 3) for _ in g.texts] for g in piece]
        partial = path.with_suffix(".part")
        with gzip.open(partial, "wt", encoding="utf-8") as file:
            json.dump(rows, file)
        partial.replace(path)
        note(f"teacher: {len(rows)}/{len(groups)} groups")
    return {(g.question, t): x for g, row in zip(groups, rows, strict=True) for t, x in zip(g.texts, row, strict=True)}


def _left(group: Group, without: frozenset[str]) -> Group:
    return _chosen(group, [i for i, kind in enumerate(group.kinds) if kind not in without])


def _chosen(group: Group, rows: Sequence[int]) -> Group:
    return replace(
        group,
        texts=tuple(group.texts[i] for i in rows),
        kinds=tuple(group.kinds[i] for i in rows),
        cosine=tuple(group.cosine[i] for i in rows),
        bm25_share=tuple(group.bm25_share[i] for i in rows),
    )
