"""The handbook's pages as text, with their links to one another made to work on the page."""

from __future__ import annotations

import re

_LINK = re.compile(r"\]\((?:\./)?([a-z0-9-]+)\.md(#[\w-]*)?\)")


def read(name: str) -> str | None:
    """A page's Markdown; None where there is none. Raises SettingsError where the handbook was not installed."""
    from app.wiring import handbook_dir  # heavy; only when a page is read

    path = handbook_dir() / f"{name}.md"
    return linked(path.read_text(encoding="utf-8")) if path.is_file() else None


def linked(text: str) -> str:
    """`linked("[gate](the-gate.md)") == "[gate](/handbook?page=the-gate)"`; `$` stays a dollar."""
    return _LINK.sub(r"](/handbook?page=\1)", text).replace("$", r"\$")
