"""Applying a correction: a calibration "calibrated here", from the one in use and two numbers; and taking it back.

The new maps are the old ones, weights and intercepts rescaled, so that the file is a calibration file like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

from app.calibration.fit import SCORER_VIEWS
from app.calibration.fitted import FittedCalibration, FittedOn
from app.calibration.maps import LogisticMap
from app.calibration.store import calibration_for, load_calibration, save_calibration
from app.domain import LibraryInfo, ScorerProfile
from app.evaluation.five_minutes.effect import Effect

MARK = "five_minutes"  # in `errors`: this file was made here, and may be taken back
_ASIDE = ".before-five-minutes"


def rescaled(fitted: LogisticMap, slope: float, intercept: float) -> LogisticMap:
    """The map whose log-odds are slope * (those of `fitted`) + intercept.

    >>> rescaled(LogisticMap(("score",), (0.0,), (1.0,), (2.0,), -1.0), 0.5, 0.25).intercept
    -0.25
    """
    return replace(
        fitted,
        weights=tuple(slope * weight for weight in fitted.weights),
        intercept=slope * fitted.intercept + intercept,
    )


def corrected(
    base: FittedCalibration, effect: Effect, info: LibraryInfo, *, today: date | None = None
) -> FittedCalibration:
    """The calibration with the answers applied: the passage maps of the scorer are rescaled, keep_above is the new one.

    The maps from retrieval evidence alone and those of p_answerable stay as they are: no answer was about them. The
    promise (`keeps_relevant`) is carried over, see `effect`.
    """
    slope, intercept = effect.slope.value, effect.intercept.value
    passage = {
        view: rescaled(fitted, slope, intercept) if view in SCORER_VIEWS else fitted
        for view, fitted in base.passage.items()
    }
    on = FittedOn(
        sets=("answers about passages",),
        library=info.name,
        chunking=base.fitted_on.chunking,
        embedder=info.embedder_id,
        questions=effect.questions,
        passages=effect.yes + effect.no,
        date=(date.today() if today is None else today).isoformat(),
    )
    measured: Mapping[str, object] = {MARK: {**asdict(effect), "corrects": asdict(base.fitted_on)}}
    return FittedCalibration(
        scorer=base.scorer,
        fitted_on=on,
        passage=passage,
        question=base.question,
        policy=replace(base.policy, keep_above=effect.keep_above.value),
        errors=measured,
    )


def base_calibration(profile: ScorerProfile, info: LibraryInfo, own_dir: Path) -> FittedCalibration | None:
    """What a correction starts from: the calibration that would be in use without one; None where there is none.

    One fitted on other labels of this library, else one's own general one, else what ships. Raises CalibrationError
    when a file cannot be read.
    """
    own = _of_scorer(own_dir, profile, "*.json")
    mine = [c for _, c in own if _is_here(c, info)]
    here = [c for c in mine if MARK not in c.errors]
    aside = [c for _, c in _of_scorer(own_dir, profile, f"*.json{_ASIDE}") if mine and _is_here(c, info)]
    general = [c for _, c in own if c.fitted_on.library is None]
    shipped = calibration_for(profile, info)
    found = [*here, *aside, *general, *([shipped] if isinstance(shipped, FittedCalibration) else [])]
    return found[0] if found else None


def fingerprint(base: FittedCalibration, *, fused: bool = True) -> str:
    """16 hex digits over the passage maps and thresholds: answers belong to the p they were asked about by. `fused`:
    whether p is by score and evidence together (the setting FUSED_MAP)."""
    said = repr((fused, sorted(base.passage.items()), base.policy.keep_above, base.policy.answer_above))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def applied(profile: ScorerProfile, info: LibraryInfo, own_dir: Path) -> FittedCalibration | None:
    """The correction in use, if there is one. Raises CalibrationError when a file cannot be read."""
    found = (c for _, c in _of_scorer(own_dir, profile, "*.json") if _is_here(c, info) and MARK in c.errors)
    return next(found, None)


def apply(calibration: FittedCalibration, profile: ScorerProfile, info: LibraryInfo, own_dir: Path) -> Path:
    """Put a correction to use at once; a calibration of this library that was fitted otherwise is set aside."""
    for path, other in _of_scorer(own_dir, profile, "*.json"):
        if _is_here(other, info) and MARK not in other.errors:
            path.rename(path.with_name(path.name + _ASIDE))
    return save_calibration(calibration, own_dir)


def take_back(profile: ScorerProfile, info: LibraryInfo, own_dir: Path) -> bool:
    """Remove the correction, and bring back what was set aside for it; False where there was none."""
    found = [path for path, c in _of_scorer(own_dir, profile, "*.json") if _is_here(c, info) and MARK in c.errors]
    for path in found:
        path.unlink()
    for path, other in _of_scorer(own_dir, profile, f"*.json{_ASIDE}"):
        if found and _is_here(other, info):  # else what was set aside has been replaced by a later one
            path.rename(path.with_name(path.name.removesuffix(_ASIDE)))
    return bool(found)


def _of_scorer(own_dir: Path, profile: ScorerProfile, pattern: str) -> list[tuple[Path, FittedCalibration]]:
    read = [(path, load_calibration(path)) for path in sorted(own_dir.glob(pattern))]
    return [(path, c) for path, c in read if c.scorer == profile.id]


def _is_here(calibration: FittedCalibration, info: LibraryInfo) -> bool:
    on = calibration.fitted_on
    return on.library == info.name and on.embedder == info.embedder_id
