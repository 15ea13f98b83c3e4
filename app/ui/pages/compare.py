"""Compare: one question, two ways of choosing its passages, open or blind; and a playground for one's own passages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

import streamlit as st

from app.ui import session
from app.ui.links import Links
from app.ui.parts import blind, playground, sidebar, sides, verdict, versus, views, welcome

if TYPE_CHECKING:
    from app.wiring import Sluice

Way = Literal["open", "blind", "playground"]
_WAYS: Mapping[Way, str] = {"open": "Side by side", "blind": "Blind", "playground": "Playground"}
_ABOUT: Mapping[Way, str] = {
    "open": "The same question, its passages chosen in two ways, with as many on each side.",
    "blind": "Two answers in random order, unnamed. Vote first; then you see which is which.",
    "playground": "A question and passages of your own, ranked by every reranker there is. No library is needed.",
}
_NAMES: Mapping[Way, tuple[str, str]] = {"open": ("Left side", "Right side"), "blind": ("One side", "Other side")}


def show(open_sluice: Callable[[], Sluice], links: Links) -> None:
    handed = session.take_handed("q")
    if handed is not None:
        session.put("compare.way", "open")
        session.put("compare.question", handed)
    title = st.empty()
    way = views.switch("Way of comparing", _WAYS, "compare.way")
    views.title(title, "Compare", _ABOUT[way])
    if way == "playground":
        playground.show(open_sluice())
    else:
        _sides(open_sluice, links, handed, blindly=way == "blind")


def _sides(open_sluice: Callable[[], Sluice], links: Links, handed: str | None, *, blindly: bool) -> None:
    names = _NAMES["blind" if blindly else "open"]
    form = st.form("compare", border=False)
    with form:
        question = st.text_input(
            "Question", key="compare.question", placeholder="Ask about your documents", persist_state="session"
        )
        left_arm, right_arm, pressed = sides.arms(names)
    body = st.container()
    sluice = open_sluice()
    with st.sidebar:
        info = sidebar.library(sluice)
        options = None if info is None else sidebar.show(sluice, info, disabled=False)
    with form:
        left, right = sides.configure(left_arm, right_arm, names, sluice.rerankers())
    with body:
        if info is None or options is None or info.chunks == 0:
            welcome.empty(links)
            return
        if (pressed or handed) and (question or "").strip():
            if left.over(options) == right.over(options):
                st.html(verdict.note("rescued", "Choose two different sides."))
                return
            found = versus.run(sluice, (question or "").strip(), options, left, right, blind=blindly)
            if found is None:
                return
            if blindly:
                session.keep_ballot(blind.shuffled(found))
            else:
                session.keep_pair(found)
            st.rerun()
        if pressed and not (question or "").strip():
            st.html(verdict.note("held", "There is no question: type the one to compare on."))
        ballot = session.ballot() if blindly else None
        pair = session.pair() if not blindly else None if ballot is None else ballot.pair
        if pair is None:
            return
        if pair.options != options:
            st.html(verdict.note("held", "This was compared with other settings than those beside it now."))
        if ballot is not None:
            blind.show(ballot, sluice)
        else:
            versus.show(pair)
