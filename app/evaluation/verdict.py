"""Does reranking help here? The answer in one sentence, with what it rests on. Pure.

nDCG@10 of the reranked candidates against the retrieval order. It *helps* when the gain is beyond noise. It *does not
help* when it is worse beyond noise, or when the interval rules out a gain of `MATTERS`, even if there is a smaller one:
the logic of an equivalence test (D. Lakens, Social Psychological and Personality Science 8, 2017), at less than half
the .05 that K. Spärck Jones (1974) called noticeable. Else there are *not enough questions to tell*, with about how
many more would. That is also said of fewer than `FEWEST` questions, whatever their interval: a bootstrap cannot draw
the kind of question that such a sample has missed. (C. Buckley and E. Voorhees, Evaluating Evaluation Measure
Stability, SIGIR 2000, ask for 25 at the least and 50 for comfort.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Literal

from app.evaluation.cost import cost_of
from app.evaluation.durations import milliseconds
from app.evaluation.measures_ranking import ranked
from app.evaluation.orders import PHANTOM_FROM, check_order
from app.evaluation.paired import Difference, compare_paired, questions_needed
from app.evaluation.records import QuestionRecord
from app.evaluation.steps import FourSteps, Paid

VerdictKind = Literal["helps", "does_not_help", "not_enough", "phantom", "not_reranked"]
MATTERS = 0.02
FEWEST = 25
MEASURE = "nDCG@10"
_PAID: Mapping[Paid, str] = {"paid": "it paid", "cost": "it cost more than it gave", "cannot tell": "within noise"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict in words, and the numbers behind it.

    `reranking` is after against before, `scorer` the reranker against retrieval evidence alone (None where that arm
    did not run). `more` is about how many more questions would tell, None unless there are not enough.
    """

    kind: VerdictKind
    text: str
    reranking: Difference | None = None
    scorer: Difference | None = None
    ms: float | None = None
    more: int | None = None


def verdict(records: Sequence[QuestionRecord], *, matters: float = MATTERS) -> Verdict:
    """Judge one configuration from its records."""
    asked = [r for r in records if r.labelled]
    if not any("reranked" in r.arms for r in records):
        return Verdict("not_reranked", "Nothing was reranked: there is nothing to judge.")
    order = check_order(records)
    if order.phantom:
        return Verdict(
            "phantom",
            f"The reranker changed nothing: before and after are identical on all {order.questions} questions. "
            "It may never have run.",
        )
    change = compare_arms(asked, "off", "reranked")
    if change is None:
        return Verdict("not_enough", "Not enough questions to tell: none has a labelled passage.")
    scorer = compare_arms(asked, "evidence", "reranked")
    time = cost_of(records).stages.get("score")
    ms = None if time is None else time.p50
    if order.too_few:
        return Verdict("not_enough", _unchanged_on_few(order.questions), change, scorer, ms)
    numbers = f"{MEASURE} {as_change(change)}"
    cost = "" if ms is None else f", for {milliseconds(ms)} a question"
    n, high = change.change.n, change.change.high
    if n >= FEWEST and high is not None and high < matters:
        harm = ", it does harm" if change.worse else ""
        text = f"Reranking does not help here{harm}: {numbers}{cost}"
        return Verdict("does_not_help", text, change, scorer, ms)
    if n >= FEWEST and change.better:
        text = f"Reranking helps here: {numbers}{_own_part(scorer)}{cost}"
        return Verdict("helps", text, change, scorer, ms)
    needed = questions_needed(change.change.value, change.spread, matters=matters) if n > 1 else None
    more = max(needed - n, FEWEST - n, 1) if needed is not None else FEWEST - n if n < FEWEST else None
    hope = "" if more is None else f"; about {rounded_up(more):,} more needed"
    text = f"Not enough questions to tell whether reranking helps here: {numbers} on {n:,}{hope}"
    return Verdict("not_enough", text, change, scorer, ms, more)


def steps_in_words(found: FourSteps) -> tuple[str, ...]:
    """One line a step: what the context is worth after it, what it changed, and whether it paid."""
    lines = []
    for step in found.steps:
        if step.difference is None:
            worth = "not measured" if step.worth is None else points(step.worth.value)
            lines.append(f"{step.name}: context F1 {worth}")
            continue
        lines.append(f"{step.name}: context F1 {as_change(step.difference)}, {_PAID[step.paid]}")
        if step.name == "gate" and not found.unanswerable:
            lines[-1] += "; without unanswerable questions what refusing is worth cannot show"
    return tuple(lines)


def compare_arms(
    records: Sequence[QuestionRecord], before: str, after: str, measure: str = MEASURE
) -> Difference | None:
    """A ranking measure of two arms over the labelled questions in which both ran; None where there are none."""
    both = [r for r in records if r.labelled and before in r.arms and after in r.arms]
    labels = {r.id: r.relevant for r in both}
    first, second = (ranked({r.id: r.passages(arm) for r in both}, labels, (measure,)) for arm in (before, after))
    return compare_paired(first[measure], second[measure])


def as_change(difference: Difference) -> str:
    """`.61 -> .70 (+.09, 95% .06 to .12)`."""
    change = difference.change
    interval = ""
    if change.low is not None and change.high is not None:
        interval = f", 95% {points(change.low)} to {points(change.high)}"
    before, after = difference.before.value, difference.after.value
    return f"{points(before)} -> {points(after)} ({points(change.value, sign=True)}{interval})"


def points(value: float, *, sign: bool = False) -> str:
    """Two decimals without the leading zero.

    >>> points(0.61), points(1.0), points(-0.034, sign=True), points(0.002, sign=True)
    ('.61', '1.00', '-.03', '+.00')
    """
    text = f"{abs(value):.2f}"
    minus = "-" if value < 0 and float(text) != 0.0 else "+" if sign else ""
    return minus + text.removeprefix("0")


def rounded_up(count: int) -> int:
    """To two digits, upwards: an estimate that reads like one.

    >>> rounded_up(7), rounded_up(123), rounded_up(1840)
    (7, 130, 1900)
    """
    step = 10 ** max(0, floor(log10(count)) - 1) if count > 0 else 1
    return -(-count // step) * step


def _unchanged_on_few(questions: int) -> str:
    asked = "the one question" if questions == 1 else f"all {questions} questions"
    return (
        f"Not enough questions to tell whether reranking helps here: before and after are identical on {asked}. From "
        f"{PHANTOM_FROM} on, that would be called a reranker that may never have run"
    )


def _own_part(scorer: Difference | None) -> str:
    if scorer is None:
        return ""
    noise = "" if scorer.better or scorer.worse else " (not beyond noise)"
    return f", of which the reranker itself {points(scorer.change.value, sign=True)}{noise} over retrieval evidence"
