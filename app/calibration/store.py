"""Calibrations on disk: one JSON file a scorer, shipped in app/models/calibrations or fitted by a person.

File (schema 1): {"schema", "scorer": {...} | null, "fitted_on": {...}, "passage": {view: map}, "question": {view: map},
"policy": {...}, "errors": {...}}, and "steps": {view: points} where there are any. A file whose scorer is null holds
the maps from retrieval evidence alone.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from app.calibration.features import PASSAGE_FEATURES, QUESTION_FEATURES, SORTED_SCORES, View
from app.calibration.fitted import FittedCalibration, FittedOn
from app.calibration.maps import LogisticMap, Steps
from app.calibration.uncalibrated import NoCalibration
from app.counting import counted
from app.domain import GatePolicy, LibraryInfo, ScorerId, ScorerProfile
from app.errors import CalibrationError
from app.ports import Calibration
from app.shapes import misshapen

SCHEMA = 1
EVIDENCE_FILE = "evidence.json"
_FIT_AGAIN = "Fit one for this scorer: sluice calibrate."
_REMOVE = "Remove the file, and fit it again where it was your own: sluice calibrate."


class _Map(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    level: float = 0.0


class _Steps(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    log_odds: tuple[float, ...]
    p: tuple[float, ...]


class _File(BaseModel):
    """What comes from outside is checked here; inside the program only the frozen types are seen."""

    model_config = ConfigDict(extra="forbid")
    schema_: int
    scorer: ScorerId | None
    fitted_on: FittedOn
    passage: dict[View, _Map]
    question: dict[View, _Map]
    policy: GatePolicy
    errors: dict[str, object]
    steps: dict[View, _Steps] = {}


def calibration_for(profile: ScorerProfile, library: LibraryInfo, *, own_dir: Path | None = None) -> Calibration:
    """The best calibration there is for this scorer in this library.

    First one fitted on this library's own labels ("here"), then any other of the same scorer, own before shipped and
    another library's last ("general"), else `NoCalibration`. A calibration of another scorer id is never used. Files
    lie in `own_dir` and among the shipped ones. Raises CalibrationError when one of them cannot be read.
    """
    own = [] if own_dir is None else [_read(path) for path in sorted(own_dir.glob("*.json"))]
    fitting = [c for c in (*own, *_shipped()) if c.scorer == profile.id]
    here = [c for c in fitting if c.fitted_on.library == library.name and c.fitted_on.embedder == library.embedder_id]
    if here:
        return replace(here[0], kind="here", note=_note_here(here[0]))
    if fitting:
        best = min(fitting, key=lambda c: c.fitted_on.library is not None)  # another library's own is the last resort
        return replace(best, kind="general", note=_note_general(best, library))
    return NoCalibration(evidence_calibration())


def evidence_calibration() -> FittedCalibration | None:
    """The shipped maps from retrieval evidence alone, which work with any scorer; None when none are shipped."""
    return next((c for c in _shipped() if c.scorer is None), None)


def load_calibration(path: Path, scorer: ScorerId | None = None) -> FittedCalibration:
    """Read one file. Raises CalibrationError when it cannot be read or belongs to another scorer than `scorer`."""
    calibration = _read(path)
    if scorer is not None and calibration.scorer != scorer:
        raise CalibrationError(
            f"{path.name} belongs to the scorer {calibration.scorer}, not to {scorer}.", hint=_FIT_AGAIN
        )
    return calibration


def save_calibration(calibration: FittedCalibration, directory: Path) -> Path:
    """Write the calibration under its scorer's name (and its library's, where it was fitted on own labels)."""
    content = {
        "schema": SCHEMA,
        "scorer": None if calibration.scorer is None else asdict(calibration.scorer),
        "fitted_on": asdict(calibration.fitted_on),
        "passage": {view: _rounded(fitted) for view, fitted in calibration.passage.items()},
        "question": {view: _rounded(fitted) for view, fitted in calibration.question.items()},
        "policy": asdict(calibration.policy),
        "errors": dict(calibration.errors),
    }
    if calibration.steps:
        content["steps"] = {view: _rounded(points) for view, points in calibration.steps.items()}
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / _file_name(calibration)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def _read(path: Path) -> FittedCalibration:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path} cannot be read: {error}", hint=_REMOVE) from error
    return _parse(text, path.name)


def _parse(text: str, name: str) -> FittedCalibration:
    try:
        content = json.loads(text)
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            raise CalibrationError(f"{name} is not a calibration file of schema {SCHEMA}.", hint=_REMOVE)
        file = _File(schema_=content.pop("schema"), **content)
    except (json.JSONDecodeError, TypeError, ValidationError) as error:
        raise CalibrationError(f"{name} is not a calibration file: {misshapen(error)}", hint=_REMOVE) from error
    return FittedCalibration(
        scorer=file.scorer,
        fitted_on=file.fitted_on,
        passage={view: _map(part, PASSAGE_FEATURES[view], name) for view, part in file.passage.items()},
        question={
            view: _map(part, (*QUESTION_FEATURES[view], *SORTED_SCORES), name) for view, part in file.question.items()
        },
        policy=file.policy,
        errors=file.errors,
        steps={view: _steps(points, name) for view, points in file.steps.items()},
    )


def _steps(points: _Steps, name: str) -> Steps:
    rising = all(a < b for a, b in pairwise(points.log_odds)) and all(a <= b for a, b in pairwise(points.p))
    whole = len(points.log_odds) == len(points.p) > 0 and rising and all(0.0 <= p <= 1.0 for p in points.p)
    if not whole:
        raise CalibrationError(f"{name} holds steps that do not rise from 0 to 1.", hint=_REMOVE)
    return Steps(points.log_odds, points.p)


def _map(part: _Map, allowed: tuple[str, ...], name: str) -> LogisticMap:
    sizes = {len(part.names), len(part.mean), len(part.scale), len(part.weights)}
    numbers = all(scale > 0.0 for scale in part.scale) and 0.0 <= part.level < 1.0
    if len(sizes) != 1 or not set(part.names) <= set(allowed) or not numbers:
        raise CalibrationError(f"{name} holds a map that does not fit its features.", hint=_REMOVE)
    return LogisticMap(**part.model_dump())


@cache
def _shipped() -> tuple[FittedCalibration, ...]:
    folder = resources.files("app").joinpath("models", "calibrations")
    if not folder.is_dir():
        return ()
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".json")), key=lambda f: f.name)
    return tuple(_parse(f.read_text(encoding="utf-8"), f.name) for f in files)


def _rounded(fitted: LogisticMap | Steps) -> dict[str, object]:
    return {
        name: [_round(v) for v in value] if isinstance(value, tuple) and name != "names" else _round(value)
        for name, value in asdict(fitted).items()
    }


def _round(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.8g}")
    return [_round(v) for v in value] if isinstance(value, tuple) else value


def _file_name(calibration: FittedCalibration) -> str:
    if calibration.scorer is None:
        return EVIDENCE_FILE
    scorer = calibration.scorer
    parts = [scorer.provider, scorer.model, scorer.revision, scorer.precision, calibration.fitted_on.library or ""]
    return re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(part for part in parts if part)).strip("-") + ".json"


def _note_here(calibration: FittedCalibration) -> str:
    on = calibration.fitted_on
    return f"calibrated here, on {on.questions:,} labelled questions ({on.date})"


def _note_general(calibration: FittedCalibration, library: LibraryInfo) -> str:
    on = calibration.fitted_on
    sets = "1 question set" if len(on.sets) == 1 else f"{len(on.sets)} question sets"
    note = f"general calibration, measured on {counted(on.questions, 'question')} of {sets} ({on.date})"
    return note if on.embedder == library.embedder_id else f"{note}, with another embedding model"
