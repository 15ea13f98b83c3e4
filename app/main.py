"""The Streamlit entry: `streamlit run app/main.py`, or `sluice serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.ui.frame import run

if TYPE_CHECKING:
    from app.wiring import Sluice


@st.cache_resource(show_spinner="Loading the models …")
def _sluice() -> Sluice:
    """One for all sessions of this process; the heavy imports are paid here, once the page's frame is drawn."""
    from app.wiring import build

    return build()


run(_sluice)
