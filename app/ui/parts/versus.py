"""Two arms side by side: the line that sums them up, the chart between, and each side's answer and passages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from app.compare import Arm, Contrast, compare, contrast
from app.domain import Trace
from app.errors import SluiceError
from app.pipeline import Options
from app.stages.context import where_from
from app.ui import safe, session
from app.ui.parts import failure, passages, slope, verdict
from app.ui.words import group_of, plural, probability, seconds, why

if TYPE_CHECKING:
    from app.wiring import Sluice

ARMS: Mapping[Arm, str] = {
    "off": "Without reranking",
    "gated": "With reranking and gate",
    "reranked": "Reranked, ungated",
    "evidence": "Evidence only",
}


def run(sluice: Sluice, question: str, options: Options, left: Arm, right: Arm) -> session.Pair | None:
    """Ask both sides; the answers grow side by side. None where it failed, which is then said on the page."""
    columns = dict(zip((left, right), st.columns(2, gap="large"), strict=True))
    boxes = {arm: column.empty() for arm, column in columns.items()}
    for arm, box in boxes.items():
        box.html(f'<p class="working" role="status"><span class="dot" aria-hidden="true"></span>{ARMS[arm]} …</p>')
    said: dict[Arm, str] = dict.fromkeys(boxes, "")

    def hear(arm: Arm, piece: str) -> None:
        said[arm] += piece
        boxes[arm].html(f'<div class="answer growing">{safe.answer(said[arm], known=(), anchor=str)}</div>')

    try:
        judged = sluice.pipeline.judge(question, options)
        found = compare(sluice.pipeline, judged, options.gate, arms=(left, right), on_text=hear)
    except SluiceError as error:
        failure.show(error)
        return None
    library = judged.retrieved.library.name
    shown = {p.chunk.id for t in found.arms.values() if t.context for p in t.context.passages}
    around = {chunk_id: sluice.around(library, chunk_id) for chunk_id in shown}
    return session.Pair(question, options, left, right, judged, found, around)


def show(pair: session.Pair) -> None:
    """Draw a comparison."""
    left, right = pair.comparison.arms[pair.left], pair.comparison.arms[pair.right]
    found = contrast(left, right)
    st.html(f'<p class="verdict">{line(found, left, right)}</p>')
    if found.same_order:
        st.html(verdict.note("held", "Both sides order the candidates alike: reranking changed nothing here."))
    columns = st.columns(2, gap="large")
    with columns[0]:
        _side(pair, left, pair.left, "left", frozenset(found.only_left))
    with columns[1]:
        _side(pair, right, pair.right, "right", frozenset(found.only_right))
    if right.gate.decisions:
        st.html(
            f'<p class="label">Every candidate, from one order to the other</p><p class="legend">'
            f'<span class="through">● through on the right side</span><span class="rescued">◆ rescued</span>'
            f'<span class="held">○ held back</span><span class="muted">{_tau(found)}</span></p>'
        )
        slope.show(
            _slopes(left, right),
            sides=(ARMS[pair.left], ARMS[pair.right]),
            cut=slope.cut_of(right.gate) if pair.right == "gated" else None,
            key="slope.pair",
        )
        st.html(_table(left, right, pair))


def line(found: Contrast, left: Trace, right: Trace) -> str:
    """`3 of 5 passages differ; 1,140 fewer tokens; 0.14 s more.`"""
    parts = [f"{found.differ} of {plural(found.passages, 'passage')} differ"]
    for side, trace in (("left", left), ("right", right)):
        if trace.gate.outcome == "refused":
            parts = [f"The {side} side refuses: its gate lets nothing through"]
    if found.tokens:
        parts.append(f"{abs(found.tokens):,} {'fewer' if found.tokens < 0 else 'more'} tokens")
    else:
        parts.append("the same tokens")
    parts.append(f"{seconds(abs(found.ms))} {'more' if found.ms >= 0 else 'less'}")
    if left.judged.run.cached_scores or right.judged.run.cached_scores:
        parts[-1] += " (scores from the cache)"
    return "; ".join(parts) + "."


def _side(pair: session.Pair, trace: Trace, arm: Arm, side: str, only: frozenset[str]) -> None:
    tokens = trace.context.tokens if trace.context else 0
    total = seconds(trace.timings_ms.get("total", 0.0))
    cost = "" if trace.cost_usd is None else f" · ${trace.cost_usd:.4f}"
    st.html(
        f'<div class="side-head"><h2>{ARMS[arm]}{why("evidence") if arm == "evidence" else ""}</h2>'
        f'<p class="muted">{plural(len(trace.gate.admitted), "passage")} · {tokens:,} tokens · {total}{cost}</p></div>'
    )
    if trace.gate.refusal is not None:
        st.html(verdict.refusal(trace.gate, trace.judged.retrieved.library.name))
        return
    answer = trace.answer
    if answer is not None:
        render = safe.quoted if answer.mode == "extractive" else safe.answer
        body = render(answer.text, known=answer.citations, anchor=lambda n: f"{side}-p{n}")
        st.html(f'<div class="answer side-answer">{body}</div>')
    numbers = {p.chunk.id: p.number for p in trace.context.passages} if trace.context else {}
    highlights = answer.highlights if answer else {}
    cards = []
    for decision in trace.gate.admitted:
        chunk_id = decision.scored.candidate.chunk.id
        number = numbers.get(chunk_id)
        cards.append(
            passages.card(
                decision,
                number=number,
                anchor=None if number is None else f"{side}-p{number}",
                around=pair.around.get(chunk_id, ()),
                sentence=None if number is None else highlights.get(number),
                side="only on this side" if chunk_id in only else "",
                gated=arm == "gated",
            )
        )
    st.html(f'<div class="cards">{"".join(cards)}</div>')


def _slopes(left: Trace, right: Trace) -> list[slope.Slope]:
    places = {d.scored.candidate.chunk.id: n for n, d in enumerate(left.gate.decisions, 1)}
    through = {d.scored.candidate.chunk.id for d in left.gate.admitted}
    slopes = []
    for n, decision in enumerate(right.gate.decisions, 1):
        chunk = decision.scored.candidate.chunk
        slopes.append(
            slope.Slope(
                name=where_from(chunk),
                left=places[chunk.id],
                right=n,
                group=group_of(decision.kind),
                facts={
                    "p": probability(decision.scored.p),
                    "on the left side": "yes" if chunk.id in through else "no",
                    "on the right side": "yes" if decision.kind.admits else "no",
                },
            )
        )
    return slopes


def _tau(found: Contrast) -> str:
    if found.kendall_tau is None:
        return ""
    return f"Kendall tau {found.kendall_tau:.2f}{why('kendall tau')}".replace("-", "−", 1)


def _table(left: Trace, right: Trace, pair: session.Pair) -> str:
    """The same as a table: what one side alone lets through."""
    ours, theirs = ({d.scored.candidate.chunk.id: n for n, d in enumerate(t.gate.admitted, 1)} for t in (left, right))
    rows = []
    for decision in sorted(right.gate.decisions, key=lambda d: d.scored.rank_after):
        chunk = decision.scored.candidate.chunk
        if chunk.id not in ours and chunk.id not in theirs:
            continue
        change = "both" if chunk.id in ours and chunk.id in theirs else "promoted" if chunk.id in theirs else "dropped"
        rows.append(
            f"<tr><td>{safe.text(where_from(chunk))}</td><td class='num'>{ours.get(chunk.id, '–')}</td>"
            f"<td class='num'>{theirs.get(chunk.id, '–')}</td><td>{_CHANGES[change]}</td></tr>"
        )
    head = (
        f'<tr><th scope="col">Passage</th><th scope="col" class="num">{ARMS[pair.left]}</th>'
        f'<th scope="col" class="num">{ARMS[pair.right]}</th><th scope="col">Change</th></tr>'
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Passages on both sides"><table class="rows">'
        f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


_CHANGES = {
    "both": "on both sides",
    "promoted": '<span class="badge through">▲ promoted: only right</span>',
    "dropped": '<span class="badge held">▼ dropped: only left</span>',
}
