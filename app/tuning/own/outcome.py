"""Off, current and tuned side by side on held-out questions, and whether the tuned scorer is promoted. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.evaluation.intervals import Estimate
from app.evaluation.measures_ranking import means, ranked
from app.evaluation.paired import Difference, compare_paired, questions_needed
from app.evaluation.verdict import FEWEST, MEASURE, as_change, points, rounded_up

MEASURES = ("nDCG@10", "MRR@10", "P@1", "Recall@5")
OFF, EVIDENCE, CURRENT, BASE, TUNED = "off", "evidence", "current", "base", "tuned"

Orders = Mapping[str, Sequence[str]]  # question id -> passages, best first


@dataclass(frozen=True, slots=True)
class Compared:
    """One rival against the tuned scorer on nDCG@10: the tuned one minus the rival."""

    arm: str
    difference: Difference


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the held-out questions say. `arms` maps an arm to its measures; `labels` says what each arm is. `more` is
    about how many more held-out questions would tell, where that is what is lacking."""

    questions: int
    arms: Mapping[str, Mapping[str, Estimate | None]]
    labels: Mapping[str, str]
    against: tuple[Compared, ...]
    promoted: bool
    said: str
    more: int | None


def judge_outcome(
    orders: Mapping[str, Orders], relevant: Mapping[str, Mapping[str, int]], labels: Mapping[str, str], *,
    name: str, learned: bool = True,
) -> Outcome:  # fmt: skip
    """Compare the arms. The tuned scorer is promoted where it beats the current one beyond noise (the lower end of the
    interval above zero, and the sign-flip test agreeing), is not below the search order, nor below the base that it
    came from. `learned`: whether any step of training was kept. `labels` name the arms in words."""
    measured = {arm: ranked(of, relevant, MEASURES) for arm, of in orders.items()}
    against = tuple(
        Compared(arm, difference)
        for arm in measured
        if arm != TUNED and (difference := compare_paired(measured[arm][MEASURE], measured[TUNED][MEASURE])) is not None
    )
    over = {c.arm: c.difference for c in against}
    rival = over[CURRENT] if CURRENT in over else over[OFF]
    promoted, said, more = _verdict(rival, over, labels, name, learned)
    return Outcome(
        len(relevant), {arm: means(of) for arm, of in measured.items()}, labels, against, promoted, said, more
    )


def _verdict(
    rival: Difference, over: Mapping[str, Difference], labels: Mapping[str, str], name: str, learned: bool
) -> tuple[bool, str, int | None]:
    questions = rival.change.n
    against = labels.get(CURRENT, "the search order") if CURRENT in over else "the search order"
    measured = f"{MEASURE} {as_change(rival)} on {questions} held-out questions"
    if questions < FEWEST:
        return False, f"Too few held-out questions to judge: {measured}. {FEWEST} are the least", FEWEST - questions
    if not learned:
        return False, f"Training made nothing better on the validation part, so nothing was tuned: {measured}", None
    if not rival.better:
        if rival.worse:
            return False, f"Tuned is worse than {against}: {measured}", None
        needed = questions_needed(rival.change.value, rival.spread) if rival.change.value > 0 else None
        more = None if needed is None or needed <= questions else rounded_up(needed - questions)
        wait = f". About {more:,} more held-out questions would tell" if more is not None else ""
        return False, f"Tuned does not beat {against} beyond noise: {measured}{wait}", more
    if OFF in over and over[OFF].change.value < 0.0:
        return False, f"Tuned beats {against}, but is below the search order: {MEASURE} {as_change(over[OFF])}", None
    if BASE in over and over[BASE].change.value <= 0.0:
        return (
            False,
            f"Tuned beats {against} ({measured}), but {labels[BASE]} does as well without tuning: {MEASURE} "
            f"{as_change(over[BASE])}",
            None,
        )
    own = _own_part(over[BASE], labels[BASE]) if BASE in over else ""
    return True, f"Tuned beats {against}: {measured}{own}. Promoted: RERANKER=tuned:{name}", None


def _own_part(difference: Difference, base: str) -> str:
    """What of the gain is tuning's, and not the base's."""
    noise = "" if difference.better else " (within noise)"
    return f", of which tuning itself {points(difference.change.value, sign=True)}{noise} over {base}"
