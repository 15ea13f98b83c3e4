"""What every page stands in: title, style, navigation, and the one place where an error becomes words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.errors import SluiceError, disk_errors
from app.theme import css_variables
from app.ui.links import Links
from app.ui.parts import failure

if TYPE_CHECKING:
    from app.wiring import Sluice

_CSS = Path(__file__).with_name("page.css")
_ICON = Path(__file__).with_name("icon.svg")  # Streamlit fetches named icons from the network
_WORDMARK = Path(__file__).with_name("wordmark.svg")


def run(open_sluice: Callable[[], Sluice], *, start: str = "chat") -> None:
    """Draw the page that was asked for, `start` where the address names none.

    `open_sluice` is called once the page's frame stands.
    """
    st.set_page_config(page_title="Sluice", page_icon=str(_ICON), layout="wide")
    st.html(f"<style>{css_variables()}{_CSS.read_text(encoding='utf-8')}{_dialogs()}</style>")
    st.logo(str(_WORDMARK), size="large")
    links = _pages(open_sluice, start)
    page = st.navigation(links.all(), position="top")
    failure.show_kept()
    try:
        with disk_errors():
            page.run()
    except SluiceError as error:
        failure.show(error)


def _dialogs() -> str:
    """Dialogs hang beside the app in the document, and so outside its colour scheme."""
    scheme = "dark" if st.context.theme.type == "dark" else "light"
    return f'[data-testid="stDialog"] {{ color-scheme: {scheme}; }}'


def _pages(open_sluice: Callable[[], Sluice], start: str) -> Links:
    from app.ui.pages import chat, compare, evaluate, handbook, library

    links = Links({})
    shown = {"chat": chat.show, "compare": compare.show, "evaluate": evaluate.show, "library": library.show}
    for name, show in shown.items():
        links.pages[name] = st.Page(
            partial(show, open_sluice, links), title=name.capitalize(), url_path=name, default=name == start
        )
    links.pages["handbook"] = st.Page(handbook.show, title="Handbook", url_path="handbook", visibility="hidden")
    return links
