"""Thresholds from evidence: one for each target a person can ask for, with its interval and what it reached. Pure.

Every proposal is chosen and measured on the same labelled questions, so `reached` is what to expect at best; measure it
on the other part with `policy_numbers`. Intervals draw the questions again and choose again (Efron's percentile
interval: a chosen threshold is not a mean).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.domain import GatePolicy
from app.evaluation.conformal import keep_losing_at_most, labels_needed, redrawn_keep, refuse_all_but
from app.evaluation.curves import let_through, set_measures, threshold_grid
from app.evaluation.intervals import (
    LEVEL,
    SEED,
    Estimate,
    mean_interval,
    ratio_interval,
    resampled_sums,
    share_interval,
)
from app.evaluation.measures_gate import RefusalErrors
from app.evaluation.records import QuestionRecord
from app.evaluation.sweep import Sweep, sweep

Floats = npt.NDArray[np.float64]
Target = Literal["best_f1", "precision", "false_answers", "relevant_lost"]
Field = Literal["keep_above", "raw_keep_above", "answer_above"]

_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Proposal:
    """A threshold for a target. `sets` names the policy's field; `asked` is x, a or alpha (None for best F1).

    `threshold` has its interval over question sets like this one (a bound is None where a set like it has no such
    threshold); None where no threshold reaches the target here, and `note` says what it would take. 0 keeps all.
    `reached` is F1, pooled precision, the rate of wrong answers, or the share of relevant candidates lost, at the
    threshold.
    """

    target: Target
    asked: float | None
    sets: Field
    threshold: Estimate | None
    reached: Estimate | None
    questions: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class PolicyNumbers:
    """What a policy does on some questions: set measures over labelled ones, both refusal errors, tokens a question."""

    f1: Estimate | None
    precision: Estimate | None
    recall: Estimate | None
    refusals: RefusalErrors
    tokens: Estimate | None


def best_f1(records: Sequence[QuestionRecord], policy: GatePolicy) -> Proposal:
    """The keep_above with the highest mean F1 of the admitted set, answer_above as the policy has it."""
    swept = _swept(records, policy)
    f1 = (set_measures(swept)[2] * let_through(swept, _or_none(policy.answer_above)))[swept.labelled]
    if not len(f1):
        return Proposal("best_f1", None, _field(records), None, None, 0, "No question has a labelled passage.")
    chosen = int(np.argmax(f1.mean(axis=0)))
    drawn = np.argmax(resampled_sums(f1, _DRAWS, SEED), axis=1)
    return Proposal(
        "best_f1",
        None,
        _field(records),
        _threshold(float(swept.thresholds[chosen]), swept.thresholds[drawn], len(f1)),
        mean_interval(f1[:, chosen]),
        len(f1),
    )


def precision_at_least(records: Sequence[QuestionRecord], policy: GatePolicy, precision: float) -> Proposal:
    """The lowest keep_above at which the share `precision` of the passages sent is relevant (labelled questions)."""
    swept = _swept(records, policy)
    rows = swept.labelled
    through = let_through(swept, _or_none(policy.answer_above))[rows]
    hits, sent = (np.where(through, counts[rows], 0).astype(np.float64) for counts in (swept.hits, swept.sent))
    chosen = _first(hits.sum(axis=0), sent.sum(axis=0), precision)
    if chosen is None:
        note = f"No threshold reaches {precision:.2f} here."
        return Proposal("precision", precision, _field(records), None, None, len(hits), note)
    both = resampled_sums(np.concatenate([hits, sent], axis=1), _DRAWS, SEED)
    width = swept.thresholds.size
    places = [_first(draw[:width], draw[width:], precision) for draw in both]
    drawn = np.asarray([np.inf if place is None else swept.thresholds[place] for place in places])
    return Proposal(
        "precision",
        precision,
        _field(records),
        _threshold(float(swept.thresholds[chosen]), drawn, len(hits)),
        ratio_interval(hits[:, chosen].tolist(), sent[:, chosen].tolist()),
        len(hits),
    )


def false_answers_at_most(records: Sequence[QuestionRecord], share: float) -> Proposal:
    """The lowest answer_above that lets through at most `share` of unanswerable questions to come (conformal)."""
    values = np.asarray([r.p_answerable for r in records if r.answerable is False and r.p_answerable is not None])
    chosen = refuse_all_but(values.tolist(), share)
    if chosen is None:
        note = f"A promise of {share:.0%} takes {labels_needed(share)} unanswerable questions; here are {values.size}."
        return Proposal("false_answers", share, "answer_above", None, None, int(values.size), note)
    rng = np.random.default_rng(SEED)
    drawn = [refuse_all_but(rng.choice(values, values.size).tolist(), share) for _ in range(_DRAWS)]
    return Proposal(
        "false_answers",
        share,
        "answer_above",
        _threshold(chosen, np.asarray(drawn, dtype=np.float64), int(values.size)),
        share_interval(int((values >= chosen).sum()), int(values.size)),
        int(values.size),
    )


def relevant_lost_at_most(records: Sequence[QuestionRecord], alpha: float) -> Proposal:
    """The highest keep_above that loses at most `alpha` of the relevant candidates of questions to come (conformal)."""
    found = [v for r in records if len(v := relevant_values(r))]
    chosen = keep_losing_at_most(found, alpha)
    if chosen is None:
        note = f"A promise of {alpha:.0%} takes {labels_needed(alpha)} labelled questions; here are {len(found)}."
        return Proposal("relevant_lost", alpha, _field(records), None, None, len(found), note)
    return Proposal(
        "relevant_lost",
        alpha,
        _field(records),
        _threshold(chosen, redrawn_keep(found, alpha, draws=_DRAWS), len(found)),
        mean_interval([sum(v < chosen for v in values) / len(values) for values in found]),
        len(found),
    )


def policy_numbers(records: Sequence[QuestionRecord], policy: GatePolicy) -> PolicyNumbers:
    """What the gate would do with this policy, from the records' scores; nothing is scored or retrieved again."""
    threshold = policy.raw_keep_above if _field(records) == "raw_keep_above" else policy.keep_above
    swept = sweep(records, [_or_none(threshold)], policy)
    through = let_through(swept, _or_none(policy.answer_above))
    precision, recall, f1 = (values * through for values in set_measures(swept))
    rows, yes, no = swept.labelled, swept.answerable, swept.unanswerable
    hits, sent = (np.where(through, counts, 0)[rows, 0].tolist() for counts in (swept.hits, swept.sent))
    return PolicyNumbers(
        f1=mean_interval(f1[rows, 0]),
        precision=ratio_interval(hits, sent),
        recall=mean_interval(recall[rows, 0]),
        refusals=RefusalErrors(
            int(yes.sum()),
            share_interval(int((~through[yes, 0]).sum()), int(yes.sum())),
            int(no.sum()),
            share_interval(int(through[no, 0].sum()), int(no.sum())),
        ),
        tokens=mean_interval((swept.tokens * through)[:, 0].astype(np.float64)),
    )


def with_proposal(policy: GatePolicy, proposal: Proposal) -> GatePolicy:
    """The policy with the proposed threshold; unchanged where the target could not be reached."""
    if proposal.threshold is None:
        return policy
    value = proposal.threshold.value
    if proposal.sets == "answer_above":
        return replace(policy, answer_above=value)
    return (
        replace(policy, raw_keep_above=value)
        if proposal.sets == "raw_keep_above"
        else replace(policy, keep_above=value)
    )


def relevant_values(record: QuestionRecord) -> list[float]:
    """What the threshold meets (p, or the raw score) for each relevant candidate; empty where it is kept by rank."""
    values = [(c.raw if record.basis == "raw" else c.p) for c in record.candidates if record.grade(c)]
    return [] if record.basis == "rank" else [v for v in values if v is not None]


def _field(records: Sequence[QuestionRecord]) -> Field:
    return "raw_keep_above" if any(r.basis == "raw" for r in records) else "keep_above"


def _swept(records: Sequence[QuestionRecord], policy: GatePolicy) -> Sweep:
    values = [(c.raw if r.basis == "raw" else c.p) for r in records if r.basis != "rank" for c in r.candidates]
    grid = threshold_grid(np.asarray([v for v in values if v is not None], dtype=np.float64))
    if _field(records) == "raw_keep_above":
        return sweep(records, grid[1:], policy)  # the lowest raw score keeps all, and can be written to a file
    return sweep(records, np.concatenate([[0.0], grid[grid > 0.0]]), policy)


def _first(hits: Floats, sent: Floats, precision: float) -> int | None:
    reached = (sent > 0) & (hits >= precision * sent - 1e-9)
    return int(np.argmax(reached)) if reached.any() else None


def _threshold(chosen: float, drawn: Floats, questions: int) -> Estimate:
    # "nearest": a threshold is a value that occurs, and infinity (none reaches the target) is not averaged with one
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest")
    return Estimate(chosen, _finite(low), _finite(high), questions)


def _finite(bound: float) -> float | None:
    return float(bound) if np.isfinite(bound) else None


def _or_none(threshold: float | None) -> float:
    return -np.inf if threshold is None else threshold
