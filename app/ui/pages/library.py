"""Library: what can be asked about, and adding to it; questions drafted from it; and fitting the gate to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

import streamlit as st

from app.ui import session
from app.ui.links import Links
from app.ui.parts import adding, documents, drafts, sidebar, views

if TYPE_CHECKING:
    from app.wiring import Sluice

View = Literal["documents", "drafts", "calibrate"]
_VIEWS: Mapping[View, str] = {
    "documents": "Documents",
    "drafts": "Drafted questions",
    "calibrate": "Calibrate",
}
_ABOUT: Mapping[View, str] = {
    "documents": "The documents that questions are answered from. Adding reads a file, cuts it into passages and makes "
    "them searchable; the file itself is not changed.",
    "drafts": "Questions drafted from your own documents, for you to accept, reword or reject.",
    "calibrate": "Calibrate in five minutes: your answers about thirty passages fit p and the gate to this library.",
}


def show(open_sluice: Callable[[], Sluice], _links: Links) -> None:
    title = st.empty()
    views.title(title, "Library", _ABOUT["documents"])
    sluice = open_sluice()
    with st.sidebar:
        info = sidebar.library(sluice)
    if info is not None and info.chunks:
        view = _view()
        views.title(title, "Library", _ABOUT[view])
        if view == "drafts":
            drafts.draw_drafts(sluice, info)
            return
        if view == "calibrate":
            from app.ui.parts.five_minutes import draw_five_minutes  # heavy; only when it is looked at

            draw_five_minutes(sluice, info)
            return
    if info is None:
        st.html('<p class="lead">There is no library yet. Load the handbook to try Sluice, or add your own below.</p>')
        if st.button("Load the handbook", type="primary"):
            adding.load_handbook()
    with st.expander("Add documents", expanded=info is None or info.chunks == 0, key="adding"):
        adding.show(sluice, [each.name for each in sluice.libraries()])
    if info is not None:
        documents.show(sluice, info)


def _view() -> View:
    """What is looked at; another page can hand it over in the address (?view=drafts)."""
    handed = session.take_handed("view")
    if handed in _VIEWS:
        session.put("library.view", handed)
    return views.switch("View", _VIEWS, "library.view")
