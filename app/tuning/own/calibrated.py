"""A calibration for the tuned scorer, fitted on the held-out questions: labels that trained nothing. Pure.

Every held-out question is judged by maps that were fitted without its documents, so the same questions serve to fit the
calibration and to say what it is worth. The maps start from those of the base where there are any: they know what
retrieval evidence adds to such a scorer; what few labels can tell is how far to stretch and move them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import isfinite

import numpy as np

from app.calibration.fitted import FittedCalibration, FittedOn
from app.calibration.measure import expected_calibration_error
from app.calibration.observed import Observation, Unseen
from app.calibration.store import evidence_calibration
from app.domain import Judgement, LibraryInfo, Score, ScorerId
from app.evaluation.calibrating.calibrate import CHUNKING
from app.evaluation.calibrating.fit import fit_here
from app.evaluation.calibrating.observe import folds_of
from app.evaluation.intervals import Estimate, mean_interval
from app.tuning.own.asking import Searched


@dataclass(frozen=True, slots=True)
class CalibratedHere:
    """The calibration, and each held-out question judged by maps that did not see its documents. `ece` is about p at
    rank 1; `lost` the share of relevant candidates below keep_above; both measured on those judgements."""

    calibration: FittedCalibration
    judged: tuple[Judgement, ...]
    ece: float | None
    lost: Estimate | None
    questions: int


def observations_of(searched: Sequence[Searched], raw: Sequence[Sequence[float]]) -> list[Observation]:
    """The questions as a calibration is fitted on them; weak ones are left out by the caller."""
    folds = folds_of({s.question.id: s.question.group for s in searched})
    return [
        Observation(
            group=str(folds[s.question.id]),
            kind="answerable" if s.question.labelled.answerable else "lookalike",
            retrieved=s.found.retrieved,
            relevant=tuple(s.question.passages.is_relevant(c.chunk) for c in s.found.retrieved.candidates),
            raw=tuple(scores),
            for_p=bool(s.question.passages.relevant) or s.question.labelled.answerable is False,
        )
        for s, scores in zip(searched, raw, strict=True)
    ]


def calibrated(
    observations: Sequence[Observation], *, scorer: ScorerId, start: FittedCalibration | None, name: str,
    library: LibraryInfo,
) -> CalibratedHere:  # fmt: skip
    """Fit it. The held-out part is never too small for that: `app.tuning.own.parts.LEAST_TEST`."""
    fitted_on = FittedOn(
        sets=(name,),
        library=library.name,
        chunking=CHUNKING,
        embedder=library.embedder_id,
        questions=len(observations),
        passages=sum(len(o.relevant) for o in observations),
        date=datetime.now(UTC).date().isoformat(),
    )
    shipped = None if start is None else replace(start, scorer=scorer)
    here = fit_here(observations, scorer=scorer, fitted_on=fitted_on, shipped=shipped, evidence=evidence_calibration())
    keep_above = here.calibration.policy.keep_above
    lost, ece = _lost(here.unseen, keep_above), _ece(here.unseen)
    errors: dict[str, object] = {
        "measured": "on held-out questions that trained nothing, each by maps fitted without its documents",
        "set": name,
        "generation": library.generation,
        "passages_by": here.passages,
        "questions_by": here.questions,
        "ece_rank_1": ece,
        "relevant_below_keep_above": None if lost is None else lost.value,
    }
    policy = replace(
        here.calibration.policy,
        keeps_relevant=None if lost is None else round(1.0 - lost.value, 3),
        answer_note="measured here on held-out questions",
    )
    fitted = replace(here.calibration, policy=policy, errors=errors)
    return CalibratedHere(fitted, tuple(u.judgement for u in here.unseen), ece, lost, len(observations))


def orders_better(
    start: FittedCalibration | None, searched: Sequence[Searched], raw: Sequence[Sequence[float]]
) -> list[tuple[int, ...]] | None:
    """The order of each question's candidates by the base's own maps over the tuned scores; None without maps."""
    if start is None:
        return None
    return [
        start.judge(s.found.retrieved, [Score(x) for x in scores]).order
        for s, scores in zip(searched, raw, strict=True)
    ]


def _ece(unseen: Sequence[Unseen]) -> float | None:
    firsts = [(u.judgement.p[i], u.observation.relevant[i]) for u in unseen if (i := _first(u)) is not None]
    known = [(p, float(yes)) for p, yes in firsts if p is not None]
    if not known:
        return None
    p, labels = np.asarray(known, dtype=np.float64).T
    value = expected_calibration_error(p, labels, np.ones(len(p)))
    return value if value is not None and isfinite(value) else None


def _first(unseen: Unseen) -> int | None:
    if not unseen.observation.for_p or not unseen.observation.answerable or not unseen.judgement.order:
        return None
    return unseen.judgement.order[0]


def _lost(unseen: Sequence[Unseen], keep_above: float | None) -> Estimate | None:
    if keep_above is None:
        return None
    shares = []
    for u in unseen:
        known = [p for p, yes in zip(u.judgement.p, u.observation.relevant, strict=True) if yes and p is not None]
        if known:
            shares.append(sum(p < keep_above for p in known) / len(known))
    return mean_interval(shares)
