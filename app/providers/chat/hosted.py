"""What all chat models behind services have in common: attempts, a beginning, a whole, what is kept when one breaks.

A provider's file says how to ask and how to read; see `HostedChat._pieces` and `_whole`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from app.domain import Usage
from app.errors import ProviderError, ProviderNonsense, ProviderRejected, ProviderTimeout, ProviderUnreachable
from app.metering import billed
from app.ports import Delta
from app.providers.asking import ask
from app.providers.failures import Service, provider_errors

Finish = Literal["stop", "length", "cut"]
_LENGTH = {"length", "max_tokens", "max_output_tokens", "model_context_window_exceeded", "incomplete"}
_FILTERED = {
    "content_filter", "refusal", "safety", "recitation", "blocklist", "prohibited_content", "spii", "image_safety",
}  # fmt: skip
_BROKEN = {"error", "timeout", "failed", "cancelled", "malformed_response", "other"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer as a provider sends it. `said`: why it finished, in the provider's word; `units` as in
    `Usage`, of the whole answer; `error`: what it says went wrong."""

    text: str = ""
    said: str = ""
    units: Mapping[str, float] | None = None
    error: str = ""

    @property
    def finish(self) -> Finish:
        """The provider's word in ours; an unknown one is a stop, since servers have names of their own for it."""
        word = self.said.lower()
        if word in _LENGTH:
            return "length"
        return "cut" if self.error or word in _FILTERED or word in _BROKEN else "stop"

    @property
    def because(self) -> str:
        """Why it was cut, in words."""
        if self.finish != "cut":
            return ""
        if self.error:
            return f"the service reported an error: {self.error}"
        if self.said.lower() in _FILTERED:
            return f"the provider's content filter stopped it ({self.said.lower()})"
        return f"the service ended it ({self.said.lower()})"


class HostedChat(ABC):
    """A `ChatModel` behind a service. A stream counts as whole only if the service said why it finished."""

    def __init__(self, name: str, service: Service, *, provider: str, seconds: float, window: int | None) -> None:
        """`provider`: whose prices apply; `seconds` may pass until the first piece, with all attempts."""
        self._name = name
        self._service = service
        self._provider = provider
        self._seconds = seconds
        self._own_window = window

    @property
    def name(self) -> str:
        return self._name

    @property
    def window(self) -> int | None:
        """What CHAT_WINDOW says; subclasses know more."""
        return self._own_window

    @abstractmethod
    def _pieces(self, system: str, user: str, max_tokens: int) -> Iterator[Piece]:
        """Ask for a stream and yield it; what the client raises is translated by the caller."""

    @abstractmethod
    def _whole(self, system: str, user: str, max_tokens: int) -> Piece:
        """Ask for the answer at once."""

    def stream(self, system: str, user: str, *, max_tokens: int) -> Iterator[Delta]:
        """Pieces of the answer as they arrive; see `app.ports.ChatModel`. Closing it closes the connection."""
        answer = ask(self._service, lambda: self._begin(system, user, max_tokens), seconds=self._seconds)
        try:
            yield from answer.deltas()
        finally:
            answer.close()

    def complete(self, system: str, user: str, *, max_tokens: int) -> str:
        """The whole answer at once. Raises ProviderError, for an empty or withheld answer too."""

        def once() -> str:
            with billed(self._provider, self._name) as bill:
                with provider_errors(self._service):
                    answer = self._whole(system, user, max_tokens)
                bill.units = answer.units
                if not answer.text.strip():
                    raise nothing_said(self._service, answer, max_tokens)
                return answer.text

        return ask(self._service, once, seconds=self._seconds)

    def _begin(self, system: str, user: str, max_tokens: int) -> _Stream:
        usage = Usage(self._provider, self._name, None)
        stream = _Stream(self._pieces(system, user, max_tokens), self._service, usage, max_tokens)
        stream.read_first()
        return stream


class _Stream:
    """One streamed answer. Before the first text an error is raised; after it, the answer is cut."""

    def __init__(self, pieces: Iterator[Piece], service: Service, used: Usage, max_tokens: int) -> None:
        self._pieces = pieces
        self._service = service
        self._used = used
        self._max_tokens = max_tokens
        self._first = ""
        self._end: Piece | None = None

    def read_first(self) -> None:
        try:
            while not self._first.strip() and (text := self._next()) is not None:
                self._first += text
            if not self._first.strip():
                raise nothing_said(self._service, self._end, self._max_tokens)
        except ProviderError:
            self.close()
            raise

    def deltas(self) -> Iterator[Delta]:
        yield Delta(self._first)
        because = ""
        try:
            while (text := self._next()) is not None:
                if text:
                    yield Delta(text)
        except ProviderError as error:  # what has arrived is kept, and marked
            self._end, because = None, _broke(error)
        if self._end is None:
            because = because or "it ended without saying that it was done"
        finish: Finish = "cut" if self._end is None else self._end.finish
        because = because if self._end is None else self._end.because
        yield Delta("", finish=finish, usage=_tokens(self._used.units), used=self._used, because=because)

    def close(self) -> None:
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()

    def _next(self) -> str | None:
        with provider_errors(self._service):
            piece = next(self._pieces, None)
        if piece is None:
            return None
        if piece.said or piece.error:
            self._end = piece
        if piece.units is not None:
            self._used = replace(self._used, units=piece.units)
        return piece.text


def _broke(error: ProviderError) -> str:
    """Why a stream ended early, in words."""
    if isinstance(error, ProviderUnreachable):
        return "the connection was lost"
    return "nothing more came in time" if isinstance(error, ProviderTimeout) else error.message


def nothing_said(service: Service, end: Piece | None, max_tokens: int) -> ProviderError:
    """The error for an answer without a word in it, by why it ended."""
    if end is None:
        return ProviderNonsense(
            f"{service.name} ended its answer before it began.", hint=f"Try again, or check {service.url_setting}."
        )
    if end.finish == "length":
        return ProviderNonsense(
            f"{service.name} used up its {max_tokens} tokens before the first word of an answer.",
            hint="A model that thinks first needs more: raise ANSWER_TOKENS, for example to 4000.",
        )
    if end.finish == "cut":
        return ProviderRejected(
            f"{service.name} gave no answer: {end.because}.", hint="Ask differently, or choose another CHAT_MODEL."
        )
    return ProviderNonsense(
        f"{service.name} gave an empty answer.", hint=f"Try again, or choose another {service.model_setting}."
    )


def _tokens(units: Mapping[str, float] | None) -> Mapping[str, int] | None:
    """Input, output and total, as the trace has them."""
    if units is None:
        return None
    asked = int(units.get("input_tokens", 0) + units.get("cached_input_tokens", 0))
    said = int(units.get("output_tokens", 0))
    return {"input_tokens": asked, "output_tokens": said, "total_tokens": asked + said}
