"""What the setting RERANKER=auto stands for on this machine, and why.

It stands for what ships, unless a known cross-encoder is on this machine, whole, with a calibration of its own scorer
id (a threshold without one would be made up) whose measured errors are better than those of what ships, on the same
questions. "Better": the passage at rank 1 is relevant more often in the mean of the sets, and on no set less often by
more than `HARM`: a default must do no harm. Nothing is loaded, hashed or downloaded for it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.calibration.fitted import FittedCalibration
from app.calibration.store import load_calibration
from app.errors import ModelError, ModelMissing
from app.providers.local_models import is_whole, locate
from app.providers.reranking.known import KNOWN
from app.providers.reranking.registry import DEFAULT, label_of
from app.settings import Settings

SHIPPED = Path(__file__).resolve().parent / "models" / "calibrations"
HARM = 0.02  # of rank-1 precision on one set; sets hold a few hundred questions, so that less is within chance
_PROVIDER = "cross-encoder"
_MEASURE = "rank_1_precision"


@dataclass(frozen=True, slots=True)
class Automatic:
    """A setting name, and in words why it is what `auto` stands for."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Rival:
    """A known model on this machine: its measured mean where it is better than what ships, else why it is not used.

    `fix` is what to type, empty where there is nothing to do.
    """

    model: str
    better: float | None
    why: str
    fix: str = ""

    @property
    def name(self) -> str:
        """Its setting name."""
        return f"{_PROVIDER}:{self.model}"


def automatic(settings: Settings) -> Automatic:
    """The scorer `auto` stands for. Quick where no known model is calibrated: then the models are not looked for.

    Raises CalibrationError when a calibration file cannot be read.
    """
    calibrations = _calibrations(settings)
    measured = {c.scorer.model for c in calibrations if c.scorer is not None and c.scorer.provider == _PROVIDER}
    rivals = _rivals([model for model in KNOWN if model in measured], calibrations, settings)
    better = [(rival.better, rival) for rival in rivals if rival.better is not None]
    if not better:
        return Automatic(DEFAULT, f"auto stands for {label_of(DEFAULT)}, which ships with Sluice")
    best = max(better, key=lambda pair: pair[0])[1]
    return Automatic(best.name, f"auto stands for {best.model}: {best.why}")


def rivals(settings: Settings) -> list[Rival]:
    """Every known model on this machine, and what speaks against it. Raises as `automatic`."""
    return _rivals(KNOWN, _calibrations(settings), settings)


def _rivals(models: Sequence[str], calibrations: Sequence[FittedCalibration], settings: Settings) -> list[Rival]:
    found = []
    for model in models:
        try:
            folder = locate(model)
        except ModelMissing:
            continue
        found.append(_looked_at(model, folder, calibrations, settings))
    return found


def _looked_at(model: str, folder: Path, calibrations: Sequence[FittedCalibration], settings: Settings) -> Rival:
    from app.providers.reranking.cross_encoder import cross_encoder_id  # loads onnxruntime

    if not is_whole(folder):
        return Rival(model, None, "its files are not all here", f"sluice models pull {model}")
    try:
        identity = cross_encoder_id(model, settings.models_dir)
    except ModelError as error:
        return Rival(model, None, error.message, error.hint)
    own = [c for c in calibrations if c.scorer == identity]
    if not own:
        out = shlex.quote(str(settings.calibrations_dir))
        command = f"python -m app.tuning.calibrate_shipped --data FOLDER --scorer {_PROVIDER}:{model} --out {out}"
        return Rival(model, None, "it has no calibration of its own", command)
    said = ""
    for calibration in own:
        shipped = next((c for c in calibrations if _is_default(c) and _same_questions(c, calibration)), None)
        if shipped is None:
            said = said or f"it was not measured on the same questions as {label_of(DEFAULT)}"
            continue
        better, said = _compared(calibration, shipped)
        if better is not None:
            return Rival(model, better, said)
    return Rival(model, None, said)


def _compared(rival: FittedCalibration, shipped: FittedCalibration) -> tuple[float | None, str]:
    """Its mean where it is better, and the comparison in words."""
    mean, floor = _precision(rival.errors.get("mean")), _precision(shipped.errors.get("mean"))
    if mean is None or floor is None:
        return None, "its calibration says nothing about rank 1"
    said = f"its first passage is relevant for {100 * mean:.1f} of 100 questions, {100 * floor:.1f} with what ships"
    if mean <= floor:
        return None, said
    own, other = _by_set(rival), _by_set(shipped)
    harmed = [name for name in other if own[name] < other[name] - HARM]
    if harmed:
        name = min(harmed, key=lambda n: own[n] - other[n])
        return None, f"{said}, but on {name} {100 * own[name]:.1f} against {100 * other[name]:.1f}"
    return mean, said


def _same_questions(one: FittedCalibration, other: FittedCalibration) -> bool:
    a, b = one.fitted_on, other.fitted_on
    same = (a.sets, a.questions, a.embedder, a.chunking) == (b.sets, b.questions, b.embedder, b.chunking)
    return same and _by_set(one).keys() == _by_set(other).keys()


def _by_set(calibration: FittedCalibration) -> dict[str, float]:
    """Rank-1 precision by set, of those it was fitted on (each measured by maps fitted on the others) and not."""
    found: dict[str, float] = {}
    for part in ("sets", "not_fitted_on"):
        sets = calibration.errors.get(part)
        for name, errors in sets.items() if isinstance(sets, Mapping) else ():
            value = _precision(errors)
            if value is not None:
                found[f"{name}"] = value
    return found


def _precision(errors: object) -> float | None:
    value = errors.get(_MEASURE) if isinstance(errors, Mapping) else None
    return float(value) if isinstance(value, int | float) else None


def _is_default(calibration: FittedCalibration) -> bool:
    return calibration.scorer is not None and calibration.scorer.provider == DEFAULT


def _calibrations(settings: Settings) -> list[FittedCalibration]:
    """All that were fitted for general use, one's own before those that ship."""
    files = [*sorted(settings.calibrations_dir.glob("*.json")), *sorted(SHIPPED.glob("*.json"))]
    return [c for c in map(load_calibration, files) if c.fitted_on.library is None]
