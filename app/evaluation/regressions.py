"""Now against a baseline: did ranking, the gate or either refusal error get worse beyond noise? Pure.

For a CI of one's own. A change counts only where its 95 % interval leaves zero out and a permutation test agrees, so a
flipped question or two never fail a build; the same questions asked again with nothing changed differ by nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.evaluation.intervals import LEVEL, Estimate, mean_interval
from app.evaluation.measures_gate import gate_f1
from app.evaluation.measures_ranking import ranked
from app.evaluation.orders import OrderCheck, check_order
from app.evaluation.paired import Move, compare_paired, moved_most
from app.evaluation.records import QuestionRecord, by_id
from app.evaluation.unpaired import shuffle_test, unpaired_interval

HIGHER_IS_BETTER: Mapping[str, bool] = {
    "nDCG@10": True,
    "MRR@10": True,
    "gate F1": True,
    "wrong refusals": False,
    "wrong answers": False,
}


@dataclass(frozen=True, slots=True)
class MeasureChange:
    """One measure, baseline and now. `change` is now minus baseline. `paired`: over the same questions.

    `worse` and `better` are beyond noise. `moved` are the questions that changed most (none where not paired).
    """

    name: str
    before: Estimate
    after: Estimate
    change: Estimate | None
    p_value: float | None
    paired: bool
    worse: bool
    better: bool
    moved: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class RegressionCheck:
    """What became worse. `missing` measures could not be compared: nothing is labelled for them on one side.

    `failed` is what the command line's exit code 4 stands for.
    """

    changes: tuple[MeasureChange, ...]
    missing: tuple[str, ...]
    order: OrderCheck

    @property
    def worse(self) -> tuple[MeasureChange, ...]:
        return tuple(c for c in self.changes if c.worse)

    @property
    def failed(self) -> bool:
        return bool(self.worse) or self.order.phantom


def check_regressions(baseline: Sequence[QuestionRecord], now: Sequence[QuestionRecord]) -> RegressionCheck:
    """Compare two runs. Questions are paired by id where at least half of the smaller run is in both.

    Raises ValueError when a run has two records of one question.
    """
    before, after = measures_by_question(baseline), measures_by_question(now)
    by_id(baseline), by_id(now)
    changes, missing = [], []
    for name in HIGHER_IS_BETTER:
        change = _change(name, before[name], after[name])
        if change is None:
            missing.append(name)
        else:
            changes.append(change)
    return RegressionCheck(tuple(changes), tuple(missing), check_order(now))


def measures_by_question(records: Sequence[QuestionRecord]) -> dict[str, dict[str, float]]:
    """The guarded measures by question id. Ranking is that of the reranked arm, or of retrieval where none ran."""
    labelled = [r for r in records if r.labelled]
    orders = {r.id: r.passages("reranked" if "reranked" in r.arms else "off") for r in labelled}
    measured = ranked(orders, {r.id: r.relevant for r in labelled}, ("nDCG@10", "MRR@10"))
    return {
        **measured,
        "gate F1": gate_f1(labelled),
        "wrong refusals": {r.id: float(r.refused) for r in records if r.answerable is True},
        "wrong answers": {r.id: float(not r.refused) for r in records if r.answerable is False},
    }


def _change(name: str, before: Mapping[str, float], after: Mapping[str, float]) -> MeasureChange | None:
    first, second = mean_interval([*before.values()]), mean_interval([*after.values()])
    if first is None or second is None:
        return None
    up = HIGHER_IS_BETTER[name]
    shared = before.keys() & after.keys()
    if 2 * len(shared) >= min(len(before), len(after)):
        found = compare_paired(before, after)
        assert found is not None
        worse, better = (found.worse, found.better) if up else (found.better, found.worse)
        moved = tuple(moved_most(before, after))
        return MeasureChange(name, found.before, found.after, found.change, found.p_value, True, worse, better, moved)
    change = unpaired_interval([*before.values()], [*after.values()])
    if change is None:
        return MeasureChange(name, first, second, None, None, False, False, False)
    p_value = shuffle_test([*before.values()], [*after.values()])
    sure = p_value <= 1.0 - LEVEL
    lower, higher = change.below_zero and sure, change.above_zero and sure
    return MeasureChange(name, first, second, change, p_value, False, lower if up else higher, higher if up else lower)
