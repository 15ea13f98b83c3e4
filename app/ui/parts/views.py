"""The head of a page that has several views: its title, what the view is for, and the switch between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

V = TypeVar("V", bound=str)


def title(place: DeltaGenerator, page: str, about: str) -> None:
    """The page's name and one line about the view that is shown (HTML of our own)."""
    place.html(f'<div class="title"><h1>{page}</h1><p class="muted">{about}</p></div>')


def switch(label: str, views: Mapping[V, str], key: str) -> V:
    """The view that was chosen, the first until one is; it stays chosen while the session lasts. `label` is for
    screen readers; `views` maps each view to its name on the page."""
    chosen: V = st.segmented_control(
        label,
        list(views),
        default=next(iter(views)),
        required=True,
        format_func=views.__getitem__,
        key=key,
        label_visibility="collapsed",
        persist_state="session",
    )
    return chosen
