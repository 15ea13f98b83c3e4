"""Fitting a calibration from labelled questions: the maps, the thresholds, and the errors measured with them. Pure.

What is reported is measured on questions whose group (a question set, or a document of one's own library) the map had
not seen: every group is judged by maps fitted on the others, and the maps that are kept are then
fitted on all of them. Thresholds come from the same unseen judgements.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from app.calibration.features import View
from app.calibration.fit_maps import fit_maps
from app.calibration.fitted import FittedCalibration, FittedOn
from app.calibration.measure import ndcg
from app.calibration.observed import Observation, Unseen, rows_of
from app.domain import GatePolicy, ScorerId

Floats = npt.NDArray[np.float64]

SCORER_VIEWS: tuple[View, ...] = ("full", "dense", "score")
EVIDENCE_VIEWS: tuple[View, ...] = ("evidence", "evidence_dense")


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
    The fused map is used only where it ranks unseen groups at least as well as the score alone; `errors["order"]`
    says which is used, with both figures.
    Raises ValueError with fewer than two groups, or when there is nothing to tell apart.
    """
    groups = sorted({o.group for o in observations})
    if len(groups) < 2:
        raise ValueError("a calibration needs at least two groups: one is judged by what the others taught")
    views = EVIDENCE_VIEWS if scorer is None else (*SCORER_VIEWS, *EVIDENCE_VIEWS)
    rows = rows_of(observations)
    without = {
        group: FittedCalibration(
            scorer, fitted_on, *fit_maps([row for row in rows if row.observation.group != group], views), GatePolicy()
        )
        for group in groups
    }
    unseen = [_judged(without[o.group], o) for o in observations]
    fitted = FittedCalibration(scorer, fitted_on, *fit_maps(rows, views), GatePolicy())
    if scorer is not None:
        plain = [_judged(by_score_alone(without[o.group]), o) for o in observations]
        fused_ranks, plain_ranks = mean_ndcg(unseen), mean_ndcg(plain)
        wins = fused_ranks >= plain_ranks
        if not wins:
            fitted, unseen = by_score_alone(fitted), plain
        order = {"ndcg_10_fused": fused_ranks, "ndcg_10_score_alone": plain_ranks, "used": "fused" if wins else "score"}
        fitted = replace(fitted, errors={"order": order})
    keep, answer = keep_above(unseen, lost), answer_above(unseen, wrong_refusals)
    return replace(fitted, policy=replace(GatePolicy(), keep_above=keep, answer_above=answer)), unseen


def _judged(calibration: FittedCalibration, o: Observation) -> Unseen:
    alone = calibration.scorer is None
    return Unseen(o, calibration.evidence(o.retrieved) if alone else calibration.judge(o.retrieved, o.scores()))


def by_score_alone(calibration: FittedCalibration) -> FittedCalibration:
    """The same calibration with the score-only map in place of the fused ones, for passages."""
    alone = dict.fromkeys(SCORER_VIEWS, calibration.passage["score"])
    return replace(calibration, passage={**calibration.passage, **alone})


def mean_ndcg(unseen: Sequence[Unseen]) -> float:
    """nDCG@10 (0..1) among the candidates of questions with a relevant one; every group weighs the same."""
    by_group: dict[str, list[float]] = {}
    for u in unseen:
        if _has_relevant(u):
            by_group.setdefault(u.observation.group, []).append(ndcg(u.judgement.order, u.observation.relevant))
    return round(float(np.mean([np.mean(values) for values in by_group.values()])), 4) if by_group else 0.0


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
