"""The chat model: LangChain's ChatOpenAI against any OpenAI-compatible API, streamed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import urlsplit

from app.domain import Usage
from app.errors import ProviderError, ProviderNonsense
from app.metering import billed, paid_to
from app.ports import ChatModel, Delta
from app.providers.failures import Service, provider_errors, retry_within
from app.settings import Settings

Finish = Literal["stop", "length", "cut"]
_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "tool_calls": "stop",
    "length": "length",
    "content_filter": "cut",
    "completed": "stop",  # these two: the Responses API, which some model names are routed to
    "incomplete": "length",
}
_FIXED_TEMPERATURE = re.compile(r"^(o\d|gpt-5)")  # reasoning models take no temperature


class OpenAIChat:
    """ChatModel over ChatOpenAI. A stream counts as whole only if the server said why it finished."""

    def __init__(self, settings: Settings, *, patience: float = 20.0, model_setting: str = "CHAT_MODEL") -> None:
        """`patience`: seconds that waiting out rate limits and outages may take before the first piece.
        `model_setting`: the setting that names the model, for the reader of an error."""
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr

        key, base = settings.openai_api_key, settings.openai_base_url
        self._name = settings.chat_model
        self._patience = patience
        self._own_window = settings.chat_window
        self._elsewhere = base is not None and not (urlsplit(base).hostname or "").endswith("openai.com")
        self._provider = paid_to(base, "openai", "api.openai.com")
        self._service = Service(
            name=f"The chat model {self._name}",
            key_setting="OPENAI_API_KEY",
            url_setting="OPENAI_BASE_URL",
            timeout_setting="CHAT_TIMEOUT",
            model_setting=model_setting,
            secret=None if key is None else key.get_secret_value(),
        )
        with provider_errors(self._service):
            self._model = ChatOpenAI(
                model=self._name,
                api_key=key if key is not None else SecretStr("not-needed"),
                base_url=base if base is not None else "https://api.openai.com/v1",
                timeout=settings.chat_timeout,
                max_retries=0,  # retry_within does it, and keeps to a limit
                stream_usage=True,
                use_responses_api=False if self._elsewhere else None,
                temperature=None if _FIXED_TEMPERATURE.match(self._name) else 0.0,
            )

    @property
    def name(self) -> str:
        return self._name

    @property
    def window(self) -> int | None:
        """What CHAT_WINDOW says, else the model's profile; a profile is not believed for another server's model."""
        if self._own_window is not None:
            return self._own_window
        profile: Mapping[str, Any] = self._model.profile or {}
        known = profile.get("max_input_tokens")
        return int(known) if isinstance(known, int) and not self._elsewhere else None

    def stream(self, system: str, user: str, *, max_tokens: int) -> Iterator[Delta]:
        """Pieces of the answer as they arrive; see `app.ports.ChatModel`. Closing it closes the connection."""
        answer = retry_within(self._patience, lambda: self._begin(system, user, max_tokens))
        try:
            yield from answer.deltas()
        finally:
            answer.close()

    def complete(self, system: str, user: str, *, max_tokens: int) -> str:
        """The whole answer at once. Raises ProviderError."""

        def ask() -> str:
            with billed(self._provider, self._name) as bill, provider_errors(self._service), _untraced():
                answer = self._model.invoke(_messages(system, user), **self._limit(max_tokens))
                bill.units = _units(answer.usage_metadata)
                return answer.text

        return retry_within(self._patience, ask)

    def _begin(self, system: str, user: str, max_tokens: int) -> _Stream:
        chunks = self._model.stream(_messages(system, user), **self._limit(max_tokens))
        stream = _Stream(chunks, self._service, Usage(self._provider, self._name, None))
        stream.read_first()
        return stream

    def _limit(self, max_tokens: int) -> dict[str, Any]:
        # ChatOpenAI only knows OpenAI's newer name for it, which several servers do not
        return {"extra_body": {"max_tokens": max_tokens}} if self._elsewhere else {"max_tokens": max_tokens}


class _Stream:
    """One streamed answer. Before the first text an error is raised; after it, the answer is cut."""

    def __init__(self, chunks: Iterator[Any], service: Service, used: Usage) -> None:
        self._chunks = chunks
        self._service = service
        self._first = ""
        self._finish: Finish | None = None
        self._usage: Mapping[str, int] | None = None
        self._used = used

    def read_first(self) -> None:
        while not self._first:
            text = self._next()
            if text is None:
                break
            self._first = text
        if not self._first and self._finish is None:
            self.close()
            raise ProviderNonsense(
                f"{self._service.name} ended its answer before it began.",
                hint=f"Try again, or check {self._service.url_setting}.",
            )

    def deltas(self) -> Iterator[Delta]:
        if self._first:
            yield Delta(self._first)
        try:
            while (text := self._next()) is not None:
                if text:
                    yield Delta(text)
        except ProviderError:
            self._finish = "cut"  # what has arrived is kept, and marked
        finish = self._finish if self._finish is not None else "cut"
        yield Delta("", finish=finish, usage=self._usage, used=self._used)

    def close(self) -> None:
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()

    def _next(self) -> str | None:
        with provider_errors(self._service), _untraced():
            chunk = next(self._chunks, None)
        if chunk is None:
            return None
        said = chunk.response_metadata.get("finish_reason") or chunk.response_metadata.get("status")
        if said is not None:
            self._finish = _FINISH.get(said, "stop")
        if chunk.usage_metadata is not None:
            wanted = ("input_tokens", "output_tokens", "total_tokens")
            self._usage = {name: int(chunk.usage_metadata[name]) for name in wanted}
            self._used = replace(self._used, units=_units(chunk.usage_metadata))
        return str(chunk.text)


def _units(usage: Mapping[str, Any] | None) -> dict[str, float] | None:
    """LangChain's usage as `Usage.units`; None where the server sent none, which LangChain turns into zeros."""
    if usage is None or not usage.get("input_tokens"):
        return None
    cached = int((usage.get("input_token_details") or {}).get("cache_read") or 0)
    fresh = int(usage["input_tokens"]) - cached
    return {"input_tokens": fresh, "cached_input_tokens": cached, "output_tokens": int(usage.get("output_tokens") or 0)}


def _messages(system: str, user: str) -> list[tuple[str, str]]:
    return [("system", system), ("human", user)]


def _untraced() -> Any:
    """LangSmith would send questions and passages elsewhere if some variable in the environment turned it on."""
    from langsmith import tracing_context

    return tracing_context(enabled=False)


def open_chat(settings: Settings) -> ChatModel | None:
    """The chat model that settings name; None without key and base URL (answers are then quoted, not written)."""
    return OpenAIChat(settings) if settings.chat_configured else None


def open_grader_model(settings: Settings) -> ChatModel | None:
    """The chat model that grades answers, GRADER_MODEL or else CHAT_MODEL, at the same API; None as in `open_chat`."""
    if settings.grader_model is None:
        return open_chat(settings)
    named = settings.model_copy(update={"chat_model": settings.grader_model})
    return OpenAIChat(named, model_setting="GRADER_MODEL") if settings.chat_configured else None
