"""Generating: the answer is streamed from the chat model, or extracted where there is none; citations are checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import chain
from typing import Literal

from app.domain import Answer, Context, Turn, Usage
from app.patience import within
from app.ports import ChatModel, Scorer
from app.stages.citations import check, highlights
from app.stages.context import render
from app.stages.extract import extract

HISTORY_TURNS = 4
HISTORY_CHARACTERS = 500


def dialogue(history: Sequence[Turn]) -> str:
    """The last turns, shortened, as the prompt shows them; "" without history."""
    if not history:
        return ""
    lines = [f"{turn.role}: {turn.text[:HISTORY_CHARACTERS]}" for turn in history[-HISTORY_TURNS:]]
    return "Conversation so far:\n" + "\n".join(lines) + "\n\n"


class AnswerStream:
    """Iterate it for the pieces of text; `answer` afterwards, or at any time, is what has arrived.

    A stream that is closed early (a person pressed stop) or breaks leaves an answer with finish="cut".
    """

    def __init__(self, pieces: Iterator[str], context: Context, model: str) -> None:
        self._pieces = pieces
        self._context = context
        self._model = model
        self._text = ""
        self.finish: Literal["stop", "length", "cut"] = "cut"
        self.because = ""
        self.usage: dict[str, int] = {}
        self.used: Usage | None = None
        self._ready: Answer | None = None

    def __iter__(self) -> Iterator[str]:
        for piece in self._pieces:
            self._text += piece
            yield piece

    @property
    def answer(self) -> Answer:
        if self._ready is not None:
            return self._ready
        citations = check(self._text, self._context.passages)
        return Answer(
            mode="chat",
            model=self._model,
            text=self._text,
            citations=citations.known,
            unknown_citations=citations.unknown,
            uncited=citations.uncited,
            finish=self.finish,
            cut_because=self.because,
            usage=self.usage,
            used=self.used,
            highlights=highlights(self._text, self._context.passages),
        )

    @classmethod
    def ready(cls, answer: Answer, context: Context) -> AnswerStream:
        """An answer that is already there, as a stream of one piece."""
        stream = cls(iter((answer.text,)), context, answer.model or "")
        stream._ready = answer
        return stream


def fill(template: str, **values: str) -> str:
    """Fill `{name}` slots in one pass, so that a passage holding "{question}" is left as it is.

    >>> fill("{a} {b}", a="{b}", b="x")
    '{b} x'
    """
    return re.sub(r"\{(\w+)\}", lambda slot: values.get(slot.group(1), slot.group(0)), template)


def from_chat(
    question: str,
    context: Context,
    history: Sequence[Turn],
    *,
    chat: ChatModel,
    system: str,
    user: str,
    reserved: int,
    seconds: float | None = None,
) -> AnswerStream:
    """Stream an answer. `user` is the template with {history}, {passages} and {question}.

    Raises ProviderError when the first piece cannot be had, in `seconds` where they are given.
    """
    prompt = fill(user, history=dialogue(history), passages=render(context), question=question)
    deltas = chat.stream(system, prompt, max_tokens=reserved)
    stream: AnswerStream

    def pieces() -> Iterator[str]:
        with nullcontext() if seconds is None else within(seconds):  # the beginning only: a long answer may take longer
            first = next(deltas, None)
        for delta in chain(() if first is None else (first,), deltas):
            if delta.finish is not None:
                stream.finish, stream.because = delta.finish, delta.because
            if delta.usage is not None:
                stream.usage = dict(delta.usage)
            if delta.used is not None:
                stream.used = delta.used
            if delta.text:
                yield delta.text

    stream = AnswerStream(pieces(), context, chat.name)
    return stream


def extractive(question: str, context: Context, scorer: Scorer) -> AnswerStream:
    """The extractive answer as a stream of one piece."""
    return AnswerStream.ready(extract(question, context, scorer), context)
