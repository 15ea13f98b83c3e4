"""One passage after another: yes, no or skip. Neither p nor rank is shown, so that they sway nobody."""

from __future__ import annotations

import streamlit as st

from app.domain import ScorerId
from app.evaluation.five_minutes.answered import AnsweredRounds, Reply, judged
from app.evaluation.five_minutes.effect import why_not
from app.evaluation.five_minutes.rounds import Round, ShownPassage
from app.ui import safe, session
from app.ui.parts import failure

SEE = "five.see"  # the effect is looked at before all answers are there
_BUTTONS: tuple[tuple[Reply, str, str], ...] = (("yes", "Yes", "Y"), ("no", "No", "N"), ("skip", "Skip", "S"))


def show(kept: AnsweredRounds, drawn: Round, scorer: ScorerId, replies: dict[int, Reply]) -> None:
    """Draw the next passage without an answer, and the buttons, which have keys of their own (Y, N, S, B)
    and look alike, so that none invites."""
    place = next(i for i in range(len(drawn.asked)) if i not in replies)
    pair = drawn.pairs[drawn.asked[place].pair]
    done = len(replies)
    st.progress(done / len(drawn.asked), text=f"{done + 1} of {len(drawn.asked)}")
    st.html(
        f'<div class="asked"><p><span class="who">Question</span>{safe.text(drawn.questions[pair.question].text)}</p>'
        f'</div><p style="height: 0.6rem"></p>{passage(drawn.passages[pair.chunk_id])}'
        '<p style="padding-top: 0.6rem"><b>Does this passage answer the question, or a part of it?</b> '
        '<span class="muted">Sharing the subject is not enough.</span></p>'
    )
    with st.container(horizontal=True, gap="small", key="five.answer"):
        for reply, label, key in _BUTTONS:
            st.button(
                label,
                key=f"five.{reply}",
                shortcut=key,
                on_click=failure.guarded,
                args=(kept.answer, drawn, scorer, place, reply),
            )
        st.button(
            "Back",
            key="five.back",
            shortcut="B",
            type="tertiary",
            disabled=not replies,
            on_click=failure.guarded,
            args=(kept.answer, drawn, scorer, max(replies, default=0), None),
        )
    missing = why_not(judged(replies))
    if not missing:
        st.button("See what these answers would change", key="five.look", on_click=session.put, args=(SEE, True))
    st.caption("Every answer is kept at once: stop whenever you like, and go on later.")


def passage(shown: ShownPassage) -> str:
    """The passage with where it stands, as HTML; its text is text."""
    place = " › ".join(shown.section) + (f", page {shown.page}" if shown.page is not None else "")
    return (
        f'<div class="passage"><div class="inside"><p><b>{safe.text(shown.title)}</b> '
        f'<span class="place">{safe.text(place)}</span></p><div class="words">{safe.text(shown.text)}</div></div></div>'
    )
