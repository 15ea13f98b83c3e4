"""Fitting a calibration from labelled questions: the maps, the thresholds, and the errors measured with them. Pure.

What is reported is measured on questions whose group (a question set, or a document of one's own library) the map had
not seen: every group is judged by maps fitted on the others, and the maps that are kept are then
fitted on all of them. Thresholds come from the same unseen judgements.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.calibration.features import (
    PASSAGE_FEATURES,
    QUESTION_FEATURES,
    View,
    evidence_of,
    passage_features,
    question_features,
)
from app.calibration.fitted import FittedCalibration, FittedOn
from app.calibration.maps import LogisticMap
from app.calibration.regression import fit_logistic
from app.domain import GatePolicy, Judgement, Retrieved, Score, ScorerId

Floats = npt.NDArray[np.float64]
Kind = Literal["answerable", "near_miss", "off_topic", "lookalike"]

# p counts for questions that were let through: one in twenty of those is taken to be unanswerable all the same.
# Off-topic questions are refused before p matters, so p is not fitted on them.
UNANSWERABLE_IN_P = 0.05
# p_answerable expects every second question to be unanswerable; what kinds those are, where a group has them
KIND_WEIGHT: dict[Kind, float] = {"answerable": 0.5, "near_miss": 0.3, "off_topic": 0.2, "lookalike": 0.5}
SCORER_VIEWS: tuple[View, ...] = ("full", "dense", "score")
EVIDENCE_VIEWS: tuple[View, ...] = ("evidence", "evidence_dense")


@dataclass(frozen=True, slots=True)
class Observation:
    """One labelled question. `raw` and `relevant` follow the candidates; `raw` is None where no scorer ran.

    `group` is what must not be split between fitting and measuring. `kind` says how an unanswerable question came
    about: its document left out ("near_miss"), asked of another library ("off_topic"), or written to look answerable
    ("lookalike"). `for_p` is False where the question only serves p_answerable.
    """

    group: str
    kind: Kind
    retrieved: Retrieved
    relevant: tuple[bool, ...]
    raw: tuple[float | None, ...] | None = None
    for_p: bool = True

    @property
    def answerable(self) -> bool:
        return self.kind == "answerable"

    def scores(self) -> tuple[Score, ...]:
        return tuple(Score(raw) for raw in self.raw or (None,) * len(self.relevant))


@dataclass(frozen=True, slots=True)
class Row:
    """An observation with its features, worked out once for all the fits it takes part in."""

    observation: Observation
    passage: Mapping[str, Floats]
    question: Mapping[str, float]

    def allows(self, view: View) -> bool:
        """Whether everything the view looks at is known here."""
        return all(name in self.passage for name in PASSAGE_FEATURES[view]) and all(
            name in self.question for name in QUESTION_FEATURES[view]
        )


def rows_of(observations: Iterable[Observation]) -> list[Row]:
    """Features of each observation; those of its scorer are absent where none ran."""
    rows = []
    for observation in observations:
        evidence = evidence_of(observation.retrieved, observation.raw)
        rows.append(Row(observation, passage_features(evidence), question_features(evidence)))
    return rows


@dataclass(frozen=True, slots=True)
class Unseen:
    """A question judged by maps that were fitted without its group."""

    observation: Observation
    judgement: Judgement


def fit_calibration(
    observations: Sequence[Observation],
    *,
    scorer: ScorerId | None,
    fitted_on: FittedOn,
    lost: float = 0.05,
    wrong_refusals: float = 0.1,
) -> tuple[FittedCalibration, list[Unseen]]:
    """A calibration with its gate policy, and the judgements of unseen groups that its thresholds rest on.

    `keep_above` loses at most the share `lost` of relevant passages, and `answer_above` refuses at most the share
    `wrong_refusals` of the questions the library answers. With `scorer` None the maps use retrieval evidence alone.
    Raises ValueError with fewer than two groups, or when there is nothing to tell apart.
    """
    groups = sorted({o.group for o in observations})
    if len(groups) < 2:
        raise ValueError("a calibration needs at least two groups: one is judged by what the others taught")
    views = EVIDENCE_VIEWS if scorer is None else (*SCORER_VIEWS, *EVIDENCE_VIEWS)
    rows = rows_of(observations)
    unseen = []
    for group in groups:
        maps = fit_maps([row for row in rows if row.observation.group != group], views)
        without = FittedCalibration(scorer, fitted_on, *maps, GatePolicy())
        unseen += [
            Unseen(o, without.evidence(o.retrieved) if scorer is None else without.judge(o.retrieved, o.scores()))
            for o in observations
            if o.group == group
        ]
    keep, answer = keep_above(unseen, lost), answer_above(unseen, wrong_refusals)
    policy = replace(GatePolicy(), keep_above=keep, answer_above=answer)
    return FittedCalibration(scorer, fitted_on, *fit_maps(rows, views), policy), unseen


def keep_above(unseen: Sequence[Unseen], lost: float) -> float:
    """The p that all but the share `lost` of relevant passages reach, every group weighing the same.

    Split conformal, the floor(lost * (n + 1))-th smallest p of relevant passages (arXiv 2511.17908); with fewer than
    1 / lost - 1 of them no threshold can promise that much, and it is 0.
    """
    values, weights = [], []
    count = Counter(u.observation.group for u in unseen if _has_relevant(u))
    for u in unseen:
        if _has_relevant(u):
            found = [p for p, yes in zip(u.judgement.p, u.observation.relevant, strict=True) if yes and p is not None]
            values += found
            weights += [1.0 / (count[u.observation.group] * max(len(found), 1))] * len(found)
    return _lowest(np.asarray(values), np.asarray(weights), lost)


def answer_above(unseen: Sequence[Unseen], wrong_refusals: float) -> float:
    """The p_answerable that all but the share `wrong_refusals` of answerable questions reach; groups weigh the same."""
    count = Counter(u.observation.group for u in unseen if u.observation.answerable)
    pairs = [
        (u.judgement.p_answerable, 1.0 / count[u.observation.group])
        for u in unseen
        if u.observation.answerable and u.judgement.p_answerable is not None
    ]
    values, weights = (np.asarray(side) for side in zip(*pairs, strict=True))
    return _lowest(values, weights, wrong_refusals)


def _lowest(values: Floats, weights: Floats, share: float) -> float:
    if values.size == 0:
        return 0.0
    order = np.argsort(values, kind="stable")
    effective = weights.sum() ** 2 / (weights**2).sum()
    rank = (
        np.floor(share * (effective + 1.0) + 1e-9) / effective
    )  # with equal weights: the k-th smallest, k = floor(...)
    place = int(np.searchsorted(np.cumsum(weights[order]) / weights.sum(), rank - 1e-9))
    return 0.0 if rank <= 0.0 else float(values[order][min(place, values.size - 1)])


def _has_relevant(unseen: Unseen) -> bool:
    o = unseen.observation
    return o.answerable and o.for_p and any(o.relevant)


def fit_maps(rows: Sequence[Row], views: Iterable[View]) -> tuple[dict[View, LogisticMap], dict[View, LogisticMap]]:
    """The passage maps and the question maps of these views. Groups weigh the same, whatever their size.

    Raises ValueError when there is nothing to tell apart: no relevant passage, or no unanswerable question.
    """
    passage: dict[View, LogisticMap] = {}
    question: dict[View, LogisticMap] = {}
    for view in views:
        allowed = [row for row in rows if row.allows(view)]
        let_through = [row for row in allowed if row.observation.for_p and row.observation.kind != "off_topic"]
        passage[view] = _fit_passages(let_through, PASSAGE_FEATURES[view])
        question[view] = _fit_questions(allowed, QUESTION_FEATURES[view])
    return passage, question


def _fit_passages(rows: Sequence[Row], names: Sequence[str]) -> LogisticMap:
    """Fitted twice: the first map says which passages would stand in front, and the second is right about those.

    A passage's weight in the second fit is 1 / rank squared. The gate and the page show p of the first few passages;
    the far more numerous ones behind are easy, and would otherwise decide the fit.
    """
    count = Counter((row.observation.group, row.observation.answerable) for row in rows)
    weights = []
    for row in rows:
        o = row.observation
        share = 1 - UNANSWERABLE_IN_P if o.answerable else UNANSWERABLE_IN_P
        weights.append(np.full(len(o.relevant), share / count[o.group, o.answerable]))
    features = {name: np.concatenate([row.passage[name] for row in rows]) for name in names}
    labels = np.concatenate([np.asarray(row.observation.relevant, dtype=np.float64) for row in rows])
    known = ~np.isnan(np.stack(list(features.values()))).any(axis=0)
    features = {name: values[known] for name, values in features.items()}

    def fit(weights: Floats) -> LogisticMap:
        return fit_logistic(features, names, labels[known], weights, never_below_zero=frozenset(names))

    first = fit(np.concatenate(weights)[known])
    in_front = [w / (1 + _places(first.log_odds(row.passage))) ** 2 for w, row in zip(weights, rows, strict=True)]
    return fit(np.concatenate(in_front)[known])


def _places(log_odds: Floats) -> Floats:
    """The place of each passage, 0 for the highest; NaN comes last."""
    places = np.empty(log_odds.size)
    places[np.argsort(-log_odds, kind="stable")] = np.arange(log_odds.size)
    return places


def _fit_questions(rows: Sequence[Row], names: Sequence[str]) -> LogisticMap:
    count = Counter((row.observation.group, row.observation.kind) for row in rows)
    kinds = [(row.observation.group, row.observation.kind) for row in rows]
    return fit_logistic(
        {name: np.asarray([row.question[name] for row in rows]) for name in names},
        names,
        np.asarray([float(row.observation.answerable) for row in rows]),
        np.asarray([KIND_WEIGHT[kind] / count[group, kind] for group, kind in kinds]),
        never_below_zero=frozenset(names),
    )
