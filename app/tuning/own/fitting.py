"""Training on one's own groups, in pieces that survive a kill, and within the memory there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from app.errors import ModelError
from app.tuning.groups import Group
from app.tuning.loop import TrainPlan, train
from app.tuning.own.asking import Searched
from app.tuning.own.bases import BUNDLED_BASE, MINILM, Base
from app.tuning.own.looks import Look, Looks, Text
from app.tuning.own.objectives import loss_plan
from app.tuning.own.parts import TELLING
from app.tuning.own.plan import TunePlan

LOOKS = 5  # how often the validation part is asked on the way
SAVE_EVERY = 10  # steps; a checkpoint is some hundreds of megabytes
RATE, HUB_RATE = 1e-4, 3e-5  # peak learning rates: of the small models that are ours, and of those of the hub
_ALIVE = "training"
Teacher = dict[tuple[str, str], float]
Tick = Callable[[int, int, float | None], None]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What training came to. `validated` is what the validation part said on the way. `step` was kept, of
    `steps`, with `share` (0..1) of its weights, the rest being the base's; `chosen` says whether the validation part
    chose it."""

    step: int
    share: float
    steps: int
    validated: tuple[Look, ...]
    chosen: bool

    @property
    def learned(self) -> bool:
        """Whether any step was kept: False where the base ranked the validation part best as it was."""
        return self.step > 0


def fit(
    base: Base, groups: Sequence[Group], validation: Sequence[Searched], text: Text, plan: TunePlan, work: Path, *,
    teacher: Teacher | None, tick: Tick, note: Callable[[str], None],
) -> Fitted:  # fmt: skip
    """Train `base.model` in place; goes on where an earlier call in the folder stopped. `text`: what a scorer reads.

    Raises ModelError where memory runs out, saying what to lower.
    """
    training = training_plan(plan, len(groups), base.window)
    looks = Looks(base, validation, text, work)
    every = max(training.save_every, -(-training.steps // LOOKS // training.save_every) * training.save_every)
    began, first = time.monotonic(), _steps_done(work / "train.ckpt")
    if first:
        note(f"Going on at step {first} of {training.steps}.")

    def watch(step: int) -> None:
        if validation and (step % every == 0 or step == training.steps):
            note(f"Step {step} of {training.steps}: nDCG@10 of the validation part {looks.look(step):.3f}")

    def ticked(step: int) -> None:
        spent = time.monotonic() - began
        left = spent / (step - first) * (training.steps - step) if step - first > 1 else None
        tick(step, training.steps, left)

    if (work / _ALIVE).exists():
        note(f"An earlier attempt ended without a word. If memory ran out: {to_lower(plan)}")
    with _alive(work / _ALIVE), _memory(plan):
        if validation and (0, 1.0) not in looks.seen:
            note(f"Before training: nDCG@10 of the validation part {looks.look(0):.3f}")
        train(
            base.model, groups, training, loss_plan(plan.loss, distil=plan.distil, margin=plan.margin),
            work / "train.ckpt", teacher=teacher, cutter=base.cutter, watch=watch, tick=ticked,
        )  # fmt: skip
        chosen = len(validation) >= TELLING
        if not chosen:
            return Fitted(training.steps, 1.0, training.steps, looks.all, chosen)
        looks.mix()
        step, share = looks.best
        looks.take((step, share))
        return Fitted(step, share, training.steps, looks.all, chosen)


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
