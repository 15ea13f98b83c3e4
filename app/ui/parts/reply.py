"""The answer, or the refusal, with what has to be said about it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app.counting import counted
from app.domain import Context, GateResult, Trace
from app.pipeline import Options
from app.ui import safe, session
from app.ui.parts import verdict


@dataclass(frozen=True, slots=True)
class View:
    """An answered question under the gate as it is now. `stale`: other passages are through than were answered from."""

    trace: Trace
    gate: GateResult
    context: Context | None
    stale: bool
    last: bool


def show(exchange: session.Exchange, view: View, options: Options) -> None:
    """Draw notes, answer and refusal, whichever there are."""
    judged = view.trace.judged
    if notes := verdict.degraded(judged) + verdict.language(judged) + verdict.forced(view.gate):
        st.html(notes)
    refused = view.gate.outcome == "refused"
    if view.trace.answer is not None:
        _answer(exchange, view, options)
    if view.stale:
        _moved(exchange, view, options)
    if refused:
        _refusal(exchange, view, options)


def again(exchange: session.Exchange, options: Options, label: str) -> None:
    """A button that answers the same question once more, with the options as they are now."""
    if st.button(label, key=f"again.{exchange.number}.{label}", type="primary"):
        session.ask_again(exchange, options)
        st.rerun()


def _answer(exchange: session.Exchange, view: View, options: Options) -> None:
    answer = view.trace.answer
    assert answer is not None
    render = safe.quoted if answer.mode == "extractive" else safe.answer
    body = render(answer.text, known=answer.citations, anchor=exchange.anchor)
    who = "Sluice, quoting the passages (no chat model is set)" if answer.mode == "extractive" else "Sluice"
    model = f' <span class="place">{safe.text(answer.model)}</span>' if answer.model else ""
    stale = " stale" if view.stale else ""
    st.html(f'<div class="answer{stale}"><span class="who">{who}{model}</span>{body}</div>')
    for said in _remarks(exchange, view.trace):
        st.html(verdict.note("rescued", said))
    if view.last and not view.stale and (answer.finish == "cut" or exchange.state == "stopped"):
        again(exchange, options, "Try again")


def _remarks(exchange: session.Exchange, trace: Trace) -> list[str]:
    answer = trace.answer
    assert answer is not None
    remarks = []
    if exchange.state == "stopped":
        remarks.append("You stopped this answer; what had arrived is kept.")
    elif answer.finish == "length":
        remarks.append("The answer reached its token limit and is cut there.")
    elif answer.finish == "cut":
        why = f": {answer.cut_because.rstrip('.')}" if answer.cut_because else ""
        remarks.append(f"The answer broke off on its way{why}; what had arrived is kept.")
    if answer.unknown_citations:
        numbers = ", ".join(map(str, answer.unknown_citations))
        remarks.append(f"The answer cites {numbers}, which is not among its passages: do not rely on that part.")
    return remarks


def _moved(exchange: session.Exchange, view: View, options: Options) -> None:
    now = len(view.gate.admitted)
    if view.trace.answer is None:
        st.html(verdict.note("held", f"Refused with another gate; {counted(now, 'passage')} would be through now."))
    else:
        then = counted(len(view.trace.gate.admitted), "passage")
        st.html(verdict.note("held", f"Answered with another gate: {then} then, {now} now."))
    if now:
        again(exchange, options, "Ask again with this gate")


def _refusal(exchange: session.Exchange, view: View, options: Options) -> None:
    st.html(verdict.refusal(view.gate, view.trace.judged.retrieved.library.name))
    nearest = view.gate.refusal.nearest if view.gate.refusal is not None else ()
    if view.last and nearest and st.button("Answer from these anyway", key=f"anyway.{exchange.number}"):
        session.ask_again(exchange, options, force=True)
        st.rerun()
