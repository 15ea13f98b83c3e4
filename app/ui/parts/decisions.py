"""The decision table: every candidate, before and after, with its scores, its shares and what the gate did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain import Decision, Scored, Shares
from app.ui import safe
from app.ui.parts.passages import short
from app.ui.words import badge, group_of, probability, why


def table(decisions: Sequence[Decision], *, costs: Mapping[str, int]) -> str:
    """The table as HTML. `costs` maps chunk id -> tokens it takes in the context."""
    titles = (
        ("num", "After"),
        ("num", "Before"),
        ("", f"Passage {why('passage')}"),
        ("", f"p {why('p')}"),
        ("num", f"Raw {why('raw score')}"),
        ("num", f"Shares {why('shares')}<small>score, cosine, BM25</small>"),
        ("", f"Decision {why('gate')}"),
        ("num", f"Tokens {why('tokens')}"),
    )
    head = "".join(f'<th scope="col" class="{kind}">{title}</th>' for kind, title in titles)
    body = "".join(_row(d, costs) for d in decisions)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Decisions"><table class="decisions">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(decision: Decision, costs: Mapping[str, int]) -> str:
    scored = decision.scored
    chunk = scored.candidate.chunk
    place = " › ".join(part for part in chunk.section if part != chunk.title)
    tokens = costs.get(chunk.id, chunk.tokens)
    return (
        f'<tr class="{group_of(decision)}"><td class="num">{scored.rank_after}</td>'
        f'<td class="num">{scored.candidate.rank_before} {_move(scored.candidate.rank_before - scored.rank_after)}</td>'
        f'<td class="what"><details><summary>{safe.text(chunk.title)} <span class="place">{safe.text(place)}</span>'
        f'</summary><div class="words">{short(chunk, length=600)}</div></details></td>'
        f"<td>{_bar(scored.p)}</td>"
        f'<td class="num">{probability(scored.raw_score)}{_first(scored)}</td>'
        f'<td class="num">{_shares(scored.shares)}</td>'
        f'<td class="did">{badge(decision)}<small>{safe.text(decision.reason)}</small></td>'
        f'<td class="num">{tokens:,}</td></tr>'
    )


def _first(scored: Scored) -> str:
    """The score of a cascade's first reranker, beside the second one's: on a scale of its own."""
    return "" if scored.first_score is None else f"<small>first {probability(scored.first_score)}</small>"


def _move(places: int) -> str:
    if places == 0:
        return '<span class="move">=</span>'
    arrow, word = ("▲", "up") if places > 0 else ("▼", "down")
    return f'<span class="move {word}" aria-label="{word} {abs(places)}">{arrow}{abs(places)}</span>'


def _bar(p: float | None) -> str:
    if p is None:
        return '<span class="muted">–</span>'
    return (
        f'<span class="pbar"><span class="num">{probability(p)}</span>'
        f'<span class="track" aria-hidden="true"><span style="width:{100 * p:.0f}%"></span></span></span>'
    )


def _shares(shares: Shares | None) -> str:
    if shares is None:
        return '<span class="muted">–</span>'
    return " ".join(f"{value:+.1f}".replace("-", "−") for value in (shares.score, shares.cosine, shares.bm25))
