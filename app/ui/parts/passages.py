"""Passages as cards: one line each, opening in place to the text with the words around it. All of it is escaped."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain import Chunk, Decision, Scored
from app.instructing import instruction_in
from app.ui import safe
from app.ui.words import badge, moved, probability

LONGEST_NEIGHBOUR = 420  # characters of the passage before and after


def card(
    decision: Decision,
    *,
    number: int | None = None,
    anchor: str | None = None,
    around: Sequence[Chunk] = (),
    sentence: str | None = None,
    side: str = "",
    gated: bool = True,
) -> str:
    """One passage as HTML. `number` is its citation, `anchor` the id its citation links to, `side` a mark of its own
    ("only here"); `gated=False` leaves out what the gate decided, where there was none."""
    scored = decision.scored
    chunk = scored.candidate.chunk
    place = " › ".join(part for part in chunk.section if part != chunk.title)
    facts = [f'<span class="num">p&nbsp;{probability(scored.p)}</span>'] if scored.p is not None else []
    if scored.raw_score is not None or scored.p is not None:
        facts.append(f"<span>{moved(scored)}</span>")
    if gated:
        facts.append(badge(decision))
    label = f'<span class="cite-no" aria-label="Passage {number}">{number}</span>' if number is not None else ""
    note = f'<span class="side">{safe.text(side)}</span>' if side else ""
    told = instruction_in(chunk.text)
    if told is not None:
        note += '<span class="side"><span aria-hidden="true">▲</span> speaks to the model</span>'
    return (
        f'<details class="passage"><summary>{label}'
        f'<span class="from"><b>{safe.text(chunk.title)}</b> <span class="place">{safe.text(place)}</span></span>'
        f'<span class="facts">{note}{"".join(facts)}</span></summary>'
        f'<div class="inside"{_id(anchor)}>{_source(chunk)}{_in_place(scored, around, sentence)}'
        f'<p class="reason">{safe.text(decision.reason)}</p>{_remarks(scored, told)}</div></details>'
    )


def short(chunk: Chunk, *, length: int = 240) -> str:
    """The beginning of a passage, escaped."""
    cut = chunk.text if len(chunk.text) <= length else f"{chunk.text[:length].rsplit(' ', 1)[0]} …"
    return safe.text(cut)


def _id(anchor: str | None) -> str:
    return "" if anchor is None else f' id="{safe.text(anchor)}"'


def _source(chunk: Chunk) -> str:
    rows: dict[str, object] = {"Document": chunk.title}
    section = " › ".join(part for part in chunk.section if part != chunk.title)
    if section:
        rows["Section"] = section
    if chunk.page is not None:
        rows["Page"] = chunk.page
    cells = "".join(f"<dt>{name}</dt><dd>{safe.text(value)}</dd>" for name, value in rows.items())
    return f"<dl>{cells}</dl>"


def _remarks(scored: Scored, told: str | None) -> str:
    """What is to be known of how the reranker read it, and whether it tells a language model what to do."""
    speaks = (
        f"It speaks to a language model (“{told}”). It is passed on as data, fenced, like any other." if told else ""
    )
    marked = "Dotted lines mark what the reranker found relevant." if scored.spans else ""
    cut = "It is longer than the reranker reads: its end was not judged." if scored.truncated else ""
    return "".join(f'<p class="reason">{safe.text(words)}</p>' for words in (speaks, marked, cut) if words)


def _in_place(scored: Scored, around: Sequence[Chunk], sentence: str | None) -> str:
    chunk = scored.candidate.chunk
    neighbours = {c.ordinal - chunk.ordinal: c for c in around}
    before, after = neighbours.get(-1), neighbours.get(1)
    parts = []
    if before is not None and (words := _before(before.text, chunk.text)):
        parts.append(f'<span class="around">{safe.text(words)}</span>\n')
    parts.append(
        f'<span class="own">{safe.marked(chunk.text, sentence, [(s.start, s.end) for s in scored.spans])}</span>'
    )
    if after is not None and (words := _after(chunk.text, after.text)):
        parts.append(f'\n<span class="around">{safe.text(words)}</span>')
    return f'<div class="words">{"".join(parts)}</div>'


def _before(earlier: str, own: str) -> str:
    """The end of the earlier passage, without what both share (passages overlap)."""
    words = earlier[: len(earlier) - _overlap(earlier, own)].rstrip()
    if len(words) <= LONGEST_NEIGHBOUR:
        return words
    return f"… {words[-LONGEST_NEIGHBOUR:].partition(' ')[2]}"


def _after(own: str, later: str) -> str:
    words = later[_overlap(own, later) :].lstrip()
    return words if len(words) <= LONGEST_NEIGHBOUR else f"{words[:LONGEST_NEIGHBOUR].rpartition(' ')[0]} …"


def _overlap(first: str, second: str) -> int:
    """How many characters at the end of `first` begin `second`. `_overlap("abc", "bcd") == 2`."""
    for length in range(min(len(first), len(second)), 0, -1):
        if first.endswith(second[:length]):
            return length
    return 0
