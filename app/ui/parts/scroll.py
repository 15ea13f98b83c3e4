"""Brings the newest question to the top of the window once; reading on, or opening a citation, is left alone."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import streamlit as st

_SCRIPT = """
const seen = new Set();
export default function ({ data }) {
  if (!data || seen.has(data.once)) return;
  let tries = 0;
  const look = () => {
    const target = document.getElementById(data.target);
    if (target) { seen.add(data.once); target.scrollIntoView({ block: "start" }); }
    else if (tries++ < 20) setTimeout(look, 50);
  };
  setTimeout(look, 0);
}
"""


def to(target: str, *, once: str) -> None:
    """Scroll to the element with this id, once for each value of `once`."""
    _component()(data={"target": target, "once": once}, key="scroll")


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component("sluice_scroll", js=_SCRIPT)
