"""What stands above and below an answer in one line each: degraded runs, forced answers, the summary, the refusal."""

from __future__ import annotations

from app.counting import counted
from app.domain import Context, GateResult, Judged, RefusalCode, Scored, Trace
from app.odds import told_apart
from app.prices.words import cost
from app.providers.spoken import unspoken
from app.ui import safe
from app.ui.parts.passages import short
from app.ui.words import SHAPES, Group, probability, seconds, why


def degraded(judged: Judged) -> str:
    """The amber line, as HTML; empty when the reranker that was asked for did its work."""
    run = judged.run
    if run.status == "fallback":
        said = f"{run.reason} Another reranker ({run.label.partition(' (')[0]}) was used instead, with its own gate."
    elif run.status == "skipped" and run.requested != "none":
        said = f"{run.reason} These passages were not reranked and not gated: they come in the order of search."
    elif run.status == "skipped":
        said = "Reranking is off: these passages come in the order of search, ungated."
    else:
        return ""
    return note("rescued", said)


def language(judged: Judged) -> str:
    """That a model does not read the question's language, as HTML; empty where it does or that is not known."""
    said = unspoken(judged.question.standalone, judged.retrieved.library.embedder_id, judged.run.used)
    return note("rescued", said) if said else ""


def forced(gate: GateResult) -> str:
    return (
        note("rescued", "Below the gate: answered from the nearest misses because you asked for it.")
        if gate.outcome == "forced"
        else ""
    )


def summary(trace: Trace, gate: GateResult, context: Context | None) -> str:
    """`20 found → 4 through the gate → 812 of 6,000 tokens · 0.31 s · reranking: applied`, as HTML.

    `gate` and `context` are those of the gate as it is now; the time is the answer's.
    """
    judged = trace.judged
    through = len(gate.admitted)
    let = {"forced": "let through on request", "ungated": "used, ungated"}.get(gate.outcome, "through the gate")
    group = "through" if gate.outcome in ("admitted", "refused") else "rescued"
    way = [f"{len(judged.scored)} found", f'<b class="{group}">{through} {let}</b>']
    if context is not None:
        way.append(f"{context.tokens:,} of {context.budget:,} tokens{why('tokens')}")
    facts = [seconds(trace.timings_ms.get("total", 0.0)), f"reranking: {judged.run.status}"]
    if judged.run.status in ("applied", "fallback") and judged.scored and not gate.changed_order:
        facts.append("reranking changed nothing")
    if judged.run.stopped_after is not None:
        facts.append(f"stopped early, {judged.run.stopped_after} scored")
    if judged.run.looked:
        facts.append(safe.text(judged.run.looked))
    if said := cost(trace.charges):
        facts.insert(1, said)
    arrow = ' <span aria-hidden="true" class="arrow">→</span> '
    return f'<p class="summary"><span>{arrow.join(way)}</span><span>{" · ".join(facts)}</span></p>'


def refusal(gate: GateResult, library: str) -> str:
    """Why nothing was let through, in words, with the odds and the nearest misses, as HTML."""
    refused = gate.refusal
    if refused is None:
        return ""
    nearest = "".join(map(_miss, refused.nearest))
    unscored = refused.code is RefusalCode.RERANKER_UNAVAILABLE
    heading = "What search found first" if unscored else "The nearest misses"
    listed = f'<p class="label">{heading}</p><ol class="misses">{nearest}</ol>' if nearest else ""
    return (
        f'<div class="refusal"><p class="lead"><span aria-hidden="true" class="held">○</span> {_reason(gate, library)}'
        f'</p>{listed}<p class="muted">{_next(refused.code)}</p></div>'
    )


def _miss(scored: Scored) -> str:
    chunk = scored.candidate.chunk
    place = " › ".join(part for part in chunk.section if part != chunk.title)
    p = "" if scored.p is None else f'<span class="num muted">p {probability(scored.p)}</span>'
    return (
        f'<li><b>{safe.text(chunk.title)}</b> <span class="place">{safe.text(place)}</span> {p}<br>'
        f'<span class="snippet">{short(chunk)}</span></li>'
    )


def _reason(gate: GateResult, library: str) -> str:
    assert gate.refusal is not None
    name = f"<i>{safe.text(library)}</i>"
    p, above = gate.p_answerable, gate.policy.answer_above
    match gate.refusal.code:
        case RefusalCode.BELOW_THRESHOLD if p is not None and above is not None and p < above:
            likely, asked_for = told_apart(p, above)
            return (
                f"{name} does not seem to answer this: {likely} that it does, and the gate asks for {asked_for}"
                f"{why('answerable')}."
            )
        case RefusalCode.BELOW_THRESHOLD:
            return f"{name} may touch on this, but no passage reached the gate."
        case RefusalCode.NO_CANDIDATES:
            return f"Nothing in {name} matches this question at all."
        case RefusalCode.RERANKER_UNAVAILABLE:
            return safe.text(gate.refusal.message)
        case _:
            return f"{name} holds no documents yet."


def _next(code: RefusalCode) -> str:
    return {
        RefusalCode.BELOW_THRESHOLD: "What you can do: ask in other words, add documents that cover it, bring in more "
        "candidates, or lower the gate (it decides again at once).",
        RefusalCode.NO_CANDIDATES: "What you can do: ask in other words, remove the filter, or add documents.",
        RefusalCode.RERANKER_UNAVAILABLE: "What you can do: choose another reranker, or under More what happens when "
        "one fails.",
        RefusalCode.EMPTY_LIBRARY: "Add documents on the Library page.",
    }[code]


def note(group: Group, said: str) -> str:
    """A line that stands out, as HTML: shape, words and ground of its group."""
    return f'<p class="note {group}"><span aria-hidden="true">{SHAPES[group]}</span> {safe.text(said)}</p>'


def found_line(judged: Judged) -> str:
    """What is said while the answer is being made."""
    return f"{counted(len(judged.scored), 'candidate')} found and scored"
