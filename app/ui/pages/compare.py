"""Compare: one question, two ways of choosing its passages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from app.compare import Arm
from app.ui import session
from app.ui.links import Links
from app.ui.parts import sidebar, verdict, versus, welcome

if TYPE_CHECKING:
    from app.wiring import Sluice


def show(open_sluice: Callable[[], Sluice], links: Links) -> None:
    st.html(
        '<div class="title"><h1>Compare</h1><p class="muted">The same question and the same candidates, chosen from in '
        "two ways, with as many passages on each side.</p></div>"
    )
    handed = session.take_handed("q")
    question, left, right, pressed = _form(handed)
    body = st.container()
    sluice = open_sluice()
    with st.sidebar:
        info = sidebar.library(sluice)
        options = None if info is None else sidebar.show(sluice, info, disabled=False)
    with body:
        if info is None or options is None or info.chunks == 0:
            welcome.empty(links)
            return
        if (pressed or handed) and question.strip():
            if left == right:
                st.html(verdict.note("rescued", "Choose two different sides."))
                return
            found = versus.run(sluice, question.strip(), options, left, right)
            if found is None:
                return
            session.keep_pair(found)
            st.rerun()
        pair = session.pair()
        if pair is not None:
            if pair.options != options:
                st.html(verdict.note("held", "This was compared with other settings than those beside it now."))
            versus.show(pair)


def _form(handed: str | None) -> tuple[str, Arm, Arm, bool]:
    arms = list(versus.ARMS)
    pair = session.pair()
    start = handed or (pair.question if pair is not None else "")
    with st.form("compare", border=False):
        question = st.text_input("Question", start, placeholder="Ask about your documents")
        first, second, third = st.columns([2, 2, 1], vertical_alignment="bottom")
        left = first.selectbox("Left side", arms, index=0, format_func=versus.ARMS.__getitem__, key="arm.left")
        right = second.selectbox("Right side", arms, index=1, format_func=versus.ARMS.__getitem__, key="arm.right")
        pressed = third.form_submit_button("Compare", type="primary", width="stretch")
    return question, left, right, pressed
