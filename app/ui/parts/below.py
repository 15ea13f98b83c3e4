"""What stands below an answer: its passages with their thumbs, and what can be done with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import streamlit as st

from app.domain import Trace
from app.stages.context import where_from
from app.stages.parents import sent_as
from app.trace_json import trace_to_json
from app.ui import session
from app.ui.links import Links
from app.ui.parts import failure, passages
from app.ui.parts.reply import View

if TYPE_CHECKING:
    from app.wiring import Sluice


def cards(exchange: session.Exchange, view: View, sluice: Sluice) -> None:
    """The passages the gate lets through, each with its thumbs; citations open those the answer was given."""
    answer, context = view.trace.answer, view.trace.context
    numbers = context.numbers if context else {}
    whole = answer is not None and answer.mode == "chat" and answer.finish == "stop"
    uncited = answer.uncited if answer is not None and whole else ()
    for decision in view.gate.admitted:
        chunk_id = decision.scored.candidate.chunk.id
        number = numbers.get(chunk_id)
        row = st.container(horizontal=True, gap="small", key=f"card.{exchange.number}.{chunk_id}")
        row.html(
            passages.card(
                decision,
                number=number,
                anchor=None if number is None else exchange.anchor(number),
                around=exchange.around.get(chunk_id, ()),
                sentence=None if number is None or answer is None else answer.highlights.get(number),
                side=", ".join(filter(None, ("not cited" if number in uncited else "", sent_as(context, chunk_id)))),
            ),
            width="stretch",
        )
        with row:
            _thumbs(exchange, view.trace, sluice, chunk_id=chunk_id)


def actions(exchange: session.Exchange, trace: Trace, sluice: Sluice, links: Links) -> None:
    """Compare, copy, export, thumbs on the answer."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"actions.{exchange.number}"):
        links.compare(exchange.text)
        if trace.answer is not None:
            with st.popover("Copy", type="tertiary", width="content"):
                st.code(_as_text(trace), language=None, wrap_lines=True)
        st.download_button(
            "Export",
            data=json.dumps(trace_to_json(trace), ensure_ascii=False, indent=1),
            file_name=f"sluice-{exchange.number}.json",
            mime="application/json",
            key=f"export.{exchange.number}",
            type="tertiary",
            help="Everything this question caused, as JSON",
            on_click="ignore",
        )
        if trace.answer is not None:
            _thumbs(exchange, trace, sluice)


def _thumbs(exchange: session.Exchange, trace: Trace, sluice: Sluice, *, chunk_id: str | None = None) -> None:
    key = f"vote.{exchange.number}.{chunk_id or 'answer'}"

    def vote() -> None:
        value = session.value_of(key)
        sign = 0 if value is None else 1 if value == 1 else -1  # None: the thumb was pressed again, to take it back
        if chunk_id is None:
            sluice.votes.add(trace, kind="answer", value=sign)
        else:
            sluice.votes.add(trace, kind="passage", value=sign, chunk_id=chunk_id)

    st.feedback("thumbs", key=key, on_change=failure.guarded, args=(vote,), width="content")


def _as_text(trace: Trace) -> str:
    sources = [f"[{p.number}] {where_from(p.chunk)}" for p in trace.context.passages] if trace.context else []
    return "\n".join([trace.answer.text if trace.answer else "", "", *sources])
