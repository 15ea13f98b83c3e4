"""What one tuning run is: everything decided before it starts, and what makes two runs the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from app.errors import UsageError
from app.tuning.loop import TrainPlan
from app.tuning.own.negatives import Unlabelled
from app.tuning.own.objectives import Distil, Loss

_FRESH = {"all-MiniLM-L6-v2"}  # bases whose head has learned nothing yet: they take larger steps
SAVE_EVERY = 20
LEAST_ROUNDS, MOST_ROUNDS = 3, 15
GROUPS = 480  # training groups to aim for: sixty steps of eight
LOOKS = 6  # how often the validation part is asked on the way


@dataclass(frozen=True, slots=True)
class TunePlan:
    """How to tune. `rounds` over the training questions (None: by their number), each with other `negatives`; `batch`
    questions a step; `rate` the peak learning rate (None: by base); `frozen` layers keep their weights. `teacher` is a
    reranker's setting name. `margin` in logits, for the margin loss. `thrifty` trades time for memory, and changes no
    result."""

    base: str = "bundled"
    loss: Loss = "both"
    teacher: str | None = None
    distil: Distil = "margin-mse"
    margin: float = 1.0
    unlabelled: Unlabelled = "denoise"
    rounds: int | None = None
    negatives: int = 5
    batch: int = 8
    rate: float | None = None
    frozen: int = 1
    window: int | None = None
    seed: int = 17
    thrifty: bool = False

    def __post_init__(self) -> None:
        if self.loss == "distil" and self.teacher is None:
            raise UsageError(
                "Distillation needs a teacher.", hint="For example: --loss distil --teacher cross-encoder:NAME"
            )

    def rounds_over(self, questions: int) -> int:
        """How often each of so many training questions is learned from: few questions more often."""
        if self.rounds is not None:
            return self.rounds
        return min(MOST_ROUNDS, max(LEAST_ROUNDS, -(-GROUPS // max(1, questions))))

    @property
    def identity(self) -> dict[str, Any]:
        """What a run that is gone on with must agree on."""
        return {name: value for name, value in asdict(self).items() if name != "thrifty"}

    def training(self, groups: int, window: int) -> TrainPlan:
        """The loop's plan for so many groups."""
        steps = max(1, groups // self.batch)
        peak = self.rate if self.rate is not None else (1e-4 if self.base in _FRESH else 3e-5)
        return TrainPlan(
            steps=steps,
            groups=min(self.batch, groups),
            rate=peak,
            head_rate=5 * peak,
            warm_up=0.1,
            average=0.98,
            frozen=self.frozen,
            window=window,
            seed=self.seed,
            save_every=min(SAVE_EVERY, max(1, steps // LOOKS)),
            thrifty=self.thrifty,
        )


def differences(kept: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """What differs between two runs' identities, in words."""
    return [
        f"{name}: {kept.get(name)!r} there, {wanted.get(name)!r} here"
        for name in sorted({*kept, *wanted})
        if kept.get(name) != wanted.get(name)
    ]
