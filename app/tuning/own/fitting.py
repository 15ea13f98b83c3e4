"""Training on one's own groups: of the checkpoints, the one that ranks the validation part best is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from app.errors import ModelError
from app.evaluation.measures_ranking import ranked
from app.tuning.groups import Group
from app.tuning.loop import TrainPlan, score, train
from app.tuning.own.asking import Asked, Searched
from app.tuning.own.bases import BUNDLED_BASE, MINILM, Base
from app.tuning.own.folder import keep
from app.tuning.own.objectives import loss_plan
from app.tuning.own.parts import TELLING
from app.tuning.own.plan import TunePlan

MOST_VALIDATED = 60
LOOKS = 6  # how often the validation part is asked on the way
SAVE_EVERY = 10  # steps; a checkpoint is some hundreds of megabytes
RATE, HUB_RATE = 1e-4, 3e-5  # peak learning rates: of the small models that are ours, and of those of the hub
_ALIVE = "training"
Teacher = dict[tuple[str, str], float]
Tick = Callable[[int, int, float | None], None]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What training came to. `validated` maps steps to nDCG@10 of the validation part (0: before training), `step` is
    the one that was kept, of `steps`; `chosen` says whether the validation part chose it."""

    step: int
    steps: int
    validated: dict[int, float]
    chosen: bool

    @property
    def learned(self) -> bool:
        """Whether any step was kept: False where the base ranked the validation part best as it was."""
        return self.step > 0


def fit(
    base: Base, groups: Sequence[Group], validation: Sequence[Searched], asked: Asked, plan: TunePlan, work: Path, *,
    teacher: Teacher | None, tick: Tick, note: Callable[[str], None],
) -> Fitted:  # fmt: skip
    """Train `base.model` in place; goes on where an earlier call in the same folder stopped.

    Raises ModelError where memory runs out, saying what to lower.
    """
    training = training_plan(plan, len(groups), base.window)
    looks = _Looks(base, validation[:MOST_VALIDATED], asked, work)
    every = max(training.save_every, -(-training.steps // LOOKS // training.save_every) * training.save_every)
    began, first = time.monotonic(), _steps_done(work / "train.ckpt")
    if first:
        note(f"Going on at step {first} of {training.steps}.")

    def watch(step: int) -> None:
        if validation and (step % every == 0 or step == training.steps):
            looks.look(step)
            note(f"Step {step} of {training.steps}: nDCG@10 of the validation part {looks.seen[step]:.3f}")

    def ticked(step: int) -> None:
        spent = time.monotonic() - began
        left = spent / (step - first) * (training.steps - step) if step - first > 1 else None
        tick(step, training.steps, left)

    if (work / _ALIVE).exists():
        note(f"An earlier attempt ended without a word. If memory ran out: {to_lower(plan)}")
    with _alive(work / _ALIVE), _memory(plan):
        if validation and 0 not in looks.seen:
            looks.look(0)
            note(f"Before training: nDCG@10 of the validation part {looks.seen[0]:.3f}")
        train(
            base.model, groups, training, loss_plan(plan.loss, distil=plan.distil, margin=plan.margin),
            work / "train.ckpt", teacher=teacher, cutter=base.cutter, watch=watch, tick=ticked,
        )  # fmt: skip
    chosen = len(validation) >= TELLING
    if chosen:
        looks.restore_best()
    return Fitted(looks.best if chosen else training.steps, training.steps, looks.seen, chosen)


def training_plan(plan: TunePlan, groups: int, window: int) -> TrainPlan:
    """The loop's plan for so many groups."""
    steps = max(1, groups // plan.batch)
    ours = plan.base in (BUNDLED_BASE, MINILM) or plan.base.startswith("tuned:")
    peak = plan.rate if plan.rate is not None else RATE if ours else HUB_RATE
    return TrainPlan(
        steps=steps,
        groups=min(plan.batch, groups),
        rate=peak,
        head_rate=5 * peak,
        warm_up=0.1,
        average=0.98,
        frozen=plan.frozen,
        window=window,
        seed=plan.seed,
        save_every=min(SAVE_EVERY, max(1, steps // 3)),
        thrifty=plan.thrifty,
    )


class _Looks:
    """nDCG@10 of the validation part by step, and the weights of the best step so far, both on disk."""

    def __init__(self, base: Base, validation: Sequence[Searched], asked: Asked, work: Path) -> None:
        self._base, self._validation, self._asked = base, validation, asked
        self._seen_file, self._best_file = work / "validation.json", work / "best.pt"
        self.seen: dict[int, float] = {}
        if self._seen_file.exists():
            rows = json.loads(self._seen_file.read_text(encoding="utf-8"))
            self.seen = {int(step): float(value) for step, value in rows.items()}

    @property
    def best(self) -> int:
        """The earliest of the best steps."""
        return min(self.seen, key=lambda step: (-self.seen[step], step))

    def look(self, step: int) -> None:
        """Measure, and keep the weights where they are the best. Done again after a kill it comes to the same."""
        value = validation_ndcg(self._base, self._validation, self._asked)
        if step == 0 or value > max((v for s, v in self.seen.items() if s != step), default=-1.0):
            partial = self._best_file.with_suffix(".part")
            torch.save(self._base.model.state_dict(), partial)
            partial.replace(self._best_file)
        self.seen[step] = value
        keep(self._seen_file, {str(s): v for s, v in self.seen.items()})

    def restore_best(self) -> None:
        self._base.model.load_state_dict(torch.load(self._best_file, map_location="cpu"))


def validation_ndcg(base: Base, questions: Sequence[Searched], asked: Asked) -> float:
    """Mean nDCG@10 of the model's order of these questions' candidates; 0.0 without questions."""
    pairs = [(s.asked, asked.text(c.chunk)) for s in questions for c in s.found.retrieved.candidates]
    logits = iter(score(base.model, pairs, window=base.window, cutter=base.cutter))
    orders = {}
    for searched in questions:
        values = np.asarray([next(logits) for _ in searched.found.retrieved.candidates])
        orders[searched.question.id] = searched.order(tuple(int(i) for i in np.argsort(-values, kind="stable")))
    relevant = {s.question.id: s.question.passages.relevant for s in questions}
    found = ranked(orders, relevant, ("nDCG@10",))["nDCG@10"]
    return float(np.mean([*found.values()])) if found else 0.0


@contextmanager
def _alive(mark: Path) -> Iterator[None]:
    """A file that is there as long as training runs: the system kills what takes too much memory without a word."""
    mark.touch()
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


@contextmanager
def _memory(plan: TunePlan) -> Iterator[None]:
    """Running out of memory as an error that says what to lower."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        said = str(error).lower()
        if isinstance(error, MemoryError) or "out of memory" in said or "can't allocate memory" in said:
            raise ModelError(
                f"There is not enough memory to train: {_first_line(error)}", hint=to_lower(plan)
            ) from error
        raise


def to_lower(plan: TunePlan) -> str:
    """What needs less memory, in words: first what changes no result."""
    if not plan.thrifty:
        return "The same command with --thrifty goes on in a fraction of the memory, a third slower."
    return (
        f"Start another run with less at once: --batch {max(1, plan.batch // 2)}, "
        f"--negatives {max(1, plan.negatives // 2)} or --window 256."
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _steps_done(checkpoint: Path) -> int:
    return int(torch.load(checkpoint, map_location="cpu")["step"]) if checkpoint.exists() else 0
