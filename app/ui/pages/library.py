"""Library: what can be asked about, and adding to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

import streamlit as st

from app.ui.links import Links
from app.ui.parts import adding, documents, drafts, sidebar
from app.ui.parts.five_minutes import draw_five_minutes

if TYPE_CHECKING:
    from app.wiring import Sluice

View = Literal["documents", "drafts", "calibrate"]
_VIEWS: Mapping[View, str] = {
    "documents": "Documents",
    "drafts": "Drafted questions",
    "calibrate": "Calibrate in five minutes",
}


def show(open_sluice: Callable[[], Sluice], _links: Links) -> None:
    st.html(
        '<div class="title"><h1>Library</h1><p class="muted">The documents that questions are answered from. Adding '
        "reads a file, cuts it into passages and makes them searchable; the file itself is not changed.</p></div>"
    )
    sluice = open_sluice()
    with st.sidebar:
        info = sidebar.library(sluice)
    if info is not None and info.chunks:
        view: View = st.segmented_control(
            "View",
            list(_VIEWS),
            default="documents",
            required=True,
            format_func=_VIEWS.__getitem__,
            key="library.view",
            label_visibility="collapsed",
            persist_state="session",
        )
        if view == "drafts":
            drafts.draw_drafts(sluice, info)
            return
        if view == "calibrate":
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
