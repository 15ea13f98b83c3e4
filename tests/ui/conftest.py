"""The pages in process, over a small in-memory Sluice (tests.fakes_ui)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]


def _page(home: str, texts: dict[str, str] | None, reranker: str | None, at: str) -> None:
    from pathlib import Path

    import streamlit as st

    from app.ui.frame import run
    from tests.fakes_ui import FakeSluice

    if "fake" not in st.session_state:
        st.session_state["fake"] = FakeSluice(Path(home), texts, reranker=reranker)
    run(lambda: st.session_state["fake"], start=at)


@pytest.fixture
def page(tmp_path: Path) -> Open:
    """Open a page; `texts` fills the library (default: the handbook), `reranker` is the setting."""

    def open_page(texts: dict[str, str] | None = None, reranker: str | None = None, at: str = "chat") -> AppTest:
        test = AppTest.from_function(_page, args=(str(tmp_path), texts, reranker, at), default_timeout=30)
        return test.run()

    return open_page


def html(test: AppTest) -> str:
    """Everything that was drawn with st.html, in order."""
    return "\n".join(element.proto.body for element in test.get("html"))


def press(test: AppTest, label: str) -> AppTest:
    """Press a button and let the page settle."""
    next(b for b in test.button if b.label == label).click()
    test.run()
    assert not test.exception
    return test


def ask(test: AppTest, question: str) -> AppTest:
    """Type a question and let the page settle."""
    return test.chat_input[0].set_value(question).run()
