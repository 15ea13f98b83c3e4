"""OpenAI's chat, by Chat Completions or Responses, and any server that speaks one of them.

LangChain's ChatOpenAI over the OpenAI SDK (platform.openai.com/docs/api-reference: chat, responses).
"""

from __future__ import annotations

import re
from typing import Any

from app.addresses import at_domain, host_of
from app.metering import paid_to
from app.providers.chat.langchain import LangChainChat
from app.providers.failures import Service, provider_errors
from app.providers.wire import httpx2_client
from app.settings import Settings

_PUBLIC = "https://api.openai.com/v1"
_FIXED_TEMPERATURE = re.compile(r"^(o\d|gpt-5)")  # reasoning models take no temperature


class OpenAIChat(LangChainChat):
    """Another server is asked by Chat Completions unless CHAT_API says otherwise: it is the one they all speak."""

    def __init__(self, settings: Settings, *, model: str | None = None, model_setting: str = "CHAT_MODEL") -> None:
        """`model_setting`: the setting that names the model, for the reader of an error."""
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr

        key, base = settings.openai_api_key, settings.openai_base_url
        name = settings.chat_model if model is None else model
        self._elsewhere = base is not None and not at_domain(base, "openai.com")
        service = Service(
            name=f"The chat model {name}",
            key_setting="OPENAI_API_KEY",
            url_setting="OPENAI_BASE_URL",
            timeout_setting="CHAT_TIMEOUT",
            model_setting=model_setting,
            secret=None if key is None else key.get_secret_value(),
            at=host_of(base or _PUBLIC),
        )
        super().__init__(
            name,
            service,
            provider=paid_to(base, "openai", "api.openai.com"),
            seconds=settings.chat_timeout,
            window=settings.chat_window,
        )
        chosen = {"auto": False if self._elsewhere else None, "completions": False, "responses": True}
        self._responses = settings.chat_api == "responses"
        client = httpx2_client(settings.chat_timeout)
        with provider_errors(service):
            self._model = ChatOpenAI(
                model=name,
                api_key=key if key is not None else SecretStr("not-needed"),
                base_url=base if base is not None else _PUBLIC,
                http_client=client,
                timeout=client.timeout,
                max_retries=0,  # `ask` does it, and keeps to a limit
                stream_usage=True,
                use_responses_api=chosen[settings.chat_api],
                store=False if self._responses else None,  # the Responses API keeps what it is not told not to
                temperature=None if _FIXED_TEMPERATURE.match(name) else 0.0,
            )

    @property
    def window(self) -> int | None:
        """What CHAT_WINDOW says, else the model's profile; a profile is not believed for another server's model."""
        if self._own_window is not None or self._elsewhere:
            return self._own_window
        return self._profile_window()

    def _limit(self, max_tokens: int) -> dict[str, Any]:
        # ChatOpenAI only knows OpenAI's newer name for it, which several servers do not
        if self._elsewhere and not self._responses:
            return {"extra_body": {"max_tokens": max_tokens}}
        return {"max_tokens": max_tokens}
