"""Chat models, one file a provider; `opening` turns the settings CHAT_MODEL and GRADER_MODEL into one of them."""

from app.providers.chat.opening import open_chat, open_grader_model

__all__ = ["open_chat", "open_grader_model"]
