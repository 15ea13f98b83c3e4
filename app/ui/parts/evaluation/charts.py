"""The plots of an evaluation, drawn with Altair in the page's colours. What they show is in the tables beside them.

Shape or dash repeats what colour says. Each is a function from measured values to a chart; `draw` puts it on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import streamlit as st

from app.evaluation.curves import GateCurves
from app.evaluation.figures import estimate
from app.evaluation.measures_calibration import Reliability
from app.evaluation.paired import TIE, Move
from app.evaluation.risk_coverage import RiskCoverage
from app.evaluation.steps import FourSteps
from app.evaluation.verdict import points
from app.theme import DARK, LIGHT, Palette

STEP_NAMES = {"retrieval": "retrieval", "evidence": "evidence", "scorer": "reranker", "gate": "gate"}
PAID_NAMES = {"paid": "paid", "cost": "cost more than it gave", "cannot tell": "within noise"}
_PAID_SHAPES = {"paid": "triangle-up", "within noise": "circle", "cost more than it gave": "triangle-down"}
GATE_NAMES = {
    "pooled_precision": "precision",
    "recall": "recall",
    "wrong_refusals": "wrong refusals",
    "wrong_answers": "wrong answers",
}
_GATE_DASHES = {"precision": [1, 0], "recall": [7, 3], "wrong refusals": [2, 3], "wrong answers": [9, 3, 2, 3]}
_HEIGHT = 240
_MOST_BARS = 400
_FEW_BARS = 12  # these would be as wide as doors
_WIDEST = 26
_LABELS = 12


def draw(chart: alt.LayerChart, *, key: str, says: str) -> None:
    """Put a chart on the page, across the width there is; `says` is for who cannot see it."""
    st.altair_chart(chart, width="stretch", theme=None, key=key, alt=says)


def palette() -> Palette:
    return DARK if st.context.theme.type == "dark" else LIGHT


def staircase(steps: FourSteps, colours: Palette) -> alt.LayerChart:
    """What the context is worth after each step, with its interval, joined as stairs."""
    rows = [
        {
            "step": STEP_NAMES[step.name],
            "worth": step.worth.value,
            "low": step.worth.low,
            "high": step.worth.high,
            "says": points(step.worth.value),
            "paid": "start" if step.difference is None else PAID_NAMES[step.paid],
            "interval": estimate(step.worth),
        }
        for step in steps.steps
        if step.worth is not None
    ]
    x = alt.X("step:N", sort=None, axis=alt.Axis(labelAngle=0, title=None, grid=False))
    y = alt.Y("worth:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title="worth of what is sent (F1)", tickCount=5))
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x)
    colour = alt.Color(
        "paid:N",
        legend=None,
        scale=alt.Scale(
            domain=["start", *_PAID_SHAPES], range=[colours.held, colours.through, colours.held, colours.rescued]
        ),
    )
    shape = alt.Shape(
        "paid:N",
        legend=None,
        scale=alt.Scale(domain=["start", *_PAID_SHAPES], range=["square", *_PAID_SHAPES.values()]),
    )
    return _framed(
        [
            base.mark_line(interpolate="step", color=colours.line, strokeWidth=2).encode(y=y),
            base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=None), y2="high:Q", color=colour),
            base.mark_point(filled=True, size=130, opacity=1).encode(
                y=y, color=colour, shape=shape, tooltip=_says("step", "interval", "paid")
            ),
            base.mark_text(align="left", dx=11, dy=-9, fontSize=13, fontWeight=600, color=colours.text).encode(
                y=y, text="says:N"
            ),
        ],
        colours,
    )


def paired(moves: Sequence[Move], texts: Mapping[str, str], colours: Palette, *, measure: str) -> alt.LayerChart:
    """A bar a question that changed, most won first: above the line it won, below it lost."""
    changed = sorted((m for m in moves if abs(m.change) > TIE), key=lambda m: -m.change)
    rows = [
        {
            "place": place,
            "change": m.change,
            "side": "won" if m.change > 0 else "lost",
            "question": texts.get(m.id, m.id),
            "before": points(m.before),
            "after": points(m.after),
        }
        for place, m in enumerate(_thinned(changed))
    ]
    most = max((abs(m.change) for m in changed), default=1.0)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("place:O", axis=None, scale=alt.Scale(paddingInner=0.15 if len(rows) < 60 else 0.0)),
        y=alt.Y(
            "change:Q",
            scale=alt.Scale(domain=[-most, most]),
            axis=alt.Axis(title=f"change of {measure}", tickCount=5, format="+.1f"),
        ),
    )
    few = {"size": _WIDEST} if len(rows) < _FEW_BARS else {}
    bars = base.mark_bar(cornerRadiusEnd=1, **few).encode(
        color=alt.Color(
            "side:N",
            legend=None,
            scale=alt.Scale(domain=["won", "lost"], range=[colours.through, colours.rescued]),
        ),
        tooltip=_says("question", "before", "after"),
    )
    zero = alt.Chart(alt.InlineData(values=[{"change": 0}])).mark_rule(color=colours.muted).encode(y="change:Q")
    return _framed([bars, zero], colours)


def gate_curves(curves: GateCurves, at: float, above: int, colours: Palette, *, title: str) -> alt.LayerChart:
    """The gate numbers over the threshold, with a line where it stands. `above` is the column of answer_above."""
    tints = {
        "precision": colours.through,
        "recall": colours.held,
        "wrong refusals": colours.rescued,
        "wrong answers": colours.failed,
    }
    rows = [
        {"threshold": float(threshold), "value": float(value), "number": name}
        for field, name in GATE_NAMES.items()
        for threshold, value in zip(curves.keep_above, getattr(curves, field)[:, above], strict=True)
        if np.isfinite(threshold) and np.isfinite(value)
    ]
    present = [name for name in tints if any(row["number"] == name for row in rows)]
    legend = alt.Legend(orient="top", title=None, columns=2, labelLimit=200, symbolStrokeWidth=3, symbolSize=350)
    lines = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(interpolate="step-after", strokeWidth=2.4)
        .encode(
            x=alt.X("threshold:Q", axis=alt.Axis(title=title, tickCount=6), scale=alt.Scale(nice=False)),
            y=alt.Y("value:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title=None, tickCount=5)),
            color=alt.Color("number:N", legend=legend, scale=_scale(present, tints)),
            strokeDash=alt.StrokeDash("number:N", legend=legend, scale=_scale(present, _GATE_DASHES)),
            tooltip=["number:N", alt.Tooltip("threshold:Q", format=".2f"), alt.Tooltip("value:Q", format=".2f")],
        )
    )
    rule = (
        alt.Chart(alt.InlineData(values=[{"threshold": at}]))
        .mark_rule(color=colours.text, strokeWidth=1.6)
        .encode(x="threshold:Q")
    )
    return _framed([lines, rule], colours, height=260)


def reliability(found: Reliability, colours: Palette) -> alt.LayerChart:
    """What p says against what is so, in bins with their intervals; on the diagonal p means what it says."""
    rows = [
        {
            "said": b.said,
            "seen": b.seen.value,
            "low": b.seen.low,
            "high": b.seen.high,
            "p says": points(b.said),
            "relevant": f"{estimate(b.seen)} of {b.seen.n:,}",
        }
        for b in found.bins
    ]
    x = alt.X("said:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title="p says", tickCount=5))
    y = alt.Y("seen:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title="share relevant", tickCount=5))
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x)
    ends = [{"said": 0, "seen": 0}, {"said": 1, "seen": 1}]
    return _framed(
        [
            alt.Chart(alt.InlineData(values=ends)).mark_line(color=colours.muted, strokeDash=[3, 3]).encode(x=x, y=y),
            base.mark_rule(color=colours.through, strokeWidth=1.6).encode(y=alt.Y("low:Q", title=None), y2="high:Q"),
            base.mark_point(filled=True, size=90, opacity=1, color=colours.through).encode(
                y=y, tooltip=_says("p says", "relevant")
            ),
        ],
        colours,
    )


def risk(found: RiskCoverage, colours: Palette, *, answered: float | None) -> alt.LayerChart:
    """What goes wrong among the questions answered, the surest first. `answered` is the share that the gate answers."""
    places = np.unique(np.linspace(0, len(found.risk) - 1, min(len(found.risk), 200)).astype(int))
    rows = [{"answered": float(found.coverage[i]), "wrong": float(found.risk[i])} for i in places]
    x = alt.X("answered:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title="share answered", tickCount=5))
    y = alt.Y("wrong:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title="share wrong of these", tickCount=5))
    layers: list[alt.Chart] = [
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(color=colours.through, strokeWidth=2.4, interpolate="step-before")
        .encode(x=x, y=y, tooltip=[alt.Tooltip("answered:Q", format=".2f"), alt.Tooltip("wrong:Q", format=".2f")])
    ]
    if answered is not None:
        here = [{"answered": answered, "label": "this gate"}]
        rule = alt.Chart(alt.InlineData(values=here)).encode(x=x)
        layers += [
            rule.mark_rule(color=colours.text, strokeWidth=1.6),
            rule.mark_text(
                align="right" if answered > 0.5 else "left",
                dx=-5 if answered > 0.5 else 5,
                y=8,
                fontSize=_LABELS,
                fontWeight=600,
                color=colours.text,
            ).encode(text="label:N"),
        ]
    return _framed(layers, colours)


def _thinned(moves: Sequence[Move]) -> Sequence[Move]:
    """All, or as many as can be told apart, evenly from the sorted ones: the shape stays."""
    if len(moves) <= _MOST_BARS:
        return moves
    return [moves[i] for i in np.linspace(0, len(moves) - 1, _MOST_BARS).astype(int)]


def _says(*names: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{name}:N") for name in names]


def _scale(names: Sequence[str], values: Mapping[str, Any]) -> alt.Scale:
    return alt.Scale(domain=list(names), range=[values[name] for name in names])


def _framed(layers: Sequence[alt.Chart], colours: Palette, *, height: int = _HEIGHT) -> alt.LayerChart:
    axis = alt.AxisConfig(
        labelColor=colours.muted,
        titleColor=colours.muted,
        gridColor=colours.line,
        domainColor=colours.line,
        tickColor=colours.line,
        labelFontSize=_LABELS,
        titleFontSize=_LABELS,
        titleFontWeight="normal",
    )
    return (
        alt.layer(*layers)
        .properties(height=height, background="transparent", padding={"left": 2, "top": 6, "right": 8, "bottom": 2})
        .configure(
            font="Source Sans, system-ui, sans-serif",
            view=alt.ViewConfig(stroke=None),
            axis=axis,
            legend=alt.LegendConfig(labelColor=colours.text, labelFontSize=_LABELS),
        )
    )
