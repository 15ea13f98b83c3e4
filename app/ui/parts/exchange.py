"""One question and its answer, with everything that belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.pipeline import Options
from app.ui import safe, session
from app.ui.links import Links
from app.ui.parts import answering, below, failure, how, reply, scroll, verdict
from app.ui.parts.reply import View

if TYPE_CHECKING:
    from app.wiring import Sluice


def show(exchange: session.Exchange, sluice: Sluice, options: Options, links: Links, *, last: bool) -> None:
    """Draw an exchange; the last one follows the gate as it is now, earlier ones stay as they were answered."""
    asked = f'<span class="who">You</span><p>{safe.text(exchange.text)}</p>'
    st.html(f'<div class="asked" id="e{exchange.number}">{asked}</div>')
    if last:
        scroll.to(f"e{exchange.number}", once=f"{exchange.number}.{exchange.state}")
    if exchange.state == "waiting":
        answering.answer(exchange, sluice)
        st.rerun()
    if exchange.error is not None:
        failure.show(exchange.error)
        reply.again(exchange, options, "Try again")
        return
    view = _view(exchange, sluice, options, last=last)
    if view is None:
        st.html(verdict.note("rescued", "Stopped before anything was found."))
        reply.again(exchange, options, "Ask again")
        return
    reply.show(exchange, view, options)
    st.html(verdict.summary(view.trace, view.gate, view.context))
    if last and session.needs_scores(exchange, options):
        st.html(verdict.note("held", "This was asked with other settings than those beside it now."))
        reply.again(exchange, options, "Ask with these settings")
    below.cards(exchange, view, sluice)
    _how(exchange, view, options)
    below.actions(exchange, view.trace, sluice, links)


def _view(exchange: session.Exchange, sluice: Sluice, options: Options, *, last: bool) -> View | None:
    """The exchange under the gate as it stands: decided again on the scores there are."""
    trace = exchange.trace
    if trace is None:
        return None
    if not last:
        return View(trace, trace.gate, trace.context, stale=False, last=False)
    history = session.history_before(exchange)
    gate = sluice.pipeline.decide(trace.judged, options.gate, history=history, force=exchange.force)
    admitted, before = ([d.scored.candidate.chunk.id for d in g.admitted] for g in (gate, trace.gate))
    stale = admitted != before or gate.outcome != trace.gate.outcome
    now = stale and gate.outcome != "refused"
    library = trace.judged.retrieved.library.name
    context = sluice.pipeline.context(gate, library) if now else trace.context
    return View(trace, gate, None if gate.outcome == "refused" else context, stale=stale, last=True)


def _how(exchange: session.Exchange, view: View, options: Options) -> None:
    with st.expander("How these were chosen", key=f"how.{exchange.number}"):
        wording = how.show(
            view.trace.judged,
            view.gate,
            view.context,
            view.trace.timings_ms,
            charges=view.trace.charges,
            key=str(exchange.number),
            reworded=view.last,
        )
    if wording is not None:
        session.ask_again(exchange, options, edited=wording)
        st.rerun()
