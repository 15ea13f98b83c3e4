"""One handbook page: where every "?" leads. It is the project's own text, so Markdown is safe here."""

from __future__ import annotations

import re

import streamlit as st

from app.ui.handbook import read

_NAME = re.compile(r"[a-z0-9-]{1,60}")


def show() -> None:
    name = str(st.query_params.get("page", "how-sluice-answers"))
    page = read(name) if _NAME.fullmatch(name) else None
    with st.container(key="handbook"):
        if page is None:
            st.html('<p class="lead">The handbook has no such page.</p>')
            return
        st.markdown(page)
