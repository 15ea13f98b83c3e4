"""What each reranker made of the playground's passages, side by side: ranks, scores, agreement, time and cost."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.counting import counted
from app.domain import Scale
from app.evaluation.playground import TOP, Play, Played, Ranking, agreements, distinct
from app.prices.words import explained
from app.ui import safe
from app.ui.words import SHAPES, ordinal, probability, seconds, why

_SCALES: Mapping[Scale, str] = {
    Scale.LOGIT: "logit, no bounds",
    Scale.PROBABILITY: "a probability of its own, 0 to 1",
    Scale.BOUNDED: "0 to 1, uncalibrated",
    Scale.ORDINAL: "0 to 4",
    Scale.RANK_ONLY: "none: it only ranks",
}
_CALIBRATIONS = {
    "here": "from your own labels, by its score alone",
    "general": "calibrated in general, by its score alone",
    "none": "not calibrated",
}


def show(play: Play) -> None:
    """Draw everything there is to say about one play."""
    results = distinct(play)
    ranked = [r for r in results if r.ranking is not None]
    st.html(f'<p class="verdict">{safe.text(line(play, ranked))}</p>')
    if ranked:
        st.html(_passages(play, ranked))
    st.html(_facts(results))
    if ranked:
        st.html(_agreement(play))
    if play.unusable:
        rows = "".join(f"<li><b>{safe.text(u.label)}</b>: {safe.text(u.reason)}</li>" for u in play.unusable)
        st.html(f'<p class="label">Not available here</p><ul class="files">{rows}</ul>')


def line(play: Play, ranked: list[Played]) -> str:
    """`2 rerankers ranked 12 passages; they agree on the best one.`"""
    count = counted(len(play.passages), "passage")
    failed = len(play.results) - len(ranked)
    tail = f" {counted(failed, 'reranker')} failed." if failed else ""
    if not ranked:
        return f"No reranker ranked the {count}.{tail}"
    said = f"{counted(len(ranked), 'reranker')} ranked {count}"
    best = {r.ranking.order[0] for r in ranked if r.ranking is not None}
    if len(ranked) > 1:
        said += "; they agree on the best one" if len(best) == 1 else f"; they name {len(best)} different best ones"
    return f"{said}.{tail}"


def _passages(play: Play, ranked: list[Played]) -> str:
    """A row a passage, in the first reranker's order; a column a reranker: rank, raw score, p."""
    rankings = [r.ranking for r in ranked if r.ranking is not None]
    heads = "".join(
        f'<th scope="col">{safe.text(_capital(r.label))}<small>rank, raw score, p</small></th>' for r in ranked
    )
    rows = []
    for index in rankings[0].order:
        text = play.passages[index]
        begins = text if len(text) <= 110 else f"{text[:110].rsplit(' ', 1)[0]} …"
        cells = "".join(f"<td>{_cell(ranking, index)}</td>" for ranking in rankings)
        rows.append(
            f'<tr><td class="num">{index + 1}</td><td class="what"><details><summary>{safe.text(begins)}</summary>'
            f'<div class="words">{safe.text(text)}</div></details></td>{cells}</tr>'
        )
    return _scrolled(
        "Passages by reranker",
        f'<th scope="col" class="num">Given</th><th scope="col">Passage</th>{heads}',
        rows,
        css="decisions played",
    )


def _cell(ranking: Ranking, index: int) -> str:
    raw, p = ranking.raw[index], ranking.p[index]
    score = '<span class="muted">no score</span>' if raw is None else f'<span class="muted">{raw:.2f}</span>'
    bar = (
        '<span class="muted">p –</span>'
        if p is None
        else f'<span class="pbar"><span class="num">p {probability(p)}</span><span class="track" aria-hidden="true">'
        f'<span style="width:{100 * p:.0f}%"></span></span></span>'
    )
    return f'<span class="num"><b>{ordinal(ranking.ranks[index])}</b> {score.replace("-", "−", 1)}</span>{bar}'


def _facts(results: list[Played]) -> str:
    rows = [_fact_row(result) for result in results]
    heads = "".join(
        f'<th scope="col"{kind}>{name}</th>'
        for name, kind in (
            ("Reranker", ""),
            (f"Scale of its scores{why('raw score')}", ""),
            (f"p{why('p')}", ""),
            ("Time", ' class="num"'),
            ("Cost", ' class="num"'),
        )
    )
    notes = dict.fromkeys(explained(r.ranking.charges) for r in results if r.ranking is not None)
    below = "".join(f'<p class="muted">{safe.text(note)}</p>' for note in notes if note)
    return _scrolled("Rerankers", heads, rows, css="rows worded") + below


def _fact_row(result: Played) -> str:
    ranking = result.ranking
    if ranking is None:
        return (
            f'<tr><td>{safe.text(_capital(result.label))}</td><td colspan="4">'
            f'<span class="failed">{SHAPES["failed"]} failed</span>: '
            f"{safe.text(result.error)}<small>{safe.text(result.hint)}</small></td></tr>"
        )
    notes = []
    if ranking.tells_nothing:
        notes.append("Every passage has the same score: this is the order given.")
    if ranking.windowed:
        notes.append(f"{counted(ranking.windowed, 'passage')} longer than it reads at once: read in parts.")
    if ranking.cut:
        notes.append(f"{counted(ranking.cut, 'passage')} longer than it reads: judged by the beginning.")
    cached = f"<small>{ranking.cached} of {len(ranking.raw)} scores from the cache</small>" if ranking.cached else ""
    return (
        f"<tr><td>{safe.text(_capital(result.label))}{_small(notes)}</td><td>{_SCALES[ranking.scale]}</td>"
        f"<td>{_CALIBRATIONS[ranking.calibration]}</td><td class='num'>{seconds(ranking.ms)}{cached}</td>"
        f"<td class='num'>{ranking.paid}</td></tr>"
    )


def _small(notes: list[str]) -> str:
    return "".join(f"<small>{note}</small>" for note in notes)


def _agreement(play: Play) -> str:
    rows = []
    for pair in agreements(play):
        tau = "–" if pair.tau is None else f"{pair.tau:.2f}".replace("-", "−")
        top = "–" if pair.top is None else f"{round(pair.top * TOP)} of {TOP}"
        between = f"{safe.text(_capital(pair.other))} <span class='muted'>and</span> {safe.text(pair.one)}"
        rows.append(f"<tr><td>{between}</td><td class='num'>{tau}</td><td class='num'>{top}</td></tr>")
    heads = (
        f'<th scope="col">Agreement</th><th scope="col" class="num">Kendall tau{why("kendall tau")}</th>'
        f'<th scope="col" class="num">First {TOP} in common</th>'
    )
    few = len(play.passages) <= TOP
    note = f'<p class="muted">With {TOP} passages or fewer, all orders share their first {TOP}.</p>' if few else ""
    return _scrolled("Agreement", heads, rows, css="rows worded") + note


def _capital(label: str) -> str:
    return label[:1].upper() + label[1:]


def _scrolled(label: str, heads: str, rows: list[str], *, css: str = "rows") -> str:
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table class="{css}">'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
