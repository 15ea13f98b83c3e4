"""Isotonic regression on top of the maps, where the sample allows it and it wins. Pure.

B. Zadrozny and C. Elkan, Transforming classifier scores into accurate multiclass probability estimates, KDD 2002. It
follows any rising curve, and overfits what is small: so it takes LEAST_PASSAGES judged passages, LEAST_RELEVANT of them
relevant, and is used only where it came closer than the logistic curve, beyond noise, on documents it had not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from app.calibration.features import View, evidence_of
from app.calibration.maps import Steps
from app.calibration.observed import Unseen
from app.evaluation.paired import compare_paired

Floats = npt.NDArray[np.float64]

LEAST_PASSAGES = 1000
LEAST_RELEVANT = 100
_SURE = 1e-9  # p this near to 0 or 1 has no log-odds


def straighten(unseen: Sequence[Unseen]) -> tuple[View, Steps, tuple[Unseen, ...]] | None:
    """The view it is for, the steps, and the same judgements with p by steps of the other groups; None where the
    sample is too small or the logistic curve is as good.

    Passages weigh 1 / rank squared, as in the maps: p is shown and used at the front.
    """
    answered = [u for u in unseen if u.observation.answerable and u.observation.for_p and None not in u.judgement.p]
    labels = [yes for u in answered for yes in u.observation.relevant]
    views = {evidence_of(u.observation.retrieved, u.observation.raw).view() for u in answered}
    groups = {u.observation.group for u in answered}
    if len(labels) < LEAST_PASSAGES or sum(labels) < LEAST_RELEVANT or len(views) != 1 or len(groups) < 2:
        return None
    (view,) = views
    if view is None:
        return None
    without = {g: _fit([u for u in answered if u.observation.group != g]) for g in groups}
    by_steps = tuple(_by(without[u.observation.group], u) if u.observation.group in without else u for u in unseen)
    measured = {id(u) for u in answered}
    pairs = [(u, s) for u, s in zip(unseen, by_steps, strict=True) if id(u) in measured]
    before, after = ({str(n): -_brier(pair[way]) for n, pair in enumerate(pairs)} for way in (0, 1))
    change = compare_paired(before, after, tie=0.0)
    if change is None or not change.better:
        return None
    return view, _fit(answered), by_steps


def _fit(answered: Sequence[Unseen]) -> Steps:
    from sklearn.isotonic import IsotonicRegression  # takes a second to import, and few samples get here

    x = np.concatenate([_log_odds(u) for u in answered])
    y = np.concatenate([np.asarray(u.observation.relevant, dtype=np.float64) for u in answered])
    w = np.concatenate([_weights(u) for u in answered])
    unsure = 1.0 / (len(x) + 2)  # no sample makes anything certain
    fitted = IsotonicRegression(y_min=unsure, y_max=1.0 - unsure, out_of_bounds="clip").fit(x, y, sample_weight=w)
    points, first = np.unique(fitted.X_thresholds_, return_index=True)
    return Steps(tuple(map(float, points)), tuple(map(float, fitted.y_thresholds_[first])))


def _by(steps: Steps, u: Unseen) -> Unseen:
    if None in u.judgement.p or not u.judgement.p:
        return u
    return replace(u, judgement=replace(u.judgement, p=tuple(map(float, steps.p_of(_log_odds(u))))))


def _brier(u: Unseen) -> float:
    return float(np.average((_p(u) - np.asarray(u.observation.relevant, dtype=np.float64)) ** 2, weights=_weights(u)))


def _weights(u: Unseen) -> Floats:
    places = np.empty(len(u.judgement.order))
    places[list(u.judgement.order)] = np.arange(len(u.judgement.order))
    return np.asarray(1.0 / (1.0 + places) ** 2)


def _log_odds(u: Unseen) -> Floats:
    p = np.clip(_p(u), _SURE, 1.0 - _SURE)
    return np.asarray(np.log(p) - np.log1p(-p))


def _p(u: Unseen) -> Floats:
    return np.asarray(u.judgement.p, dtype=np.float64)
