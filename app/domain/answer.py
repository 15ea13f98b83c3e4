"""What the gate let through, the answer written from it, and the trace of everything one question caused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.domain.gate import GateResult, Judged, Refusal
from app.domain.library import Chunk
from app.domain.money import Charge, Usage
from app.domain.retrieval import Question


@dataclass(frozen=True, slots=True)
class Passage:
    """An admitted passage with its citation number (1-based). `weaker`: rescued or forced.

    Where it is sent with its section (`app.stages.parents`), `chunk.text` is all of that, `within` the ids of the
    chunks it holds in document order, and `merged` those of them that were admitted too and are not sent again.
    """

    number: int
    chunk: Chunk
    tokens: int
    weaker: bool = False
    p: float | None = None
    within: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """The admitted passages within the token budget. `left_out` are admitted chunk ids that did not fit."""

    passages: tuple[Passage, ...]
    tokens: int
    budget: int
    window: int
    window_known: bool
    left_out: tuple[str, ...] = ()

    @property
    def numbers(self) -> dict[str, int]:
        """Chunk id -> citation number, those included that are sent as part of another passage."""
        return {chunk_id: p.number for p in self.passages for chunk_id in (p.chunk.id, *p.merged)}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with `[n]` citations. `citations`: numbers cited that exist; `unknown_citations`: that do not;
    `uncited`: passages never cited. `finish`: "stop", "length" (cut by the token limit) or "cut" (the stream broke).
    `cut_because`: why it was cut, in words. `used`: what the chat model is paid for; None where it did not say."""

    mode: Literal["chat", "extractive"]
    model: str | None
    text: str
    citations: tuple[int, ...] = ()
    unknown_citations: tuple[int, ...] = ()
    uncited: tuple[int, ...] = ()
    finish: Literal["stop", "length", "cut"] = "stop"
    usage: Mapping[str, int] = field(default_factory=dict)
    # passage number -> the sentence that carried most (extractive: quoted; chat: nearest to what was said)
    highlights: Mapping[int, str] = field(default_factory=dict)
    used: Usage | None = None
    cut_because: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything one question caused. JSON form: `app.trace_json` (schema 1).

    `charges` are the paid services that took part; `cost_usd` their sum, None where it is not known, 0.0 without any.
    """

    judged: Judged
    gate: GateResult
    context: Context | None
    answer: Answer | None
    timings_ms: Mapping[str, float]
    cost_usd: float | None = None
    charges: tuple[Charge, ...] = ()

    @property
    def question(self) -> Question:
        return self.judged.question

    @property
    def refusal(self) -> Refusal | None:
        return self.gate.refusal
