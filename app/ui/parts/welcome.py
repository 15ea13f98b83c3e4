"""The page before the first question: what there is to ask, or how to begin with an empty library."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.counting import counted
from app.domain import LibraryInfo
from app.samples import SampleQuestion
from app.ui import safe, session
from app.ui.links import Links
from app.ui.parts import adding

_SHOWS = {
    "promotion": "a passage moves up",
    "rescue": "passages are rescued from a stricter gate",
    "refusal": "the gate refuses",
    "hurt": "reranking hurts",
}


def show(info: LibraryInfo, samples: Sequence[SampleQuestion]) -> None:
    """A greeting, and sample questions as buttons that say what each shows."""
    st.html(
        '<div class="hello"><h1>Ask your documents</h1><p class="lead">Search brings in candidates, a reranker reads '
        "each beside your question, and only passages that clear the gate reach the answer. You see every decision."
        f'</p><p class="muted"><i>{safe.text(info.name)}</i> holds {counted(info.documents, "document")} in '
        f"{counted(info.chunks, 'passage')}.</p></div>"
    )
    if samples:
        st.html('<p class="label">For example</p>')
        with st.container(key="samples", gap="small"):
            for number, sample in enumerate(samples):
                if st.button(sample.text, key=f"sample.{number}"):
                    session.suggest(sample.text, sample.keep_above)
                    st.rerun()
                st.html(f'<p class="shows">{safe.text(_SHOWS.get(sample.shows, sample.shows))}</p>')


def empty(links: Links) -> None:
    """Nothing to ask yet: one sentence and two buttons."""
    st.html(
        '<div class="hello"><h1>Ask your documents</h1><p class="lead">There is nothing to ask yet: load the handbook '
        "to try Sluice, or add documents of your own.</p></div>"
    )
    with st.container(horizontal=True, gap="small"):
        load = st.button("Load the handbook", type="primary")
        add = st.button("Add documents")
    if load:
        adding.load_handbook()
    if add:
        links.go("library")
