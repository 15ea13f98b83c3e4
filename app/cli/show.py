"""Traces as text: the answer, its passages, and the before/after table. Pure: values in, lines out."""

from __future__ import annotations

from rich.table import Table

from app.compare import Comparison
from app.domain import Context, Decision, DecisionKind, Judged, Passage, Trace
from app.odds import told_apart
from app.patience import in_words
from app.prices.words import cost, dollars, explained
from app.stages.context import where_from
from app.stages.parents import sent_as

_STYLES = {
    DecisionKind.KEPT: "green",
    DecisionKind.KEPT_BY_RANK: "green",
    DecisionKind.RESCUED: "yellow",
    DecisionKind.FORCED: "yellow",
}
_STAGES = ("rewrite", "embed", "retrieve", "score", "gate", "context", "generate")


def summary(trace: Trace) -> str:
    """One line: found, through, tokens, time, what became of the reranker."""
    judged, gate = trace.judged, trace.gate
    through = len(trace.context.passages) if trace.context else 0
    parts = [f"{len(judged.scored)} found", f"{through} through the gate"]
    if trace.context is not None:
        parts.append(f"at most {trace.context.tokens:,} of {trace.context.budget:,} tokens")
    line = " -> ".join(parts)
    notes = [f"{trace.timings_ms['total'] / 1000:.2f} s", f"reranking: {judged.run.status}"]
    if said := cost(trace.charges):
        notes.insert(1, said)
    if judged.run.status in ("applied", "fallback") and not gate.changed_order and judged.scored:
        notes.append("reranking changed nothing")
    if judged.run.stopped_after is not None:
        notes.append(f"stopped early, {judged.run.stopped_after} scored")
    if judged.run.looked:
        notes.append(judged.run.looked)
    if judged.run.reason is not None:
        notes.append(judged.run.reason)
    if tried := in_words(judged.run.tries):
        notes.append(tried)
    return f"{line}   ({'; '.join(notes)})"


def refusal(trace: Trace) -> list[str]:
    """Why nothing was let through, the odds, and the nearest misses."""
    found = trace.refusal
    if found is None:
        return []
    name = trace.judged.retrieved.library.name
    lines = [found.message]
    p, above = trace.gate.p_answerable, trace.gate.policy.answer_above
    if found.code.value == "BELOW_THRESHOLD" and p is not None and above is not None and p < above:
        likely, asked_for = told_apart(p, above)
        lines = [f'"{name}" does not seem to answer this ({likely} that it does; the gate asks for {asked_for}).']
    if found.nearest:
        lines.append("Nearest misses:")
        lines += [f"  - {where_from(s.candidate.chunk)}" for s in found.nearest]
        lines.append("Answer from these anyway: add --force")
    if found.code.value == "NO_CANDIDATES" and trace.judged.retrieved.filter:
        lines.append(f"The filter may leave nothing to search: leave out --filter, or see sluice library show {name}")
    if found.code.value == "EMPTY_LIBRARY":
        lines.append(f"Add documents: sluice ingest PATH --library {name}")
    return lines


def sources(context: Context) -> list[str]:
    """The numbered passages, one a line."""
    sent = ((passage, sent_as(context, passage.chunk.id)) for passage in context.passages)
    return [sources_line(passage) + (f"   ({said})" if said else "") for passage, said in sent]


def sources_line(passage: Passage) -> str:
    """`[1] Reranking > Cross-encoders   p 0.93`"""
    p = "" if passage.p is None else f"   p {passage.p:.2f}"
    return f"[{passage.number}] {where_from(passage.chunk)}{p}{'   (weaker)' if passage.weaker else ''}"


def decisions_table(decisions: tuple[Decision, ...]) -> Table:
    """Every candidate, before and after, with its scores, the decision and the reason."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("after", "right"), ("before", "right"), ("move", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("passage", overflow="ellipsis", no_wrap=True, max_width=44)
    for name in ("p", "raw", "cosine", "bm25"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("decision", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for decision in decisions:
        scored = decision.scored
        candidate = scored.candidate
        table.add_row(
            str(scored.rank_after),
            str(candidate.rank_before),
            move(candidate.rank_before - scored.rank_after),
            where_from(candidate.chunk),
            number(scored.p),
            number(scored.raw_score),
            number(candidate.cosine),
            number(candidate.bm25, 1),
            decision.kind.value,
            decision.reason,
            style=_STYLES.get(decision.kind, "dim"),
        )
    return table


def stage_times(trace: Trace) -> str:
    """`embed 12 ms, retrieve 5 ms, score 2 ms (20 of 20 scores from the cache), ...`"""
    run = trace.judged.run
    cached = f" ({run.cached_scores} of {len(trace.judged.scored)} scores from the cache)" if run.cached_scores else ""
    return ", ".join(
        f"{s} {trace.timings_ms[s]:.0f} ms{cached if s == 'score' else ''}"
        for s in _STAGES
        if trace.timings_ms.get(s) is not None
    )


def stage_costs(trace: Trace) -> str:
    """`Cost: embed $0.0000002, score $0.0020. At prices read on 2026-11-21.`; "" where no service took part."""
    each = ", ".join(f"{charge.usage.stage} {dollars(charge.usd)}" for charge in trace.charges)
    return f"Cost: {each}. {explained(trace.charges)}".rstrip() if each else ""


def rewritten(judged: Judged) -> str | None:
    """What was searched for, where it is not what was typed."""
    question = judged.question
    return None if question.rewrite == "none" else f"Searched for: {question.standalone}"


def comparison_line(comparison: Comparison) -> str:
    """`3 of 5 passages differ; 1,140 fewer tokens; 0.14 s more.`"""
    off, gated = comparison.arms["off"], comparison.arms["gated"]
    size = len(gated.context.passages) if gated.context else 0
    tokens = (gated.context.tokens if gated.context else 0) - (off.context.tokens if off.context else 0)
    seconds = (gated.timings_ms.get("total", 0.0) - off.timings_ms.get("total", 0.0)) / 1000
    parts = [
        f"{len(comparison.promoted)} of {size} passages differ" if size else "the gate let nothing through",
        f"{abs(tokens):,} {'fewer' if tokens < 0 else 'more'} tokens" if tokens else "the same tokens",
        f"{abs(seconds):.2f} s {'more' if seconds >= 0 else 'less'}"
        + (" (scores from the cache)" if gated.judged.run.cached_scores else ""),
    ]
    if comparison.changed_nothing:
        parts.append("reranking changed nothing")
    if comparison.kendall_tau is not None:
        parts.append(f"Kendall tau {comparison.kendall_tau:.2f}")
    return "; ".join(parts) + "."


def move(places: int) -> str:
    """`move(4) == "+4"`, `move(0) == "="`."""
    return "=" if places == 0 else f"{places:+d}"


def number(value: float | None, digits: int = 2) -> str:
    """A number for a table, "-" where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"
