"""What stands on each side of a comparison: an arm, and under *Other configurations* what it has otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app.compare import Arm
from app.counting import counted
from app.two_sides import Side
from app.ui.parts import sidebar
from app.ui.words import help_of

if TYPE_CHECKING:
    from app.providers.reranking.registry import RerankerChoice

ARMS: Mapping[Arm, str] = {
    "off": "Without reranking",
    "gated": "With reranking and gate",
    "reranked": "Reranked, ungated",
    "evidence": "Evidence only",
}
_BESIDE = "as set beside"
_CANDIDATES = (5, 10, 20, 30, 50, 75, 100)


def arms(names: tuple[str, str]) -> tuple[Arm, Arm, bool]:
    """Two boxes and the button; the names are what the sides are called here."""
    first, second, third = st.columns([2, 2, 1], vertical_alignment="bottom")
    left: Arm = first.selectbox(
        names[0], list(ARMS), index=0, format_func=ARMS.__getitem__, key="arm.left", persist_state="session"
    )
    right: Arm = second.selectbox(
        names[1], list(ARMS), index=1, format_func=ARMS.__getitem__, key="arm.right", persist_state="session"
    )
    pressed = third.form_submit_button("Compare", type="primary", width="stretch")
    return left, right, pressed


def configure(left: Arm, right: Arm, names: tuple[str, str], choices: Sequence[RerankerChoice]) -> tuple[Side, Side]:
    """What each side has otherwise than the settings beside the page."""
    with st.expander("Other configurations"):
        st.caption(
            "Each side goes by the settings beside the page, unless something else is chosen here. Another reranker "
            "comes with its own gate: thresholds do not carry over."
        )
        columns = st.columns(2, gap="large")
        with columns[0]:
            ours = _otherwise("left", names[0], left, choices)
        with columns[1]:
            theirs = _otherwise("right", names[1], right, choices)
    return ours, theirs


def title(side: Side, choices: Sequence[RerankerChoice]) -> str:
    """`With reranking and gate: Cohere rerank-v3.5, words only`."""
    labels = {choice.name: sidebar.named(choice) for choice in choices}
    parts = []
    if side.reranker is not None and side.arm != "off":
        parts.append(labels.get(side.reranker, side.reranker))
    if side.retrieval is not None:
        parts.append(sidebar.MODES[side.retrieval].lower())
    if side.candidates is not None:
        parts.append(f"{counted(side.candidates, 'candidate')}")
    return ARMS[side.arm] + (f": {', '.join(parts)}" if parts else "")


def _otherwise(key: str, name: str, arm: Arm, choices: Sequence[RerankerChoice]) -> Side:
    st.markdown(f"**{name}**")
    labels = {choice.name: sidebar.named(choice) for choice in choices}
    reranker = st.selectbox(
        f"Reranker, {name.lower()}",
        ["", *labels],
        format_func=lambda chosen: labels.get(chosen, _BESIDE),
        key=f"side.{key}.reranker",
        help=help_of("reranker"),
        persist_state="session",
    )
    modes = {f"{mode}": mode for mode in sidebar.MODES}
    chosen = st.selectbox(
        f"Search by, {name.lower()}",
        ["", *modes],
        format_func=lambda mode: sidebar.MODES[modes[mode]] if mode else _BESIDE,
        key=f"side.{key}.mode",
        help=help_of("retrieval"),
        persist_state="session",
    )
    candidates = st.selectbox(
        f"Candidates, {name.lower()}",
        [0, *_CANDIDATES],
        format_func=lambda chosen: str(chosen) if chosen else _BESIDE,
        key=f"side.{key}.candidates",
        help=help_of("candidates"),
        persist_state="session",
    )
    return Side(arm, reranker or None, modes.get(chosen), candidates or None)
