"""The chat model, as settings name it (no adapter yet: answers are extractive)."""

from __future__ import annotations

from app.ports import ChatModel
from app.settings import Settings


def open_chat(settings: Settings) -> ChatModel | None:
    """None until a chat model is configured."""
    return None
