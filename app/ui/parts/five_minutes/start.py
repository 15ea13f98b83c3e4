"""What stands now, and picking the passages to ask about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.calibration.fitted import FittedCalibration
from app.calibration.score_only import score_only
from app.counting import counted
from app.domain import LibraryInfo, ScorerProfile
from app.errors import SluiceError
from app.evaluation.five_minutes.answered import AnsweredRounds
from app.evaluation.five_minutes.effect import LEAST_ANSWERS, LEAST_EACH
from app.evaluation.five_minutes.here import applied, base_calibration, fingerprint, take_back
from app.evaluation.five_minutes.own_questions import own_questions, typed_questions
from app.evaluation.five_minutes.rounds import Round, new_round
from app.library.contents import read_contents
from app.ui import safe, session
from app.ui.parts import failure, sidebar
from app.ui.parts.five_minutes import asking, outcome
from app.ui.parts.verdict import note

if TYPE_CHECKING:
    from app.wiring import Sluice


def draw_five_minutes(sluice: Sluice, info: LibraryInfo) -> None:
    """Draw all of it, for the reranker of the settings in this library. For any page to embed."""
    name = sluice.options(library=info.name).reranker
    own = sluice.settings.calibrations_dir
    try:
        judge = sluice.open_judge(name, info)
        profile = judge.scorer.profile
        base = base_calibration(profile, info, own)
        found = AnsweredRounds(sluice.settings.sluice_home).read(info.name, profile.id)
        in_use = applied(profile, info, own)
    except SluiceError as error:
        failure.show(error)
        return
    if told := session.take_told():
        st.html(note("through", told))
    if base is None:
        st.html(_nothing_to_correct(sidebar.short(profile.label)))
        return
    if in_use is not None:
        _in_use(sluice, info, profile, in_use)
    if found is None:
        _start(sluice, info, profile, base)
        return
    drawn, replies = found
    if drawn.base != fingerprint(base, fused=sluice.settings.fused_map):
        st.html(note("rescued", "The calibration was changed since these passages were picked: pick others."))
        _start(sluice, info, profile, base)
        return
    if drawn.generation != info.generation:
        st.html(note("held", "Documents were added or removed since these passages were picked."))
    kept = AnsweredRounds(sluice.settings.sluice_home)
    if len(replies) < len(drawn.asked) and not session.value_of(asking.SEE):
        asking.show(kept, drawn, profile.id, replies)
    else:
        outcome.show(sluice, info, profile, base, drawn, replies)
    with st.expander("Start over with other passages", key="five.again"):
        st.caption("Your answers so far stay on this machine, and are no longer used.")
        _start(sluice, info, profile, base)


def _nothing_to_correct(label: str) -> str:
    return (
        f'<p class="lead">{safe.text(label)} has no calibration to correct.</p><p class="muted">Thirty answers can '
        "correct a calibration, not make one. Fit one from a question set first: "
        "<code>sluice calibrate QUESTIONS</code></p>"
    )


def _in_use(sluice: Sluice, info: LibraryInfo, profile: ScorerProfile, in_use: FittedCalibration) -> None:
    on = in_use.fitted_on
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        said = f"Calibrated here: {counted(on.passages, 'answer')} of {on.date} are in use for {info.name}."
        st.html(note("through", said), width="stretch")
        if st.button("Undo", key="five.undo", help="Removes the correction; your answers stay."):
            take_back(profile, info, sluice.settings.calibrations_dir)
            session.tell("Undone: p and the gate are what they were before.")
            st.rerun()


def _start(sluice: Sluice, info: LibraryInfo, profile: ScorerProfile, base: FittedCalibration) -> None:
    st.html(
        '<p class="lead">Thirty passages, a yes or no to each, and the gate fits this library better.</p>'
        '<p class="muted">Questions are taken from your votes, question sets and accepted drafts, and where there are '
        "few, drafted from your documents. Nothing changes before you have seen the effect. At least "
        f"{LEAST_ANSWERS} answers, {LEAST_EACH} of each kind, are needed; thirty are better.</p>"
    )
    with st.form("five.start", border=False):
        typed = st.text_area(
            "Questions of your own, one a line (optional)",
            placeholder="What people really ask, in their words",
            key=f"five.typed.{session.round_of('five')}",
        )
        pressed = st.form_submit_button("Pick thirty passages", type="primary")
    if not pressed:
        return
    bar = st.progress(0.0, text="Looking for questions …")
    try:
        kept = AnsweredRounds(sluice.settings.sluice_home)
        drawn = _pick(sluice, info, base, typed, bar, seed=kept.count(info.name, profile.id))
        if drawn is None:
            bar.empty()
            st.html(note("held", "No question could be found or drafted for this library: type a few."))
            return
        kept.start(drawn, profile.id)
    except SluiceError as error:
        bar.empty()
        failure.show(error)
        return
    session.clear_form("five")
    session.put(asking.SEE, False)
    st.rerun()


def _pick(
    sluice: Sluice, info: LibraryInfo, base: FittedCalibration, typed: str, bar: outcome.Bar, *, seed: int
) -> Round | None:
    """Questions, candidates, and the draw, with progress; None without questions."""
    settings = sluice.settings
    contents = read_contents(settings.libraries_dir, info.name)
    sources = own_questions(settings.sluice_home, info.name, contents, typed_questions(typed), seed=seed)
    if not sources.questions:
        return None
    fused = settings.fused_map
    steps = new_round(
        sluice.pipeline,
        sluice.options(library=info.name),
        info,
        base if fused else score_only(base),
        sources.questions,
        fingerprint=fingerprint(base, fused=fused),
        sources=sources.counts,
        seed=seed,
    )
    for step in steps:
        bar.progress(step.done / step.questions, text=f"{step.done} of {counted(step.questions, 'question')} searched")
        if step.round is not None:
            return step.round
    return None
