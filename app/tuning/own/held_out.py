"""Off, evidence, current, base and tuned on the held-out questions, and the calibration fitted on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from app.calibration.fitted import FittedCalibration
from app.calibration.store import calibration_for
from app.evaluation.measures_ranking import ranked
from app.ports import Scorer
from app.tuning.own.asking import Searched
from app.tuning.own.calibrated import CalibratedHere, calibrated, observations_of, orders_better
from app.tuning.own.fitting import Fitted
from app.tuning.own.outcome import BASE, CURRENT, EVIDENCE, OFF, TUNED, Orders, Outcome, judge_outcome
from app.tuning.own.parts import TELLING
from app.tuning.own.preparing import by_score, current_order, scored
from app.tuning.own.running import Run


def judge_held_out(run: Run, fitted: Fitted, scorer: Scorer) -> tuple[Outcome, CalibratedHere]:
    """All arms on the held-out questions; the tuned one in the order it would be used in."""
    prepared, say = run.prepared, run.say
    judged = [s for s in run.parts["test"] if not s.question.labelled.weak]
    raw = scored(scorer, judged, prepared.asked, run.scores, say, "held-out questions, tuned")
    start_from = _start(run, scorer)
    calibration = calibrated(
        observations_of(judged, raw),
        scorer=scorer.profile.id,
        start=start_from,
        name=prepared.questions.name,
        library=prepared.asked.contents.info,
    )
    orders: dict[str, dict[str, Sequence[str]]] = {OFF: {}, EVIDENCE: {}, CURRENT: {}, BASE: {}, TUNED: {}}
    labels = {OFF: "in search order", TUNED: f"tuned:{run.folder.name}"}
    for place, searched in enumerate(judged):
        if not searched.question.passages.relevant:
            continue
        order = calibration.judged[place].order
        orders[OFF][searched.question.id] = searched.order()
        orders[TUNED][searched.question.id] = searched.order(order)
    _current_arms(run, judged, orders, labels)
    _base_arm(run, judged, orders, labels)
    ran: dict[str, Orders] = {arm: of for arm, of in orders.items() if of}
    relevant = {s.question.id: s.question.passages.relevant for s in judged if s.question.passages.relevant}
    return judge_outcome(ran, relevant, labels, name=run.folder.name, learned=fitted.learned), calibration


def _current_arms(
    run: Run, judged: Sequence[Searched], orders: Mapping[str, dict[str, Sequence[str]]], labels: dict[str, str]
) -> None:
    """The scorer in force as it is used, and retrieval evidence alone."""
    current = run.prepared.current
    if current is None:
        return
    raw = scored(current.scorer, judged, run.prepared.asked, run.scores, run.say, "held-out questions, as now")
    labels[CURRENT] = current.scorer.profile.label
    labels[EVIDENCE] = "retrieval evidence alone"
    for searched, scores in zip(judged, raw, strict=True):
        if searched.question.passages.relevant:
            evidence = current.calibration.evidence(searched.found.retrieved)
            orders[EVIDENCE][searched.question.id] = searched.order(evidence.order)
            orders[CURRENT][searched.question.id] = searched.order(current_order(current, searched, scores))


def _base_arm(
    run: Run, judged: Sequence[Searched], orders: Mapping[str, dict[str, Sequence[str]]], labels: dict[str, str]
) -> None:
    """The base as it was before, where that is not the scorer in force: what of a gain is not tuning's."""
    name, current = run.base.scorer, run.prepared.current
    if name is None:
        return
    judge = run.sluice.open_judge(name, run.prepared.asked.contents.info)
    if current is not None and judge.scorer.profile.id == current.scorer.profile.id:
        return
    raw = scored(judge.scorer, judged, run.prepared.asked, run.scores, run.say, "held-out questions, the base")
    labels[BASE] = f"{judge.scorer.profile.label} as it was"
    for searched, scores in zip(judged, raw, strict=True):
        if searched.question.passages.relevant:
            orders[BASE][searched.question.id] = searched.order(current_order(judge, searched, scores))


def _start(run: Run, scorer: Scorer) -> FittedCalibration | None:
    """The base's maps, where it has some and they order the validation part no worse than the tuned scores alone."""
    if run.base.scorer is None:
        return None
    base = run.sluice.scorer(run.base.scorer).profile
    general = calibration_for(base, replace(run.prepared.asked.contents.info, name=""))
    if not isinstance(general, FittedCalibration):
        return None
    validation = [s for s in run.parts["validation"] if s.measurable]
    if len(validation) < TELLING:
        return general
    raw = scored(scorer, validation, run.prepared.asked, run.scores, run.say, "validation questions, tuned")
    fused = orders_better(general, validation, raw) or []
    relevant = {s.question.id: s.question.passages.relevant for s in validation}
    values = []
    for places in (fused, [by_score(row) for row in raw]):
        orders = {s.question.id: s.order(p) for s, p in zip(validation, places, strict=True)}
        values.append(float(np.mean([*ranked(orders, relevant, ("nDCG@10",))["nDCG@10"].values()])))
    return general if values[0] >= values[1] else None
