"""Thresholds of the sliders become those of the library, with one click; what changed is said, and can be undone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.applied_gates import (
    AppliedGate,
    Regated,
    applied_gate,
    applied_gates,
    apply_gate,
    digest_of,
    gates_file,
    withdraw_gate,
)
from app.domain import GatePolicy, LibraryInfo
from app.errors import SluiceError
from app.evaluation.figures import share
from app.evaluation.gate_board import GateBoard
from app.evaluation.kept_runs import KeptRun
from app.evaluation.report import ConfigurationReport
from app.evaluation.run_folder import MANIFEST
from app.ports import Calibration
from app.ui import safe, session
from app.ui.parts import failure, sidebar

if TYPE_CHECKING:
    from app.wiring import Sluice

_TOLD = "evaluate.applied"
_UNDO = "Undo: back to the calibration's thresholds"
_GONE = "The evaluation they were chosen on, {}, was deleted; they stay."
_NAMES = {"keep_above": "passages from p", "raw_keep_above": "passages from raw score", "answer_above": "answers from"}


def show(
    sluice: Sluice,
    info: LibraryInfo,
    run: KeptRun,
    c: ConfigurationReport,
    board: GateBoard,
    keep: float,
    above: float,
) -> None:
    """Draw the button, what was applied before, and why it cannot be applied where it cannot."""
    home, scorer = sluice.settings.sluice_home, c.note.scorer
    if scorer is None:
        return
    _told()
    try:
        calibration = sluice.open_judge(c.note.reranker, info).calibration
        applied = applied_gate(home, info.name, scorer)
    except SluiceError as error:
        failure.show(error)
        return
    base = calibration.inner if isinstance(calibration, Regated) else calibration
    if applied is not None:
        _applied(home, info, applied, base, label=sidebar.short(c.note.label))
    if digest_of(base) != c.note.calibration_digest:
        st.caption(
            "These thresholds cannot be applied: the reranker has another calibration now than in this run. "
            "Evaluate again."
        )
        return
    wanted = AppliedGate(
        scorer=scorer,
        calibration=digest_of(base),
        answer_above=_unless(above, board.above, base.policy.answer_above),
        keep_above=None if board.raw else _unless(keep, board.keep, base.policy.keep_above),
        raw_keep_above=_unless(keep, board.keep, base.policy.raw_keep_above) if board.raw else None,
        note=_note(board, keep, above, run),
        run=str(run.path),
        date=datetime.now(tz=UTC).date().isoformat(),
    )
    changes = changed(calibration.policy, wanted.over(base.policy))
    if st.button(
        f"Use these thresholds for {info.name}",
        type="primary",
        disabled=not changes,
        key="evaluate.apply",
        help="Chat, Compare and the command line then decide by them, with this reranker in this library.",
    ):
        if changed(base.policy, wanted.over(base.policy)):
            apply_gate(home, info.name, wanted)
        else:
            withdraw_gate(home, info.name, scorer)
        session.put(_TOLD, f"Changed for {info.name}, with {sidebar.short(c.note.label)}: {'; '.join(changes)}.")
        st.rerun()
    if not changes:
        st.caption("These are the thresholds in force; move a slider to try others.")
    _set_elsewhere(sluice)


def left_over(home: Path, info: LibraryInfo, shown: Collection[str]) -> None:
    """Draw what stays applied although its evaluation was deleted, but for the scorer ids whose gate is shown."""
    try:
        found = [gate for gate in applied_gates(home, info.name) if gate.scorer not in shown and _run_is_gone(gate)]
    except SluiceError as error:
        failure.show(error)
        return
    if not shown:
        _told()
    for gate in found:
        set_to = "; ".join(
            f"{name} {_said(value)}" for field, name in _NAMES.items() if (value := getattr(gate, field)) is not None
        )
        st.html(
            f'<div class="note rescued"><p><span aria-hidden="true">◆</span> Applied to {safe.text(info.name)} since '
            f"{safe.text(gate.date)}: {safe.text(set_to)}. {_GONE.format(safe.text(Path(gate.run).name))}</p>"
            f'<p class="hint">They are used with {safe.text(gate.scorer)}, as long as its calibration is the same. '
            f"{safe.text(gate.note[:1].upper() + gate.note[1:])}.</p></div>"
        )
        if st.button(_UNDO, key=f"evaluate.undo.{gate.scorer}"):
            withdraw_gate(home, info.name, gate.scorer)
            session.put(_TOLD, f"Undone for {info.name}: the calibration's thresholds are back.")
            st.rerun()


def changed(before: GatePolicy, after: GatePolicy) -> list[str]:
    """What differs between two policies, in words: `passages from p 0.04, now 0.12`."""
    return [
        f"{name} {_said(getattr(before, field))}, now {_said(getattr(after, field))}"
        for field, name in _NAMES.items()
        if getattr(before, field) != getattr(after, field)
    ]


def _applied(home: Path, info: LibraryInfo, applied: AppliedGate, base: Calibration, *, label: str) -> None:
    """What is in force since when, and the way back."""
    in_use = applied.calibration == digest_of(base)
    changes = "; ".join(changed(base.policy, applied.over(base.policy)))
    state = (
        f"In force since {applied.date}: {changes}."
        if in_use
        else f"Applied on {applied.date}, and not in use: the calibration was changed since."
    )
    if _run_is_gone(applied):
        state += f" {_GONE.format(Path(applied.run).name)}"
    st.html(
        f'<div class="note rescued"><p><span aria-hidden="true">◆</span> {safe.text(state)}</p>'
        f'<p class="hint">Kept in {safe.text(str(gates_file(home, info.name)))}. To undo it press the button below, or '
        "remove that file.</p></div>"
    )
    if st.button(_UNDO, key="evaluate.undo"):
        withdraw_gate(home, info.name, applied.scorer)
        session.put(_TOLD, f"Undone for {info.name}, with {label}: the calibration's thresholds are back.")
        st.rerun()


def _told() -> None:
    if told := session.value_of(_TOLD):
        session.put(_TOLD, "")
        st.html(f'<p class="note through" role="status"><span aria-hidden="true">●</span> {safe.text(told)}</p>')


def _run_is_gone(gate: AppliedGate) -> bool:
    return not (Path(gate.run) / MANIFEST).is_file()


def _set_elsewhere(sluice: Sluice) -> None:
    """A setting goes over what is applied, so it must be said."""
    chosen = sluice.options().gate
    fixed = [name for name in ("answer_above", "keep_above", "raw_keep_above") if getattr(chosen, name) is not None]
    if fixed:
        named = " and ".join(name.upper() for name in fixed)
        st.caption(f"{named} in your settings goes over what is applied here: remove it from .env to use this.")


def _unless(value: float, start: float, base: float | None) -> float | None:
    """None where the calibration's own value is meant: it stands there, or the slider stands for "none" unmoved."""
    return None if value == base or (base is None and value == start) else value


def _note(board: GateBoard, keep: float, above: float, run: KeptRun) -> str:
    found = board.numbers(keep, above).refusals
    parts = [f"thresholds chosen on {len(board.records):,} questions of {run.manifest.questions.name}"]
    if found.wrong_refusals is not None:
        parts.append(f"refused wrongly {share(found.wrong_refusals)}")
    if found.wrong_answers is not None:
        parts.append(f"answered wrongly {share(found.wrong_answers)}")
    return "; ".join(parts)


def _said(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
