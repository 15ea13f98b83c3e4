"""The slope chart: rank on the left, rank on the right, a line a candidate, and the gate across the right side.

Shape and dash repeat what colour says. The decision table beside it carries the same facts for keyboard and reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import streamlit as st

from app.domain import Decision, GateResult
from app.stages.context import where_from
from app.theme import DARK, LIGHT, Palette
from app.ui.words import Group, decided, group_of, probability

GROUPS: Mapping[Group, str] = {
    "through": "through",
    "rescued": "rescued",
    "held": "held back",
    "failed": "not scored",
}
_SHAPES = {"through": "circle", "rescued": "diamond", "held back": "stroke", "not scored": "triangle-up"}
_DASHES = {"through": [1, 0], "rescued": [6, 3], "held back": [2, 3], "not scored": [1, 4]}
_NAME_LENGTH = 34


@dataclass(frozen=True, slots=True)
class Slope:
    """One line of the chart. Ranks are 1-based; `facts` is what hovering says."""

    name: str
    left: int
    right: int
    group: Group
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the gate crosses the right side: below this many candidates (0: nothing passes), and what it says."""

    below: float
    label: str


def slopes_of(decisions: Sequence[Decision]) -> list[Slope]:
    """Before and after reranking, one line a decision."""
    return [
        Slope(
            name=where_from(d.scored.candidate.chunk),
            left=d.scored.candidate.rank_before,
            right=d.scored.rank_after,
            group=group_of(d),
            facts={
                "p": probability(d.scored.p),
                "raw score": probability(d.scored.raw_score),
                "cosine": probability(d.scored.candidate.cosine),
                "BM25": probability(d.scored.candidate.bm25),
                "decision": decided(d.kind),
            },
        )
        for d in decisions
    ]


def cut_of(gate: GateResult) -> Cut | None:
    """Where the gate cuts the new order; None when nothing was gated."""
    policy, scored = gate.policy, [d.scored for d in gate.decisions]
    if gate.outcome == "ungated" or not scored:
        return None
    if gate.refusal is not None:
        return Cut(0, "gate closed: question refused")
    if any(s.p is not None for s in scored) and policy.keep_above is not None:
        passing = sum(s.p is not None and s.p >= policy.keep_above for s in scored)
        return Cut(passing, f"gate: p from {policy.keep_above:.2f}")
    if policy.raw_keep_above is not None and not any(s.p is not None for s in scored):
        passing = sum(s.raw_score is not None and s.raw_score >= policy.raw_keep_above for s in scored)
        return Cut(passing, f"gate: raw score from {policy.raw_keep_above:.2f}")
    return Cut(min(policy.max_chunks, len(scored)), f"gate: the first {policy.max_chunks}")


def show(
    slopes: Sequence[Slope], *, sides: tuple[str, str], cut: Cut | None, key: str, palette: Palette | None = None
) -> None:
    """Draw the chart across the width there is."""
    if not slopes:
        return
    through = sum(s.group in ("through", "rescued") for s in slopes)
    st.altair_chart(
        chart(slopes, sides=sides, cut=cut, palette=palette or _palette()),
        width="stretch",
        theme=None,
        key=key,
        alt=f"Ranks of {len(slopes)} passages: left {sides[0]}, right {sides[1]}; {through} let through.",
    )


def chart(slopes: Sequence[Slope], *, sides: tuple[str, str], cut: Cut | None, palette: Palette) -> alt.LayerChart:
    """The chart as a value."""
    rows = [row for place, slope in enumerate(slopes) for row in _rows(place, slope, sides)]
    lowest = max(max(s.left, s.right) for s in slopes)
    colours = {
        "through": palette.through,
        "rescued": palette.rescued,
        "held back": palette.held,
        "not scored": palette.failed,
    }
    present = [name for name in colours if any(GROUPS[s.group] == name for s in slopes)]
    over = alt.selection_point(fields=["line"], on="pointerover", nearest=True, empty=False, clear="pointerout")
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.12, 1.75], nice=False)),
        y=alt.Y("rank:Q", axis=None, scale=alt.Scale(domain=[-0.4, lowest + 0.7], reverse=True, nice=False)),
        color=alt.Color("group:N", legend=None, scale=_scale(present, colours)),
        detail="line:N",
    )
    strong = alt.FieldOneOfPredicate(field="group", oneOf=["through", "rescued"])
    lines = base.mark_line(interpolate="monotone").encode(
        strokeDash=alt.StrokeDash("group:N", legend=None, scale=_scale(present, _DASHES)),
        strokeWidth=alt.condition(over, alt.value(4), alt.StrokeWidth("width:Q", scale=None, legend=None)),
        opacity=alt.condition(over, alt.value(1), alt.Opacity("opacity:Q", scale=None, legend=None)),
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        shape=alt.Shape("group:N", legend=None, scale=_scale(present, _SHAPES)),
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("passage", sides[0], sides[1], *slopes[0].facts)],
    )
    left = base.transform_filter("datum.x == 0").mark_text(align="right", dx=-10, fontSize=12)
    right = base.transform_filter("datum.x == 1").mark_text(align="left", dx=10, fontSize=12)
    names = (
        base.transform_filter(strong)
        .transform_filter("datum.x == 1")
        .mark_text(align="left", dx=32, fontSize=12, limit=alt.ExprRef("max(70, width * 0.27)"))
        .encode(text="name:N")
    )
    layers = [
        lines,
        points.add_params(over),
        left.encode(text="rank:Q", color=alt.value(palette.muted)),
        right.encode(text="rank:Q", color=alt.value(palette.muted)),
        names.encode(color=alt.value(palette.text)),
        _titles(sides, palette),
    ]
    if cut is not None:
        layers += _gate(cut, palette)
    return (
        alt.layer(*layers)
        .properties(
            height=max(200, 19 * (lowest + 2)),
            background="transparent",
            padding={"left": 4, "top": 4, "right": 4, "bottom": 4},
        )
        .configure(font="Source Sans, system-ui, sans-serif", view=alt.ViewConfig(stroke=None))
    )


def _rows(place: int, slope: Slope, sides: tuple[str, str]) -> list[dict[str, Any]]:
    name = slope.name if len(slope.name) <= _NAME_LENGTH else f"{slope.name[: _NAME_LENGTH - 1]}…"
    strong = slope.group in ("through", "rescued")
    common = {
        "line": place,
        "name": name,
        "passage": slope.name,
        "group": GROUPS[slope.group],
        "width": 2.4 if strong else 1.2,
        "opacity": 0.95 if strong else 0.6,
        sides[0]: str(slope.left),
        sides[1]: str(slope.right),
        **slope.facts,
    }
    return [{**common, "x": 0, "rank": slope.left}, {**common, "x": 1, "rank": slope.right}]


def _titles(sides: tuple[str, str], palette: Palette) -> alt.Chart:
    values = [{"x": 0, "rank": 0, "side": sides[0]}, {"x": 1, "rank": 0, "side": sides[1]}]
    return (
        alt.Chart(alt.InlineData(values=values))
        .mark_text(align="left", dx=-14, fontSize=12, fontWeight=600, color=palette.text)
        .encode(x="x:Q", y="rank:Q", text="side:N")
    )


def _gate(cut: Cut, palette: Palette) -> list[alt.Chart]:
    values = [{"x": 0.88, "x2": 1.75, "rank": cut.below + 0.5, "label": cut.label}]
    base = alt.Chart(alt.InlineData(values=values)).encode(y="rank:Q")
    return [
        base.mark_rule(color=palette.text, strokeWidth=1.6).encode(x="x:Q", x2="x2:Q"),
        base.mark_text(align="right", dy=10, fontSize=11, fontWeight=600, color=palette.text).encode(
            x="x2:Q", text="label:N"
        ),
    ]


def _scale(names: Sequence[str], values: Mapping[str, Any]) -> alt.Scale:
    return alt.Scale(domain=list(names), range=[values[name] for name in names])


def _palette() -> Palette:
    return DARK if st.context.theme.type == "dark" else LIGHT
