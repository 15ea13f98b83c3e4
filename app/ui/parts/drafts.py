"""Drafted questions of a library: read each beside its passage, accept, reword or reject it, keep the good ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from app.counting import counted
from app.domain import LibraryInfo
from app.errors import SluiceError, UsageError
from app.evaluation.questions.chat_drafts import REPLY_TOKENS, Drafting, chat_drafts
from app.evaluation.questions.drafts import STATES, Draft, Drafts, DraftState
from app.evaluation.questions.kept import questions_dir, set_path
from app.evaluation.questions.model import LabelledQuestion, QuestionSet
from app.evaluation.questions.read import read_questions
from app.evaluation.questions.report import counts
from app.evaluation.questions.weak_drafts import weak_drafts
from app.evaluation.questions.write import write_questions
from app.library.contents import read_contents
from app.ui import safe, session
from app.ui.parts import failure
from app.ui.parts.verdict import note

if TYPE_CHECKING:
    from app.wiring import Sluice

MOST_ROWS = 10
_STATES: Mapping[DraftState, str] = {"drafted": "To decide", "accepted": "Accepted", "rejected": "Rejected"}
_ACTS: Mapping[DraftState, tuple[tuple[DraftState, str], ...]] = {
    "drafted": (("accepted", "Accept"), ("rejected", "Reject")),
    "accepted": (("drafted", "Put back"),),
    "rejected": (("drafted", "Put back"),),
}


def draw_drafts(sluice: Sluice, info: LibraryInfo) -> None:
    """Draw all of it for one library. For any page to embed."""
    kept = Drafts(questions_dir(sluice.settings.sluice_home))
    try:
        found = kept.read(info.name)
    except SluiceError as error:
        failure.show(error)
        return
    if told := session.take_told():
        st.html(note("through", told))
    if not found:
        st.html(
            '<p class="lead">No question is drafted for this library yet.</p><p class="muted">Drafted questions are '
            "read by you before they count. Accepted ones become a question set to evaluate and calibrate with.</p>"
        )
    with st.expander("Draft more" if found else "Draft questions", expanded=not found, key="drafts.more"):
        _generate(sluice, info, kept, len(found))
    if not found:
        return
    number = Counter(draft.state for draft in found)
    state: DraftState = st.segmented_control(
        "Which",
        list(STATES),
        default="drafted",
        required=True,
        format_func=lambda each: f"{_STATES[each]} ({number[each]})",
        key=f"drafts.state.{info.name}",
        label_visibility="collapsed",
    )
    if number["accepted"]:
        _keep(sluice, info.name, kept)
    shown = [draft for draft in found if draft.state == state]
    for draft in shown[:MOST_ROWS]:
        _draft(kept, info.name, draft)
    if len(shown) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS} of {len(shown):,}; the next come up as you decide.")
    if not shown:
        st.caption("None.")


# -- one draft -------------------------------------------------------------------------------------


def _draft(kept: Drafts, library: str, draft: Draft) -> None:
    with st.container(border=True, key=f"draft-{draft.question.id}"):
        st.html(_words(draft))
        with st.container(horizontal=True, gap="small"):
            for state, label in _ACTS[draft.state]:
                st.button(
                    label,
                    key=f"drafts.{state}.{draft.question.id}",
                    type="primary" if state == "accepted" else "secondary",
                    on_click=failure.guarded,  # it may have been removed meanwhile
                    args=(kept.decide, library, [draft.question.id], state),
                )
            with st.popover("Reword …"):
                _reword(kept, library, draft)


def _words(draft: Draft) -> str:
    """The question, what kind it is, and the passage it was drafted from, as HTML."""
    question = draft.question
    if question.answerable is False:
        kind = '<span class="badge rescued">◆ near miss</span> the library should not answer it: check that'
    elif question.origin == "chat":
        kind = f'<span class="badge held">○ by {safe.text(draft.by)}</span>'
    else:
        kind = '<span class="badge held">○ weak</span> copies the words of its passage: reword it'
    answer = f" · answer: {safe.text('; '.join(question.answers))}" if question.answers else ""
    quote = next((label.quote for label in question.relevant if label.quote and label.quote != draft.passage), None)
    return (
        f'<p><b>{safe.text(question.text)}</b></p><p class="muted">{kind}{answer}</p>'
        f'<details class="fold"><summary>Its passage</summary><div class="words">{safe.marked(draft.passage, quote)}'
        "</div></details>"
    )


def _reword(kept: Drafts, library: str, draft: Draft) -> None:
    with st.form(f"drafts.reword.{draft.question.id}", border=False):
        words = st.text_area("In the words a person would use", draft.question.text)
        pressed = st.form_submit_button("Accept in these words", type="primary")
    if pressed and not words.strip():
        st.html(note("held", "There is no question: type it, or reject the draft."))
    elif pressed:
        kept.decide(library, [draft.question.id], "accepted", edited=reworded(draft, words))
        st.rerun()


def reworded(draft: Draft, text: str) -> LabelledQuestion:
    """The question in a person's own words: no longer weak, because it no longer copies its passage."""
    words = " ".join(text.split())
    if words == draft.question.text:
        return draft.question
    return replace(draft.question, text=words, weak=False)


# -- more of them ----------------------------------------------------------------------------------


def _generate(sluice: Sluice, info: LibraryInfo, kept: Drafts, so_far: int) -> None:
    chat = sluice.pipeline.chat
    ways = ["chat", "weak"] if chat is not None else ["weak"]
    with st.form("drafts.generate", border=False):
        way: str = st.radio(
            "How",
            ways,
            format_func=lambda each: f"With {chat.name}" if each == "chat" and chat else "From headings and sentences",
            captions=[_about(each, chat.name if chat else "") for each in ways],
        )
        count = int(st.number_input("How many passages to draft from", 1, 100, 10, key="drafts.count"))
        pressed = st.form_submit_button("Draft", type="primary")
    if not pressed:
        return
    run = Drafting()
    try:
        contents = read_contents(sluice.settings.libraries_dir, info.name)
        if way == "weak" or chat is None:
            new = kept.add(info.name, weak_drafts(contents, count, seed=so_far))
        else:
            new = 0
            bar = st.progress(0.0, text=f"At most {counted(count, 'call')} …")
            for drafted in chat_drafts(contents, chat, calls=count, seed=so_far, run=run):
                new += kept.add(info.name, drafted)  # at once: a stop keeps what there is
                bar.progress(
                    min(1.0, run.calls / count), text=f"{run.calls} of {counted(count, 'call')}, {new} drafted"
                )
    except SluiceError as error:
        failure.show(error)
        return
    session.tell(_drafted(new, run))
    st.rerun()


def _about(way: str, name: str) -> str:
    if way == "weak":
        return "Free and at once. They copy the words of their passage, so reword what you accept; none is a near miss."
    return (
        f"Natural questions, and near misses that the library does not answer. One call to {name} a passage, each "
        f"reading one passage and writing at most {REPLY_TOKENS} tokens; no more calls than passages."
    )


def _drafted(new: int, run: Drafting) -> str:
    left_out = "".join(f"; left out: {times} {what}" for what, times in run.left_out.items())
    if new == 0:
        return f"Nothing new was found to ask{left_out}. Another try draws other passages."
    return f"{counted(new, 'question')} drafted{left_out}."


# -- keeping ---------------------------------------------------------------------------------------


def _keep(sluice: Sluice, library: str, kept: Drafts) -> None:
    """Accepted questions as a question set, under a name."""
    home = sluice.settings.sluice_home
    with st.form("drafts.keep", border=False):
        name = st.text_input("Keep the accepted ones as a question set called", f"{library}-drafts")
        pressed = st.form_submit_button("Keep as a question set", type="primary")
    if not pressed:
        return
    try:
        path = set_path(home, library, name.strip())
        questions = kept.question_set(library, name=name.strip())
        replaced = " It replaces the one of that name." if path.exists() else ""
        if replaced:
            _only_drafts(read_questions(path), kept.read(library))
        write_questions(questions, path)
    except SluiceError as error:
        failure.show(error)
        return
    session.tell(f"{questions.name} is kept: {counts(questions)}.{replaced} Choose it on the Evaluate page.")
    st.rerun()


def _only_drafts(there: QuestionSet, drafts: Sequence[Draft]) -> None:
    """Raises UsageError where a set holds questions that are none of these drafts: replacing it would lose them."""
    own = {question.id for question in there.questions} - {draft.question.id for draft in drafts}
    if own:
        raise UsageError(
            f"There is a question set called {there.name}, with {counted(len(own), 'question')} of its own.",
            hint="Take another name; nothing was changed.",
        )
