"""One person's state between reruns: the only user of `st.session_state`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import streamlit as st

from app.domain import Chunk, Judged, Trace, Turn
from app.errors import SluiceError
from app.evaluation.playground import Play
from app.evaluation.votes import BlindChoice
from app.pipeline import Options
from app.two_sides import Side, TwoSides

State = Literal["waiting", "working", "done", "stopped", "failed"]


@dataclass(slots=True)
class Exchange:
    """One question and what became of it. Mutable: a stopped run may not touch the session, but it may write here."""

    number: int
    text: str
    options: Options
    edited: str | None = None
    force: bool = False
    state: State = "waiting"
    judged: Judged | None = None
    trace: Trace | None = None
    partial: str = ""
    error: SluiceError | None = None
    around: dict[str, tuple[Chunk, ...]] = field(default_factory=dict)

    def anchor(self, passage: int) -> str:
        """The id of an opened passage on the page."""
        return f"e{self.number}-p{passage}"


@dataclass(slots=True)
class Pair:
    """The last comparison: two sides of one question."""

    question: str
    options: Options
    left: Side
    right: Side
    titles: tuple[str, str]
    sides: TwoSides
    around: dict[str, tuple[Chunk, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Ballot:
    """A comparison to be voted on blind. `left_first`: the side set as the left one is shown on the left."""

    pair: Pair
    left_first: bool
    choice: BlindChoice | None = None


def conversation() -> list[Exchange]:
    """The exchanges of this session, oldest first."""
    kept: list[Exchange] = st.session_state.setdefault("conversation", [])
    return kept


def last() -> Exchange | None:
    exchanges = conversation()
    return exchanges[-1] if exchanges else None


def ask(text: str, options: Options, *, edited: str | None = None) -> Exchange:
    """Append a question; it is answered when the page draws it."""
    exchange = Exchange(number=_next(), text=text, options=options, edited=edited)
    conversation().append(exchange)
    return exchange


def ask_again(exchange: Exchange, options: Options, *, edited: str | None = None, force: bool = False) -> None:
    """Answer the same question once more, in its place; scores are kept where only the gate changed."""
    same = edited is None and _without_gate(exchange.options) == _without_gate(options)
    exchange.options, exchange.force = options, force
    exchange.edited = edited if edited is not None else exchange.edited
    exchange.judged = exchange.judged if same else None
    exchange.trace, exchange.error, exchange.partial = None, None, ""
    exchange.number, exchange.state = _next(), "waiting"


def history_before(exchange: Exchange) -> tuple[Turn, ...]:
    """The turns before an exchange, as the pipeline wants them; refusals and failures leave only the question."""
    turns: list[Turn] = []
    for earlier in conversation():
        if earlier is exchange:
            break
        turns.append(Turn("user", earlier.text))
        if earlier.trace is not None and earlier.trace.answer is not None:
            turns.append(Turn("assistant", earlier.trace.answer.text))
    return tuple(turns)


def fell_back() -> bool:
    """Whether the last question was scored by the fallback."""
    exchange = last()
    return exchange is not None and exchange.judged is not None and exchange.judged.run.status == "fallback"


def decided_early() -> bool:
    """Whether the last question was decided by the look before the reranker, which was not asked (SKIP_MARGIN)."""
    exchange = last()
    first = None if exchange is None or exchange.judged is None else exchange.judged.run.first
    return first is not None and first.passed_on == 0


def start_over() -> None:
    st.session_state["conversation"] = []
    st.session_state["preset"] = None


def needs_scores(exchange: Exchange, options: Options) -> bool:
    """Whether options differ in more than the gate from those the exchange was scored with."""
    return _without_gate(exchange.options) != _without_gate(options)


def _without_gate(options: Options) -> tuple[object, ...]:
    return (
        options.library,
        options.reranker,
        options.reranker_policy,
        options.retrieval,
        options.candidates,
        options.where,
    )


def _next() -> int:
    number: int = st.session_state.get("exchanges", 0) + 1
    st.session_state["exchanges"] = number
    return number


# -- the comparison and the library page -----------------------------------------------------------


def pair() -> Pair | None:
    kept: Pair | None = st.session_state.get("pair")
    return kept


def keep_pair(pair: Pair) -> None:
    st.session_state["pair"] = pair


def ballot() -> Ballot | None:
    kept: Ballot | None = st.session_state.get("ballot")
    return kept


def keep_ballot(ballot: Ballot) -> None:
    st.session_state["ballot"] = ballot


def played() -> Play | None:
    """The playground's last result."""
    kept: Play | None = st.session_state.get("played")
    return kept


def keep_played(play: Play) -> None:
    st.session_state["played"] = play


def suggest(text: str, keep_above: float | None = None) -> None:
    """A question picked with a button, waiting to be asked in the next run, with the gate it goes with."""
    st.session_state["suggested"] = text
    st.session_state["preset"] = keep_above


def preset() -> float | None:
    """The keep_above of the sample question under way; None once the conversation starts over."""
    value: float | None = st.session_state.get("preset")
    return value


def take_suggested() -> str | None:
    suggested: str | None = st.session_state.pop("suggested", None)
    return suggested


def library_name(default: str) -> str:
    """The library in use, on every page."""
    name: str = st.session_state.setdefault("library", default)
    return name


def use_library(name: str) -> None:
    st.session_state["library"] = name


def ingest_report() -> Mapping[str, Any] | None:
    report: Mapping[str, Any] | None = st.session_state.get("ingest_report")
    return report


def keep_ingest_report(report: Mapping[str, Any] | None) -> None:
    st.session_state["ingest_report"] = report


def round_of(form: str) -> int:
    """How often a form was cleared; part of its widgets' keys, so that clearing gives fresh ones."""
    count: int = st.session_state.get(f"round.{form}", 0)
    return count


def clear_form(form: str) -> None:
    st.session_state[f"round.{form}"] = round_of(form) + 1


def value_of(key: str) -> Any:
    """What a widget stands on, for its callback."""
    return st.session_state.get(key)


def put(key: str, value: object) -> None:
    """Where a widget that is not drawn yet in this run is to stand."""
    st.session_state[key] = value


def take_handed(name: str) -> str | None:
    """What another page handed over in the address, once: a reload does not do it again."""
    value = st.query_params.get(name)
    if value is not None:
        del st.query_params[name]
    return value or None


def tell(said: str) -> None:
    """A line for the next run, after something was done."""
    st.session_state["told"] = said


def take_told() -> str | None:
    told: str | None = st.session_state.pop("told", None)
    return told


def keep_error(error: SluiceError) -> None:
    """What went wrong in a callback, for the page that is drawn next."""
    st.session_state["error"] = error


def take_error() -> SluiceError | None:
    error: SluiceError | None = st.session_state.pop("error", None)
    return error
