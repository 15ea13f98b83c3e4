"""The settings CHAT_MODEL and GRADER_MODEL, as chat models. Imports only what the chosen one needs."""

from __future__ import annotations

from app.errors import SettingsError
from app.ports import ChatModel
from app.settings import Settings


def open_chat(settings: Settings, *, model_setting: str = "CHAT_MODEL") -> ChatModel | None:
    """The chat model that settings name; None without its key and base URL (answers are then quoted, not written).

    Raises SettingsError for a provider whose package is not installed.
    """
    if not settings.chat_configured:
        return None
    provider, model = settings.chat_provider
    if not model.strip():
        raise SettingsError(f"{model_setting} names no model.", hint=f"For example {model_setting}=gpt-4o-mini")
    match provider:
        case "openai":
            from app.providers.chat.openai import OpenAIChat

            return OpenAIChat(settings, model=model, model_setting=model_setting)
        case "cohere":
            from app.providers.chat.cohere import CohereChat

            return CohereChat(model, settings, model_setting=model_setting)
        case "anthropic" | "google":
            from app.providers.chat.installed import InstalledChat

            return InstalledChat(provider, model, settings, model_setting=model_setting)


def open_grader_model(settings: Settings) -> ChatModel | None:
    """The chat model that grades answers, GRADER_MODEL or else CHAT_MODEL; None as in `open_chat`."""
    if settings.grader_model is None:
        return open_chat(settings)
    named = settings.model_copy(update={"chat_model": settings.grader_model})
    return open_chat(named, model_setting="GRADER_MODEL")
