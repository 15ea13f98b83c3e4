"""What a scorer marked in the text it saw, as places in the chunk's own text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain import Span


def in_own_text(spans: Sequence[Span], seen: str, own: str, start: int | None) -> tuple[Span, ...]:
    """The spans that touch `own`, moved to it; in order, those that overlap as one with the better score.

    `seen` is what the scorer read, `start` where `own` begins in it (None: it is not in it). What is marked of the
    title or the section is left out, and so is a place outside the text: a service may count differently.

    >>> in_own_text([Span(0, 4, 0.5), Span(5, 8, 0.9)], "Mars\\nIt is red.", "It is red.", 5)
    (Span(start=0, end=3, score=0.9),)
    """
    if start is None or seen[start : start + len(own)] != own:
        return ()
    found: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, s.end)):
        first, last = max(0, span.start - start), min(len(own), span.end - start)
        if first >= last or span.end > len(seen):
            continue
        if found and first < found[-1].end:
            before = found.pop()
            found.append(Span(before.start, max(before.end, last), max(before.score, span.score)))
        else:
            found.append(Span(first, last, span.score))
    return tuple(found)
