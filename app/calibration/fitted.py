"""The calibration a scorer has: raw scores and retrieval evidence in, p, shares, order and p_answerable out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.calibration.features import (
    COSINE,
    LEXICAL,
    PLACE,
    SCORE,
    Evidence,
    Floats,
    View,
    evidence_of,
    passage_features,
    question_features,
)
from app.calibration.maps import LogisticMap, Steps, sigmoid
from app.domain import CalibrationKind, GatePolicy, Judgement, Retrieved, Score, ScorerId, Shares
from app.errors import ProviderNonsense


@dataclass(frozen=True, slots=True)
class FittedOn:
    """What a calibration was fitted on. `library` is a library's name where the labels are its own, else None."""

    sets: tuple[str, ...]
    library: str | None
    chunking: str
    embedder: str
    questions: int
    passages: int
    date: str


@dataclass(frozen=True, slots=True)
class FittedCalibration:
    """The fitted maps of one scorer, or of retrieval evidence alone (`scorer` is None). Implements `Calibration`.

    There is one map for each view of the evidence (`features.View`), for passages and for questions; what is at hand
    chooses. `errors` are the measured errors that go with the policy, as the calibration file lists them. `steps`
    stand in for the logistic curve where a passage map has them.
    """

    scorer: ScorerId | None
    fitted_on: FittedOn
    passage: Mapping[View, LogisticMap]
    question: Mapping[View, LogisticMap]
    policy: GatePolicy
    kind: CalibrationKind = "general"
    note: str = ""
    errors: Mapping[str, object] = field(default_factory=dict)
    steps: Mapping[View, Steps] = field(default_factory=dict)

    def judge(self, retrieved: Retrieved, scores: Sequence[Score]) -> Judgement:
        """p, shares, order and p_answerable of one question; ties keep the retrieval order.

        Raises ProviderNonsense when there is not one score a candidate, or one is not a finite number.
        """
        return self._judge(evidence_of(retrieved, checked(scores, len(retrieved.candidates))), retrieved)

    def evidence(self, retrieved: Retrieved) -> Judgement:
        """The same from retrieval evidence alone: the maps refitted without the scorer."""
        return self._judge(evidence_of(retrieved), retrieved)

    def _judge(self, evidence: Evidence, retrieved: Retrieved) -> Judgement:
        count = len(retrieved.candidates)
        view = evidence.view()
        if count == 0 or view is None:
            return Judgement((None,) * count, (None,) * count, tuple(range(count)), None)
        answerable = self._answerable(evidence, view)
        if view not in self.passage:
            return Judgement((None,) * count, (None,) * count, by_score(evidence, count), answerable)
        fitted = self.passage[view]
        parts = fitted.contributions(passage_features(evidence))
        log_odds = parts.sum(axis=-1) + fitted.intercept
        likely = self.steps[view].p_of(log_odds) if view in self.steps else sigmoid(log_odds)
        return Judgement(
            p=tuple(None if np.isnan(p) else float(p) for p in likely),
            shares=tuple(_shares(fitted.names, row) for row in parts),
            order=falling(log_odds),
            p_answerable=answerable,
        )

    def _answerable(self, evidence: Evidence, view: View) -> float | None:
        if view not in self.question:
            return None
        features = {name: np.asarray([value]) for name, value in question_features(evidence).items()}
        fitted = self.question[view]
        return float(sigmoid(fitted.log_odds(features))[0])


def checked(scores: Sequence[Score], candidates: int) -> list[float | None]:
    """The raw scores, one a candidate. Raises ProviderNonsense when the count is off or one is NaN or infinite."""
    if len(scores) != candidates:
        raise ProviderNonsense(
            f"The reranker gave {len(scores)} scores for {candidates} passages.",
            hint="Choose another reranker (RERANKER=late-interaction), or see `sluice doctor`.",
        )
    raw = [score.raw for score in scores]
    if any(value is not None and not np.isfinite(value) for value in raw):
        raise ProviderNonsense(
            "The reranker gave a score that is not a number.",
            hint="Choose another reranker (RERANKER=late-interaction), or see `sluice doctor`.",
        )
    return raw


def falling(values: Floats) -> tuple[int, ...]:
    """Indices by falling value; ties keep their order, NaN comes last."""
    return tuple(int(i) for i in np.argsort(-values, kind="stable"))


def by_score(evidence: Evidence, count: int) -> tuple[int, ...]:
    """The order by raw score, passages without one last; the retrieval order where there are no scores."""
    return tuple(range(count)) if evidence.raw is None else falling(evidence.raw)


def _shares(names: tuple[str, ...], row: Floats) -> Shares | None:
    if np.isnan(row).any():
        return None
    part = dict(zip(names, row, strict=True))
    score, cosine, bm25 = (
        float(sum(part[name] for name in group if name in part)) for group in (SCORE, COSINE, LEXICAL)
    )
    place = float(part.get(PLACE, 0.0)) / 2.0  # of a sum of both legs in equal parts
    return Shares(score=score, cosine=cosine + place, bm25=bm25 + place)
