"""Chat: ask, read, check."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from app.ui import session
from app.ui.links import Links
from app.ui.parts import exchange, sidebar, welcome

if TYPE_CHECKING:
    from app.wiring import Sluice


def show(open_sluice: Callable[[], Sluice], links: Links) -> None:
    body = st.container(key="chat")
    # in a container of its own: pinned by Streamlit it would drag the page to its end whenever a passage opens
    with st.container(key="ask"):
        typed = st.chat_input("Ask about your documents", submit_mode="stop", key="question")
    sluice = open_sluice()
    question = typed or session.take_suggested()
    with st.sidebar:
        waiting = question is not None or any(e.state == "waiting" for e in session.conversation())
        info = sidebar.library(sluice, disabled=waiting)
        options = None if info is None else sidebar.show(sluice, info, disabled=waiting)
        if session.conversation() and st.button("Start over", type="tertiary", disabled=waiting):
            session.start_over()
            st.rerun()
    with body:
        if info is None or options is None or info.chunks == 0:
            welcome.empty(links)
            return
        if question is not None and question.strip():
            session.ask(question.strip(), options)
        exchanges = session.conversation()
        if not exchanges:
            welcome.show(info, sluice.samples(info.name))
        for each in exchanges:
            exchange.show(each, sluice, options, links, last=each is exchanges[-1])
