"""Answering while the page watches: each step shows as it begins, and what has arrived is kept when it is stopped."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import streamlit as st

from app.domain import Judged
from app.errors import SluiceError
from app.ui import safe, session
from app.ui.parts.verdict import found_line

if TYPE_CHECKING:
    from app.wiring import Sluice

_log = logging.getLogger(__name__)
_EVERY = 0.06  # seconds between two drawings of a growing answer


def answer(exchange: session.Exchange, sluice: Sluice) -> None:
    """Bring an exchange to its end. Raises nothing of ours: an error becomes the exchange's."""
    box = st.empty()
    exchange.state = "working"
    _watch(exchange)
    try:
        _run(exchange, sluice, _Box(box))
        exchange.state = "done"
    except SluiceError as error:
        _log.warning("a question failed: %s", error.message)
        exchange.error, exchange.state = error, "failed"
    finally:
        # stop and rerun arrive as exceptions that are none of ours; what has arrived stays in the exchange
        if exchange.state == "working":
            exchange.state = "stopped"


@st.fragment(run_every=1.0)
def _watch(exchange: session.Exchange) -> None:
    """A stopped run draws nothing more; this looks in afterwards and has the page drawn as it stands now."""
    if exchange.state == "stopped":
        st.rerun()


class _Box:
    """One place on the page that says what is going on."""

    def __init__(self, box: st.delta_generator.DeltaGenerator) -> None:
        self._box = box
        self._drawn = 0.0

    def working(self, said: str) -> None:
        self._box.html(f'<p class="working" role="status"><span class="dot" aria-hidden="true"></span>{said}</p>')

    def text(self, said: str) -> None:
        if time.monotonic() - self._drawn >= _EVERY:
            self._drawn = time.monotonic()
            self._box.html(f'<div class="answer growing">{safe.answer(said, known=(), anchor=str)}</div>')


def _run(exchange: session.Exchange, sluice: Sluice, box: _Box) -> None:
    pipeline, options = sluice.pipeline, exchange.options
    history = session.history_before(exchange)
    if exchange.judged is None:
        box.working("Searching and reranking …")
        exchange.judged = pipeline.judge(exchange.text, options, history=history, edited=exchange.edited)
    judged: Judged = exchange.judged
    started = time.perf_counter()
    gate = pipeline.decide(judged, options.gate, history=history, force=exchange.force)
    timings = {**judged.timings_ms, "gate": _ms(started)}
    if gate.outcome == "refused":
        exchange.trace = pipeline.trace(judged, gate, None, None, _total(timings))
        return
    started = time.perf_counter()
    context = pipeline.context(gate, judged.retrieved.library.name)
    timings["context"] = _ms(started)
    library = judged.retrieved.library.name
    exchange.around = {p.chunk.id: sluice.around(library, p.chunk.id) for p in context.passages}
    exchange.trace = pipeline.trace(judged, gate, context, None, _total(timings))
    box.working(f"{found_line(judged)}, {len(context.passages)} through the gate. Answering …")
    started = time.perf_counter()
    stream = pipeline.answer(judged.question, context, history, after=judged)
    try:
        for piece in stream:
            exchange.partial += piece
            box.text(exchange.partial)
    finally:
        timings["generate"] = _ms(started)
        exchange.trace = pipeline.trace(judged, gate, context, stream.answer, _total(timings))


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)


def _total(timings: dict[str, float]) -> dict[str, float]:
    stages = {name: ms for name, ms in timings.items() if name != "total"}
    return {**stages, "total": round(sum(stages.values()), 3)}
