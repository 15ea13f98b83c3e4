"""Two columns of prose on a page, told by the gutter between them. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from ingest.load.pdf_rows import Row, Segment

_GUTTER = 6.0  # points between two columns of text


def gutter(rows: Sequence[Row]) -> float | None:
    """The middle of the free strip between two columns of prose; None for a page of one column."""
    lines = [row for row in rows if row]
    if len(lines) < 10:
        return None
    left, right = min(row[0].left for row in lines), max(row[-1].right for row in lines)
    width = right - left
    if width < 100:
        return None
    places = [left + width * share / 100 for share in range(30, 71)]
    crossing = [
        sum(any(s.left < at + _GUTTER / 2 and s.right > at - _GUTTER / 2 for s in row) for row in lines)
        for at in places
    ]
    fewest = min(crossing)
    if fewest > 0.3 * len(lines):
        return None
    first = last = crossing.index(fewest)
    while last + 1 < len(places) and crossing[last + 1] == fewest:
        last += 1
    middle = (places[first] + places[last]) / 2
    both = [row for row in lines if row[0].right < middle < row[-1].left]
    texts = [s.text for row in both for s in row]
    prose = bool(texts) and statistics.median(map(len, texts)) >= 20
    return middle if len(both) >= 0.4 * len(lines) and len(both) >= 8 and prose else None


def interleaved(segments: Sequence[Segment], middle: float) -> bool:
    """Whether the file writes the two columns line by line, left and right in turn."""
    sides = [s.left > middle for s in sorted(segments, key=lambda s: s.order) if s.right < middle or s.left > middle]
    turns = sum(a != b for a, b in zip(sides, sides[1:], strict=False))
    return len(sides) >= 8 and turns > 0.4 * len(sides)


def by_columns(rows: Sequence[Row], middle: float) -> list[Row]:
    """Rows across the gutter stay where they are; between them the left column comes first."""
    ordered: list[Row] = []
    left: list[Row] = []
    right: list[Row] = []
    for row in rows:
        if any(s.left < middle - _GUTTER and s.right > middle + _GUTTER for s in row):
            ordered += [*left, *right, row]
            left, right = [], []
            continue
        for side, part in ((left, [s for s in row if s.left < middle]), (right, [s for s in row if s.left >= middle])):
            if part:
                side.append(part)
    return [*ordered, *left, *right]
