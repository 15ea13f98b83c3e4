"""A configuration's gate at every pair of thresholds: what the sliders of the Evaluate page move over. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.domain import GatePolicy
from app.evaluation.curves import GateCurves, gate_curves, let_through, threshold_grid
from app.evaluation.intervals import Estimate, share_interval
from app.evaluation.records import QuestionRecord
from app.evaluation.sweep import Sweep, sweep
from app.evaluation.thresholds import PolicyNumbers, policy_numbers

_ANSWER_STEPS = tuple(n / 20 for n in range(21))
_KEEP_STEPS = (*(n / 100 for n in range(21)), *(n / 20 for n in range(5, 21)))  # most p's are small
_RAW_STEPS = 41


@dataclass(frozen=True, slots=True)
class GateBoard:
    """`policy` is the run's. `raw`: the threshold meets the raw score, else p. The steps of both sliders are those of
    `curves`; the run's own thresholds are among them."""

    records: tuple[QuestionRecord, ...]
    policy: GatePolicy
    raw: bool
    swept: Sweep
    curves: GateCurves

    @property
    def keep(self) -> float:
        """The threshold of the run; the lowest step where it had none."""
        value = self.policy.raw_keep_above if self.raw else self.policy.keep_above
        return float(self.swept.thresholds[0]) if value is None else value

    @property
    def above(self) -> float:
        """The run's answer_above; 0 where it had none, which refuses nothing either."""
        return 0.0 if self.policy.answer_above is None else self.policy.answer_above

    def policy_at(self, keep: float, above: float) -> GatePolicy:
        """The run's policy with these thresholds."""
        if self.raw:
            return replace(self.policy, answer_above=above, raw_keep_above=keep)
        return replace(self.policy, answer_above=above, keep_above=keep)

    def numbers(self, keep: float, above: float) -> PolicyNumbers:
        """Everything the gate does there, with intervals."""
        return policy_numbers(self.records, self.policy_at(keep, above))

    def answered(self, keep: float, above: float) -> Estimate | None:
        """The share of all questions that is answered there; `keep` is one of the steps."""
        column = int(np.flatnonzero(self.swept.thresholds == keep)[0])
        through = let_through(self.swept, above)[:, column]
        return share_interval(int(through.sum()), int(through.size))


def gate_board(records: Sequence[QuestionRecord], policy: GatePolicy) -> GateBoard | None:
    """None where every question is kept by rank: there is no threshold."""
    raw = any(r.basis == "raw" for r in records)
    values = [(c.raw if r.basis == "raw" else c.p) for r in records if r.basis != "rank" for c in r.candidates]
    known = np.asarray([v for v in values if v is not None], dtype=np.float64)
    if not known.size:
        return None
    if raw:
        steps = steps_with([float(v) for v in threshold_grid(known, _RAW_STEPS)[1:]], policy.raw_keep_above)
    else:
        steps = steps_with(_KEEP_STEPS, policy.keep_above)
    swept = sweep(records, steps, policy)
    return GateBoard(
        tuple(records), policy, raw, swept, gate_curves(swept, steps_with(_ANSWER_STEPS, policy.answer_above))
    )


def steps_with(steps: Sequence[float], value: float | None) -> list[float]:
    """Steps that read differently at two decimals, with the value among them as it is.

    >>> steps_with([0.0, 0.05, 0.1], 0.0512)
    [0.0, 0.0512, 0.1]
    """
    found = {f"{step:.2f}": step for step in steps}
    if value is not None:
        found[f"{value:.2f}"] = value
    return sorted(found.values())
