"""Deleting an evaluation: a button, what goes and what stays, and a second one to mean it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.applied_gates import applied_gates
from app.counting import counted
from app.errors import SluiceError
from app.evaluation.kept_runs import KeptRun, delete_run, is_going
from app.ui import safe, session
from app.ui.parts import failure, verdict

_TOLD = "evaluate.deleted"


def show(home: Path, run: KeptRun) -> None:
    """Draw the button; a run that is going cannot be deleted."""
    going = is_going(home, run)
    if st.button(
        "Delete …",
        disabled=going,
        key="evaluate.delete",
        help="It is going: cancel it, or wait until it has finished." if going else "Remove this evaluation for good",
    ):
        confirm(home, run)


def told() -> None:
    """Say once what was deleted."""
    if said := session.value_of(_TOLD):
        session.put(_TOLD, "")
        st.html(verdict.note("through", said))


@st.dialog("Delete this evaluation", width="medium")
def confirm(home: Path, run: KeptRun) -> None:
    """The dialog: what goes, what stays, and the button that does it."""
    library = run.manifest.library.name
    try:
        applied = any(Path(gate.run).resolve() == run.path.resolve() for gate in applied_gates(home, library))
    except SluiceError as error:
        failure.show(error)
        return
    grid = counted(len(run.manifest.configurations), "configuration")
    st.html(
        f'<div class="told"><p><b>{safe.text(run.path.name)}</b>: {counted(run.done, "question")} under {grid}, with '
        "all that was measured and the report, will be removed from the disk. It cannot be brought back, only measured "
        f'again.</p><p class="muted">The folder is {safe.text(str(run.path))}. The question set '
        f"<i>{safe.text(run.manifest.questions.name)}</i> and the library stay.</p></div>"
    )
    stays = f"The thresholds that were applied from it to {library} stay applied."
    if applied:
        st.html(verdict.note("rescued", stays))
    left, right = st.columns(2)
    if left.button("Keep it", width="stretch"):
        st.rerun()
    if right.button("Delete", type="primary", width="stretch", key="evaluate.delete.confirm"):
        try:
            delete_run(home, run)
        except SluiceError as error:
            failure.show(error)
            return
        session.put(_TOLD, f"{run.path.name} is deleted.{f' {stays}' if applied else ''}")
        st.rerun()
