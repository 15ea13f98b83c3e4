"""What one tuning run is: everything decided before it starts, and what makes two runs the same.

Loads nothing heavy: the command line reads its choices from here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from app.errors import UsageError

Loss = Literal["both", "pointwise", "margin", "listwise", "distil"]
Distil = Literal["margin-mse", "mse"]
Unlabelled = Literal["denoise", "negative", "judged"]
LEAST_ROUNDS, MOST_ROUNDS = 3, 15
GROUPS = 480  # training groups to aim for: sixty steps of eight


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


def differences(kept: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """What differs between two runs' identities, in words."""
    return [
        f"{name}: {kept.get(name)!r} there, {wanted.get(name)!r} here"
        for name in sorted({*kept, *wanted})
        if kept.get(name) != wanted.get(name)
    ]
