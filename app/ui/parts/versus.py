"""Two sides of one question: the line that sums them up, each side's answer and passages, and what moved between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import two_sides
from app.compare import Contrast, contrast
from app.counting import counted
from app.domain import Trace
from app.errors import SluiceError
from app.pipeline import Options
from app.prices.words import cost, explained
from app.stages.parents import sent_as
from app.two_sides import Place, Side
from app.ui import safe, session
from app.ui.parts import bars, failure, moves, passages, sides, verdict
from app.ui.words import seconds, why

if TYPE_CHECKING:
    from app.wiring import Sluice


def run(
    sluice: Sluice, question: str, options: Options, left: Side, right: Side, *, blind: bool = False
) -> session.Pair | None:
    """Ask both sides; the answers grow side by side, unless `blind`: the pace would tell which is which.

    None where it failed, which is then said on the page.
    """
    choices = sluice.rerankers()
    titles = (sides.title(left, choices), sides.title(right, choices))
    hear = None
    if blind:
        st.html(_working("Both answers are being written"))
    else:
        hear = _growing(titles)
    try:
        found = two_sides.run(sluice.pipeline, question, options, left, right, on_text=hear)
    except SluiceError as error:
        failure.show(error)
        return None
    traces = (found.left, found.right)
    library = found.right.judged.retrieved.library.name
    shown = {p.chunk.id for t in traces if t.context for p in t.context.passages}
    around = {chunk_id: sluice.around(library, chunk_id) for chunk_id in shown}
    return session.Pair(question, options, left, right, titles, found, around)


def _growing(titles: tuple[str, str]) -> two_sides.Heard:
    columns = st.columns(2, gap="large")
    boxes = {"left": columns[0].empty(), "right": columns[1].empty()}
    for box, title in zip(boxes.values(), titles, strict=True):
        box.html(_working(title))
    said = dict.fromkeys(boxes, "")

    def hear(place: Place, piece: str) -> None:
        said[place] += piece
        boxes[place].html(f'<div class="answer growing">{safe.answer(said[place], known=(), anchor=str)}</div>')

    return hear


def _working(said: str) -> str:
    return f'<p class="working" role="status"><span class="dot" aria-hidden="true"></span>{safe.text(said)} …</p>'


def show(pair: session.Pair) -> None:
    """Draw a comparison."""
    left, right = pair.sides.left, pair.sides.right
    found = contrast(left, right)
    st.html(f'<p class="verdict">{line(found, left, right)}</p>')
    for said in _notes(pair, found):
        st.html(verdict.note("held", said))
    columns = st.columns(2, gap="large")
    with columns[0]:
        _side(pair, left, pair.left, "left", frozenset(found.only_left))
    with columns[1]:
        _side(pair, right, pair.right, "right", frozenset(found.only_right))
    moves.show(pair, found)


def line(found: Contrast, left: Trace, right: Trace) -> str:
    """`3 of 5 passages differ; 1,140 fewer tokens; 0.14 s more.`"""
    parts = [f"{found.differ} of {counted(found.passages, 'passage')} differ"]
    refused = [side for side, trace in (("left", left), ("right", right)) if trace.gate.outcome == "refused"]
    if len(refused) == 2:
        parts = ["Both sides refuse: neither gate lets anything through"]
    elif refused:
        parts = [f"The {refused[0]} side refuses: its gate lets nothing through"]
    if found.tokens:
        parts.append(f"{abs(found.tokens):,} {'fewer' if found.tokens < 0 else 'more'} tokens")
    else:
        parts.append("the same tokens")
    parts.append(f"{seconds(abs(found.ms))} {'more' if found.ms >= 0 else 'less'}")
    if left.judged.run.cached_scores or right.judged.run.cached_scores:
        parts[-1] += " (scores from the cache)"
    return "; ".join(parts) + "."


def _notes(pair: session.Pair, found: Contrast) -> list[str]:
    if found.same_order and "off" in (pair.left.arm, pair.right.arm):
        return ["Both sides order the candidates alike: reranking changed nothing here."]
    if found.same_order:
        return ["Both sides order the candidates alike."]
    if found.same_candidates:
        return []
    alone = [f"{n} by the {side} side alone" for n, side in ((found.found_left, "left"), (found.found_right, "right"))]
    return [
        f"The sides searched differently, so they chose from different candidates: {counted(found.common, 'candidate')}"
        f" in common, {', '.join(alone)}. Only those in common have two ranks to compare."
    ]


def _side(pair: session.Pair, trace: Trace, side: Side, place: Place, only: frozenset[str]) -> None:
    tokens = trace.context.tokens if trace.context else 0
    total = seconds(trace.timings_ms.get("total", 0.0))
    said = cost(trace.charges)
    fold = "Time by stage, and cost" if said else "Time by stage"
    why_cost = f'<p class="muted">{safe.text(explained(trace.charges))}</p>' if said else ""
    title = pair.titles[0] if place == "left" else pair.titles[1]
    facts = [counted(len(trace.gate.admitted), "passage"), f"{tokens:,} tokens", total, *([said] if said else [])]
    st.html(
        f'<div class="side-head"><h2>{safe.text(title)}{why("evidence") if side.arm == "evidence" else ""}</h2>'
        f'<p class="muted">{" · ".join(facts)}</p>'
        f'<details class="fold"><summary>{fold}</summary>{bars.stage_times(trace.timings_ms)}{why_cost}</details></div>'
    )
    if side.arm in ("gated", "reranked") and (note := verdict.degraded(trace.judged)):
        st.html(note)
    if trace.gate.refusal is not None:
        st.html(verdict.refusal(trace.gate, trace.judged.retrieved.library.name))
        return
    answer = trace.answer
    if answer is not None:
        render = safe.quoted if answer.mode == "extractive" else safe.answer
        body = render(answer.text, known=answer.citations, anchor=lambda n: f"{place}-p{n}")
        st.html(f'<div class="answer side-answer">{body}</div>')
    numbers = trace.context.numbers if trace.context else {}
    highlights = answer.highlights if answer else {}
    cards = []
    for decision in trace.gate.admitted:
        chunk_id = decision.scored.candidate.chunk.id
        number = numbers.get(chunk_id)
        cards.append(
            passages.card(
                decision,
                number=number,
                anchor=None if number is None else f"{place}-p{number}",
                around=pair.around.get(chunk_id, ()),
                sentence=None if number is None else highlights.get(number),
                side=", ".join(
                    filter(None, ("only on this side" if chunk_id in only else "", sent_as(trace.context, chunk_id)))
                ),
                gated=side.arm == "gated",
            )
        )
    st.html(f'<div class="cards">{"".join(cards)}</div>')
