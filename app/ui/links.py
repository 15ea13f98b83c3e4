"""Links from one page to another."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.navigation.page import StreamlitPage


@dataclass(frozen=True, slots=True)
class Links:
    """The pages there are."""

    pages: dict[str, StreamlitPage]

    def all(self) -> list[StreamlitPage]:
        return list(self.pages.values())

    def compare(self, question: str) -> None:
        st.page_link(
            self.pages["compare"],
            label="Compare without reranking",
            query_params={"q": question},
            width="content",
        )

    def library(self, label: str, view: str = "documents") -> None:
        """To one of the views of the Library page: documents, drafts or calibrate."""
        st.page_link(self.pages["library"], label=label, query_params={"view": view}, width="content")

    def go(self, name: str) -> None:
        """Leave for another page at once."""
        st.switch_page(self.pages[name])
