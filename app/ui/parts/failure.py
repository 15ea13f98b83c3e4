"""An error as a person reads it: what happened, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

from app.errors import SluiceError, disk_errors
from app.ui import safe, session

P = ParamSpec("P")


def show(error: SluiceError) -> None:
    hint = f'<p class="hint">{safe.text(error.hint)}</p>' if error.hint else ""
    st.html(
        f'<div class="note failed" role="alert"><p><span aria-hidden="true">▲</span> <b>{safe.text(error.message)}</b>'
        f"</p>{hint}</div>"
    )


def guarded(do: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """For a widget's callback, which runs before the page is drawn: an error of ours is kept for the page to show."""
    try:
        with disk_errors():
            do(*args, **kwargs)
    except SluiceError as error:
        session.keep_error(error)


def show_kept() -> None:
    """The error of the last callback, once."""
    error = session.take_error()
    if error is not None:
        show(error)
