"""An error as a person reads it: what happened, and what to do next."""

from __future__ import annotations

import streamlit as st

from app.errors import SluiceError
from app.ui import safe


def show(error: SluiceError) -> None:
    hint = f'<p class="hint">{safe.text(error.hint)}</p>' if error.hint else ""
    st.html(
        f'<div class="note failed" role="alert"><p><span aria-hidden="true">▲</span> <b>{safe.text(error.message)}</b>'
        f"</p>{hint}</div>"
    )
