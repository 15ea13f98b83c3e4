"""Reading what LangChain's chat models send, whichever provider is behind them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from app.providers.chat.hosted import HostedChat, Piece


class LangChainChat(HostedChat):
    """A `HostedChat` over one of LangChain's; a subclass builds it."""

    _model: Any

    @abstractmethod
    def _limit(self, max_tokens: int) -> dict[str, Any]:
        """The arguments that limit an answer's length."""

    def _pieces(self, system: str, user: str, max_tokens: int) -> Iterator[Piece]:
        chunks = self._model.stream(_messages(system, user), **self._limit(max_tokens))
        used: Mapping[str, Any] | None = None
        try:
            while True:
                with untraced():  # not around the yield: what comes after it is not ours
                    chunk = next(chunks, None)
                if chunk is None:
                    return
                used = _added(used, chunk.usage_metadata)
                yield _piece(chunk, used)
        finally:
            chunks.close()

    def _whole(self, system: str, user: str, max_tokens: int) -> Piece:
        with untraced():
            answer = self._model.invoke(_messages(system, user), **self._limit(max_tokens))
            return _piece(answer, answer.usage_metadata)

    def _profile_window(self) -> int | None:
        """The context window in LangChain's own table of models; None for a model it does not know."""
        profile: Mapping[str, Any] = getattr(self._model, "profile", None) or {}
        known = profile.get("max_input_tokens")
        return int(known) if isinstance(known, int) else None


def _piece(message: Any, used: Mapping[str, Any] | None) -> Piece:
    metadata: Mapping[str, Any] = message.response_metadata or {}
    said = metadata.get("finish_reason") or metadata.get("stop_reason") or metadata.get("status") or ""
    details = metadata.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, Mapping) else getattr(details, "reason", None)
    said = "" if said == "in_progress" else str(reason or said)
    return Piece(text=str(message.text), said=said, units=_units(used))


def _added(so_far: Mapping[str, Any] | None, more: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Chunks tell what came with each: some providers count the question at the beginning and the answer at the end."""
    from langchain_core.messages.ai import UsageMetadata, add_usage

    if so_far is None or more is None:
        return more if so_far is None else so_far
    return add_usage(UsageMetadata(**so_far), UsageMetadata(**more))  # type: ignore[typeddict-item]


def _units(usage: Mapping[str, Any] | None) -> dict[str, float] | None:
    """LangChain's usage as `Usage.units`; None where the server sent none, which LangChain turns into zeros."""
    if usage is None or not usage.get("input_tokens"):
        return None
    cached = int((usage.get("input_token_details") or {}).get("cache_read") or 0)
    fresh = int(usage["input_tokens"]) - cached
    return {"input_tokens": fresh, "cached_input_tokens": cached, "output_tokens": int(usage.get("output_tokens") or 0)}


def _messages(system: str, user: str) -> list[tuple[str, str]]:
    return [("system", system), ("human", user)]


def untraced() -> Any:
    """LangSmith would send questions and passages elsewhere if some variable in the environment turned it on."""
    from langsmith import tracing_context

    return tracing_context(enabled=False)
