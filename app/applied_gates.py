"""Thresholds a person chose for a library from an evaluation, over the calibration's: <home>/gates/<library>.json.

A threshold means something only on the scale it was chosen on, so each is kept with the scorer id and a digest of the
calibration it was measured with, and is used only where both are in force: another reranker, or a calibration fitted
anew, has thresholds of its own. Settings (KEEP_ABOVE, ANSWER_ABOVE) and the sliders of a page go over them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app.domain import CalibrationKind, GatePolicy, Judgement, Retrieved, Score
from app.errors import CalibrationError
from app.library.places import places
from app.ports import Calibration
from app.shapes import misshapen

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class AppliedGate:
    """Thresholds of one scorer in one library; None leaves the calibration's. `note` says in words what they were
    chosen on; `run` is the run folder, `date` the day, as YYYY-MM-DD."""

    scorer: str
    calibration: str
    answer_above: float | None
    keep_above: float | None
    raw_keep_above: float | None
    note: str
    run: str
    date: str

    def over(self, policy: GatePolicy) -> GatePolicy:
        """The policy with these thresholds. What was measured for others is no longer said."""
        kept = self.keep_above is None or self.keep_above == policy.keep_above
        return replace(
            policy,
            answer_above=policy.answer_above if self.answer_above is None else self.answer_above,
            keep_above=policy.keep_above if self.keep_above is None else self.keep_above,
            raw_keep_above=policy.raw_keep_above if self.raw_keep_above is None else self.raw_keep_above,
            keeps_relevant=policy.keeps_relevant if kept else None,
            answer_note=self.note,
        )


@dataclass(frozen=True, slots=True, repr=False)
class Regated:
    """A calibration with thresholds that a person applied. A `Calibration`; it reads as the one it stands on, so that
    a digest of it is of the maps, and a run's policy is beside."""

    inner: Calibration
    gate: AppliedGate

    def __repr__(self) -> str:
        return repr(self.inner)

    @property
    def kind(self) -> CalibrationKind:
        return self.inner.kind

    @property
    def note(self) -> str:
        return self.inner.note

    @property
    def policy(self) -> GatePolicy:
        return self.gate.over(self.inner.policy)

    def judge(self, retrieved: Retrieved, scores: Sequence[Score]) -> Judgement:
        return self.inner.judge(retrieved, scores)

    def evidence(self, retrieved: Retrieved) -> Judgement:
        return self.inner.evidence(retrieved)


def digest_of(calibration: Calibration) -> str:
    """16 hex digits over the maps and what they were fitted on: as the manifest of a run has it."""
    return hashlib.sha256(repr(calibration).encode("utf-8")).hexdigest()[:16]


def with_applied(calibration: Calibration, scorer: str, *, home: Path, library: str) -> Calibration:
    """The calibration with the thresholds applied to this library, where they were measured with it. Passages without a
    library (`library` is "": LangChain documents, the playground) have none.

    Raises CalibrationError when the file cannot be read.
    """
    if not library:
        return calibration
    gate = applied_gate(home, library, scorer)
    if gate is None or gate.calibration != digest_of(calibration):
        return calibration
    return Regated(calibration, gate)


def applied_gate(home: Path, library: str, scorer: str) -> AppliedGate | None:
    """What was applied for a scorer id in a library, in use or not. Raises CalibrationError."""
    return next((gate for gate in _read(gates_file(home, library)) if gate.scorer == scorer), None)


def applied_gates(home: Path, library: str) -> tuple[AppliedGate, ...]:
    """Everything that was applied to a library, in use or not. Raises CalibrationError."""
    return tuple(_read(gates_file(home, library)))


def apply_gate(home: Path, library: str, gate: AppliedGate) -> Path:
    """Keep the thresholds, in place of any applied earlier for the same scorer. Raises CalibrationError."""
    path = gates_file(home, library)
    _write(path, [*(g for g in _read(path) if g.scorer != gate.scorer), gate])
    return path


def withdraw_gate(home: Path, library: str, scorer: str) -> None:
    """Go back to the calibration's thresholds. Raises CalibrationError."""
    path = gates_file(home, library)
    _write(path, [g for g in _read(path) if g.scorer != scorer])


def gates_file(home: Path, library: str) -> Path:
    """Raises UsageError for a name that no library can have."""
    places(home, library)
    return home / "gates" / f"{library}.json"


def _read(path: Path) -> list[AppliedGate]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise ValueError(f"it is not of schema {SCHEMA}")
        return _GATES.validate_python(content["gates"])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise CalibrationError(
            f"{path} cannot be read: {misshapen(error)}", hint="Remove it to go back to the calibration's thresholds."
        ) from error


def _write(path: Path, gates: Sequence[AppliedGate]) -> None:
    if not gates:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    content = {"schema": SCHEMA, "gates": [asdict(gate) for gate in gates]}
    partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(path)


_GATES: TypeAdapter[list[AppliedGate]] = TypeAdapter(list[AppliedGate])
