"""Two stacked bars: where the time went, and what the passages take of the token budget; each part is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.counting import counted
from app.domain import Context
from app.ui import safe
from app.ui.words import why

STAGES: Mapping[str, str] = {
    "rewrite": "rewriting",
    "embed": "embedding",
    "retrieve": "search",
    "score": "reranking",
    "gate": "gate",
    "context": "context",
    "generate": "answer",
}


_TINTS = 7


def stage_times(timings_ms: Mapping[str, float], *, note: str = "") -> str:
    """Milliseconds by stage, as HTML."""
    parts = [(word, timings_ms[stage]) for stage, word in STAGES.items() if timings_ms.get(stage) is not None]
    total = sum(ms for _, ms in parts)
    legend = [(word, f"{ms:,.0f} ms" if ms >= 1 else "under 1 ms") for word, ms in parts]
    return _stacked(
        f"Time: {total:,.0f} ms", [ms / total if total else 0.0 for _, ms in parts], legend, key="time", note=note
    )


def token_budget(context: Context) -> str:
    """Tokens a passage, and what is left of the budget, as HTML."""
    parts = [(f"passage {p.number}", p.tokens) for p in context.passages]
    budget = context.budget or 1
    legend = [(name, f"{tokens:,}") for name, tokens in parts]
    free = max(0, context.budget - context.tokens)
    known = "" if context.window_known else " The model's window is not known; a small one is assumed (CHAT_WINDOW)."
    left = f" {counted(len(context.left_out), 'passage')} did not fit." if context.left_out else ""
    return _stacked(
        f"Tokens: {context.tokens:,} of {context.budget:,} {why('tokens')}",
        [tokens / budget for _, tokens in parts],
        [*legend, ("free", f"{free:,}")],
        key="tokens",
        note=f"{left}{known}",
    )


def _stacked(
    title: str, shares: Sequence[float], legend: Sequence[tuple[str, str]], *, key: str, note: str = ""
) -> str:
    segments = "".join(
        f'<span class="seg s{i % _TINTS}" style="width:{100 * share:.2f}%"></span>' for i, share in enumerate(shares)
    )
    names = "".join(
        f'<li><span class="key s{i % _TINTS if i < len(shares) else "free"}" aria-hidden="true"></span>'
        f'{safe.text(name)} <span class="num">{safe.text(value)}</span></li>'
        for i, (name, value) in enumerate(legend)
    )
    said = f'<p class="muted">{safe.text(note.strip())}</p>' if note.strip() else ""
    return (
        f'<div class="bar {key}"><p class="label">{title}</p><div class="stack" aria-hidden="true">{segments}</div>'
        f"<ul>{names}</ul>{said}</div>"
    )
