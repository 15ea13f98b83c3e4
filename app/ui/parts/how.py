"""How these were chosen: the chart, the table beside it, the times, the budget, and the question that was searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.counting import counted
from app.domain import Charge, Context, GateResult, Judged
from app.patience import in_words
from app.prices.words import dollars, explained
from app.stages.context import passage_cost
from app.ui import safe
from app.ui.parts import bars, decisions, slope


def show(
    judged: Judged,
    gate: GateResult,
    context: Context | None,
    timings_ms: Mapping[str, float],
    *,
    charges: Sequence[Charge] = (),
    key: str,
    reworded: bool,
) -> str | None:
    """Draw it; returns the question as a person rewrote it, when they ask with their own wording."""
    asked = _question(judged, key=key) if reworded else None
    if judged.scored:
        st.html(_legend())
        slope.show(
            slope.slopes_of(gate.decisions),
            sides=("by search", "after reranking" if judged.run.status in ("applied", "fallback") else "unchanged"),
            cut=slope.cut_of(gate),
            key=f"slope.{key}",
        )
        costs = {d.scored.candidate.chunk.id: passage_cost(d.scored.candidate.chunk) for d in gate.decisions}
        st.html(decisions.table(gate.decisions, costs=costs))
    left, right = st.columns(2, gap="large")
    cached = judged.run.cached_scores
    kept = f"{cached} of {counted(len(judged.scored), 'score')} came from the score cache." if cached else ""
    left.html(bars.stage_times(timings_ms, note=kept))
    if context is not None:
        right.html(bars.token_budget(context))
    if charges:
        each = "; ".join(f"{bars.STAGES.get(c.usage.stage, c.usage.stage)} {dollars(c.usd)}" for c in charges)
        st.html(f'<p class="muted">{safe.text(f"Cost: {each}. {explained(charges)}")}</p>')
    if tried := in_words(judged.run.tries):
        st.html(f'<p class="muted">{safe.text(f"Reranker: {tried}")}</p>')
    if judged.run.calibration_note:
        st.caption(f"Probabilities: {judged.run.calibration_note}.")
    return asked


def _question(judged: Judged, *, key: str) -> str | None:
    question = judged.question
    ways = {
        "none": "Searched for, as it was typed",
        "model": "Searched for, reworded by the chat model to stand alone",
        "terms": "Searched for, with terms of the earlier questions",
        "edited": "Searched for, in your wording",
    }
    with st.form(f"reword.{key}", border=False):
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        wording = left.text_input(ways[question.rewrite], question.standalone, key=f"wording.{key}")
        pressed = right.form_submit_button("Search again", width="stretch")
    if question.note:
        st.caption(question.note)
    return wording if pressed and wording.strip() and wording != question.standalone else None


def _legend() -> str:
    return (
        '<p class="legend"><span class="through">● through</span><span class="rescued">◆ rescued</span>'
        '<span class="held">○ held back</span><span class="muted">Left: rank by search. Right: rank after reranking. '
        "The line on the right is the gate.</span></p>"
    )
