"""Cohere's chat, version 2 (docs.cohere.com/reference/chat-stream), through its SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.addresses import host_of
from app.metering import paid_to
from app.providers.chat.hosted import HostedChat, Piece
from app.providers.failures import Service
from app.providers.wire import http_client
from app.settings import Settings

_PUBLIC = "https://api.cohere.com"
# tokens, by the beginning of a model's name (docs.cohere.com/docs/models)
_WINDOWS = {"command-a-": 256_000, "command-r7b": 128_000, "command-r-": 128_000, "c4ai-aya-expanse": 128_000}


class CohereChat(HostedChat):
    """`CHAT_MODEL=cohere:MODEL`."""

    def __init__(self, model: str, settings: Settings, *, model_setting: str = "CHAT_MODEL") -> None:
        import cohere

        key, base = settings.cohere_api_key, settings.cohere_base_url
        secret = None if key is None else key.get_secret_value()
        service = Service(
            name=f"The chat model {model}",
            key_setting="COHERE_API_KEY",
            url_setting="COHERE_BASE_URL",
            timeout_setting="CHAT_TIMEOUT",
            model_setting=model_setting,
            secret=secret,
            at=host_of(base or _PUBLIC),
        )
        super().__init__(
            model,
            service,
            provider=paid_to(base, "cohere", "api.cohere.com", "api.cohere.ai"),
            seconds=settings.chat_timeout,
            window=settings.chat_window,
        )
        self._elsewhere = base is not None
        self._client = cohere.ClientV2(
            api_key=secret if secret is not None else "not-needed",
            base_url=base if base is not None else _PUBLIC,  # the SDK would read the environment
            httpx_client=http_client(settings.chat_timeout),
            max_retries=0,  # `ask` does it, and keeps to a limit
            log_warning_experimental_features=False,
        )

    @property
    def window(self) -> int | None:
        """What CHAT_WINDOW says, else what Cohere documents for its own models."""
        if self._own_window is not None or self._elsewhere:
            return self._own_window
        return next((tokens for start, tokens in _WINDOWS.items() if self._name.startswith(start)), None)

    def _pieces(self, system: str, user: str, max_tokens: int) -> Iterator[Piece]:
        events = self._client.chat_stream(**self._asked(system, user, max_tokens))
        for event in events:
            kind, delta = getattr(event, "type", ""), getattr(event, "delta", None)
            if kind == "content-delta":
                content = getattr(getattr(delta, "message", None), "content", None)
                yield Piece(text=getattr(content, "text", None) or "")
            elif kind == "message-end":
                yield Piece(
                    said=str(getattr(delta, "finish_reason", None) or "complete"),
                    units=_units(getattr(delta, "usage", None)),
                    error=getattr(delta, "error", None) or "",
                )

    def _whole(self, system: str, user: str, max_tokens: int) -> Piece:
        answer = self._client.chat(**self._asked(system, user, max_tokens))
        parts = getattr(getattr(answer, "message", None), "content", None) or []
        text = "".join(getattr(part, "text", None) or "" for part in parts)
        return Piece(text, said=str(getattr(answer, "finish_reason", "")), units=_units(getattr(answer, "usage", None)))

    def _asked(self, system: str, user: str, max_tokens: int) -> dict[str, Any]:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        return {"model": self._name, "messages": messages, "max_tokens": max_tokens, "temperature": 0.0}


def _units(usage: Any) -> dict[str, float] | None:
    """The tokens that are billed, which is fewer than the model reads."""
    counted = getattr(usage, "billed_units", None) or getattr(usage, "tokens", None)
    found = {name: getattr(counted, name, None) for name in ("input_tokens", "output_tokens")}
    units = {name: float(count) for name, count in found.items() if isinstance(count, int | float) and count > 0}
    return units if "input_tokens" in units else None
