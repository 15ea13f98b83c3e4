"""What moved between two sides: the slope chart from one order to the other, and the same as a table."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.compare import Contrast
from app.domain import Decision, Trace
from app.stages.context import where_from
from app.ui import safe, session
from app.ui.parts import slope
from app.ui.parts.sides import ARMS
from app.ui.words import group_of, probability, why


def show(pair: session.Pair, found: Contrast) -> None:
    """Draw both; nothing where there are no candidates."""
    left, right = pair.sides.left, pair.sides.right
    if not right.gate.decisions and not left.gate.decisions:
        return
    told = "Every candidate" if found.same_candidates else "Every candidate that both sides found"
    st.html(
        f'<p class="label">{told}, from one order to the other</p><p class="legend">'
        f'<span class="through">● through on the right side</span><span class="rescued">◆ rescued</span>'
        f'<span class="held">○ held back</span><span class="muted">{_tau(found)}</span></p>'
    )
    slope.show(
        slopes(left, right),
        sides=_headings(pair),
        cut=slope.cut_of(right.gate) if pair.right.arm == "gated" and found.same_candidates else None,
        key="slope.pair",
    )
    st.html(_table(left, right, pair))


def slopes(left: Trace, right: Trace) -> list[slope.Slope]:
    """One line a candidate that both sides have, at its rank on each."""
    places = {d.scored.candidate.chunk.id: n for n, d in enumerate(left.gate.decisions, 1)}
    through = {d.scored.candidate.chunk.id for d in left.gate.admitted}
    lines = []
    for n, decision in enumerate(right.gate.decisions, 1):
        chunk = decision.scored.candidate.chunk
        if chunk.id not in places:
            continue
        lines.append(
            slope.Slope(
                name=where_from(chunk),
                left=places[chunk.id],
                right=n,
                group=group_of(decision),
                facts={
                    "p": probability(decision.scored.p),
                    "on the left side": "yes" if chunk.id in through else "no",
                    "on the right side": "yes" if decision.kind.admits else "no",
                },
            )
        )
    return lines


def _headings(pair: session.Pair) -> tuple[str, str]:
    """What the chart's sides are called: they must differ, and be short."""
    if pair.left.arm == pair.right.arm:
        return "Left side", "Right side"
    return ARMS[pair.left.arm], ARMS[pair.right.arm]


def _tau(found: Contrast) -> str:
    if found.kendall_tau is None:
        return ""
    over = "" if found.same_candidates else f" over {found.common} in common"
    return f"Kendall tau {found.kendall_tau:.2f}{over}{why('kendall tau')}".replace("-", "−", 1)


def _table(left: Trace, right: Trace, pair: session.Pair) -> str:
    """What at least one side lets through, with its rank among the candidates of each."""
    ours, theirs = _placed(left), _placed(right)
    rows = []
    for chunk_id in dict.fromkeys([*theirs, *ours]):
        mine, other = ours.get(chunk_id), theirs.get(chunk_id)
        here, there = (each is not None and each[1].kind.admits for each in (mine, other))
        if not here and not there:
            continue
        change = "both" if here and there else "promoted" if there else "dropped"
        name = where_from((other or ours[chunk_id])[1].scored.candidate.chunk)
        rows.append(
            f"<tr><td>{safe.text(name)}</td><td class='num'>{_rank(mine)}</td><td class='num'>{_rank(other)}</td>"
            f"<td>{_CHANGES[change]}</td></tr>"
        )
    heads = "".join(f'<th scope="col" class="num">{name}<small>rank</small></th>' for name in _headings(pair))
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Passages on both sides"><table class="rows worded">'
        f'<thead><tr><th scope="col">Passage</th>{heads}<th scope="col">Change</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _placed(trace: Trace) -> Mapping[str, tuple[int, Decision]]:
    return {d.scored.candidate.chunk.id: (n, d) for n, d in enumerate(trace.gate.decisions, 1)}


def _rank(placed: tuple[int, Decision] | None) -> str:
    return '<span class="muted">not found</span>' if placed is None else str(placed[0])


_CHANGES = {
    "both": "on both sides",
    "promoted": '<span class="badge through">▲ promoted: only right</span>',
    "dropped": '<span class="badge held">▼ dropped: only left</span>',
}
