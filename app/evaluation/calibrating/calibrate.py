"""From observed questions to a calibration of one's own, with what it is worth on the other part. Pure but for `apply`.

Thresholds and whether the groups separate at all are judged on the calibration side, each question by maps that have
not seen its document; every error that is reported is measured on the test side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from app.calibration.features import View
from app.calibration.fitted import FittedCalibration, FittedOn
from app.calibration.maps import LogisticMap
from app.calibration.observed import Observation
from app.calibration.store import calibration_for, evidence_calibration, save_calibration
from app.domain import GatePolicy, Judged, Judgement, Scored, Trace
from app.errors import UsageError
from app.evaluation.abstention import (
    AbstentionComparison,
    SortedScores,
    choose_abstention,
    compare_abstention,
    fit_sorted_scores,
)
from app.evaluation.calibrating.fit import (
    FittedHere,
    PassagesBy,
    QuestionsBy,
    counts,
    cross_judged,
    fit_here,
    with_policy,
)
from app.evaluation.calibrating.held_out import HeldOut, held_out
from app.evaluation.calibrating.observe import CalibrationPlan, Observed
from app.evaluation.calibrating.targets import Wanted, propose
from app.evaluation.plain_values import plain_values
from app.evaluation.questions.model import Side
from app.evaluation.questions.scope import scope_in_words
from app.evaluation.recording import question_record
from app.evaluation.records import QuestionRecord
from app.evaluation.separation import gate_plan, passage_separation, question_separation
from app.evaluation.thresholds import Proposal
from app.pipeline import GateChoice
from app.stages.context import passage_cost
from app.stages.gate import decide

CHUNKING = "at most 220 tokens"
LEAST_HELD_OUT = 10


@dataclass(frozen=True, slots=True)
class Sides:
    """How many questions each side has, with a relevant candidate among them, and unanswerable."""

    questions: int
    found: int
    unanswerable: int


@dataclass(frozen=True, slots=True)
class Calibrating:
    """A calibration that can be applied, and all that is said about it.

    `passages` and `questions` say how its maps came about. `plan` is what the gate will do, in words, about questions
    and about passages: it says *no clean separation* where that is so. `before` and `after` are the test side, with the
    calibration in force now and with this one. `abstention` compares a model over the sorted scores with p_answerable
    (None without enough questions); `abstains_by_scores`: it won, and is used.
    """

    calibration: FittedCalibration
    passages: PassagesBy
    questions: QuestionsBy
    proposals: tuple[Proposal, ...]
    plan: tuple[str, str]
    sides: Mapping[Side, Sides]
    before: HeldOut
    after: HeldOut
    abstention: AbstentionComparison | None
    abstains_by_scores: bool

    @property
    def policy(self) -> GatePolicy:
        return self.calibration.policy

    @property
    def clean(self) -> bool:
        """Whether neither sentence of the plan had to say that the groups do not separate."""
        return not any(words.startswith("No clean separation") for words in self.plan)


def calibrate(
    plan: CalibrationPlan, observed: Sequence[Observed], *, wanted: Sequence[Wanted], choice: GateChoice, budget: int
) -> Calibrating:
    """Fit, choose thresholds for the targets wanted, and measure. `choice` is the gate as the settings have it: its
    sizes are kept, its thresholds are what is being set. `budget` is the tokens a question may send.

    Raises UsageError where there are too few questions, saying how many would do.
    """
    fitting = [o for o in observed if o.asked.side == "calibration"]
    testing = [o for o in observed if o.asked.side == "test"]
    observations = [o.observation for o in fitting]
    sides: dict[Side, Sides] = {"calibration": _side(observations), "test": _side([o.observation for o in testing])}
    general = calibration_for(plan.scorer, replace(plan.library, name=""))
    fitted = fit_here(
        observations,
        scorer=plan.scorer.id,
        fitted_on=_fitted_on(plan, observations),
        shipped=general if isinstance(general, FittedCalibration) else None,
        evidence=evidence_calibration(),
    )
    if sides["test"].found < LEAST_HELD_OUT:
        raise UsageError(
            f"The other part has {sides['test'].found} questions with a relevant passage among the candidates; "
            f"{LEAST_HELD_OUT} are needed to say what a calibration is worth.",
            hint="Add questions about other documents, or give that part more: --test-share.",
        )
    sizes = replace(choice, answer_above=None, keep_above=None, raw_keep_above=None)
    default = sizes.over(fitted.calibration.policy, token_budget=budget)
    unseen = [recorded(o, u.judgement, default) for o, u in zip(fitting, fitted.unseen, strict=True)]
    comparison, abstains = None, False
    by_scores = _by_scores(fitted, observations, unseen)
    if by_scores is not None:
        comparison = compare_abstention(by_scores[0], _test_records(fitted.calibration, testing, default))
        abstains = choose_abstention(by_scores[0], comparison) is not None
    if by_scores is not None and abstains:
        fitted = by_scores[1]
        default = sizes.over(fitted.calibration.policy, token_budget=budget)
        unseen = [recorded(o, u.judgement, default) for o, u in zip(fitting, fitted.unseen, strict=True)]
    policy, proposals = propose(unseen, _between(default, unseen), wanted)
    policy, words = gate_plan(policy, question_separation(unseen), passage_separation(unseen))
    after = held_out(_test_records(fitted.calibration, testing, policy), policy.keep_above)
    now = plan.judge.calibration
    in_force = choice.over(now.policy, token_budget=budget)
    before = held_out(
        [recorded(o, now.judge(o.judged.retrieved, o.observation.scores()), in_force) for o in testing],
        in_force.keep_above,
    )
    result = Calibrating(
        fitted.calibration,
        fitted.passages,
        fitted.questions,
        proposals,
        words,
        sides,
        before,
        after,
        comparison,
        abstains,
    )
    return replace(result, calibration=_promised(result, policy, plan))


def apply(result: Calibrating, directory: Path) -> Path:
    """Write the calibration file, in place of an earlier one of the same scorer and library; returns its path."""
    return save_calibration(result.calibration, directory)


def recorded(observed: Observed, judgement: Judgement, policy: GatePolicy) -> QuestionRecord:
    """The record of a question under another judgement and policy than those it was asked with."""
    judged = _judged(observed.judged, judgement, policy)
    gate = decide(judged.scored, policy, run=judged.run, p_answerable=judged.p_answerable, cost=passage_cost)
    passages = observed.asked.passages
    return question_record(
        Trace(judged, gate, None, None, judged.timings_ms),
        id_=passages.question.id,
        answerable=passages.question.answerable,
        relevant=passages.relevant,
        passage_of=passages.passage_of,
        within=scope_in_words(passages.question.scope),
    )


def _between(policy: GatePolicy, unseen: Sequence[QuestionRecord]) -> GatePolicy:
    """Where both kinds of question separate cleanly, answer_above in the middle of the gap: to refuse a tenth of the
    answerable ones would be refusing for nothing."""
    found = question_separation(unseen)
    if found is None or not found.clean:
        return policy
    below = max((p for p in (*found.yes, *found.no) if p < found.threshold), default=0.0)
    return replace(policy, answer_above=(below + found.threshold) / 2.0)


def _judged(judged: Judged, judgement: Judgement, policy: GatePolicy) -> Judged:
    raw = {s.candidate.chunk.id: s for s in judged.scored}
    scored = tuple(
        Scored(
            c := judged.retrieved.candidates[i], rank, raw[c.chunk.id].raw_score, judgement.p[i], judgement.shares[i]
        )
        for rank, i in enumerate(judgement.order, 1)
    )
    return replace(judged, scored=scored, p_answerable=judgement.p_answerable, defaults=policy)


def _test_records(
    calibration: FittedCalibration, testing: Sequence[Observed], policy: GatePolicy
) -> list[QuestionRecord]:
    return [recorded(o, calibration.judge(o.judged.retrieved, o.observation.scores()), policy) for o in testing]


def _by_scores(
    fitted: FittedHere, observations: Sequence[Observation], records: Sequence[QuestionRecord]
) -> tuple[SortedScores, FittedHere] | None:
    """The same calibration with p_answerable from the sorted scores; None without enough questions of both kinds."""
    record_of = {id(o): record for o, record in zip(observations, records, strict=True)}

    def fit(part: Sequence[Observation]) -> FittedCalibration:
        model = fit_sorted_scores([record_of[id(o)] for o in part]).fitted
        views: dict[View, LogisticMap] = dict.fromkeys(("full", "dense", "score"), model)
        return replace(fitted.calibration, question={**fitted.calibration.question, **views})

    try:
        model = fit_sorted_scores(records)
        judged = cross_judged(observations, fit)
    except ValueError:
        return None  # fewer than ten of a kind, in the whole or without one fold
    unseen = tuple(
        replace(u, judgement=replace(u.judgement, p_answerable=by_scores.judgement.p_answerable))
        for u, by_scores in zip(fitted.unseen, judged, strict=True)
    )
    return model, replace(fitted, calibration=with_policy(fit(observations), unseen), unseen=unseen)


def _side(observations: Sequence[Observation]) -> Sides:
    found, unanswerable = counts(observations)
    return Sides(len(observations), found, unanswerable)


def _fitted_on(plan: CalibrationPlan, observations: Sequence[Observation]) -> FittedOn:
    return FittedOn(
        sets=(plan.name,),
        library=plan.library.name,
        chunking=CHUNKING,
        embedder=plan.library.embedder_id,
        questions=len(observations),
        passages=sum(len(o.relevant) for o in observations),
        date=datetime.now(UTC).date().isoformat(),
    )


def _promised(result: Calibrating, policy: GatePolicy, plan: CalibrationPlan) -> FittedCalibration:
    """The calibration as it is kept: its thresholds, what they measured on the test side, and how it was made."""
    refusals = result.after.gate.refusals
    said = [
        f"{words} {100 * error.value:.0f} of 100 questions the library {of}"
        for words, error, of in (
            ("refuses", refusals.wrong_refusals, "answers"),
            ("lets through", refusals.wrong_answers, "does not answer"),
        )
        if error is not None
    ]
    lost = result.after.lost
    kept = replace(
        GatePolicy(answer_above=policy.answer_above, keep_above=policy.keep_above),
        keeps_relevant=None if lost is None else round(1.0 - lost.value, 3),
        answer_note=f"{'; '.join(said)}, measured here" if said else "",
    )
    errors = {
        "measured": "on the part of the questions it was not fitted on, split by document",
        "set": plan.name,
        "fingerprint": plan.fingerprint,
        "generation": plan.library.generation,
        "sides": result.sides,
        "passages_by": result.passages,
        "questions_by": "sorted scores" if result.abstains_by_scores else result.questions,
        "chosen": result.proposals,
        "plan": result.plan,
        "held_out": result.after,
    }
    return replace(result.calibration, policy=kept, errors=plain_values(errors))
