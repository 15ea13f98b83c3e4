"""Text with its place on a page, and the rows it stands in. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """Text without a wide gap in it, in points from the page's lower left corner; `order` is its place in the file."""

    left: float
    bottom: float
    right: float
    top: float
    text: str
    order: int

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        return max(1.0, self.top - self.bottom)


Row = list[Segment]


def rows_of(segments: Sequence[Segment]) -> list[Row]:
    """Segments of about the same height on the page, from top to bottom, each row from left to right."""
    rows: list[Row] = []
    for segment in sorted(segments, key=lambda s: -s.middle):
        last = rows[-1] if rows else None
        if last is not None and abs(last[0].middle - segment.middle) < 0.5 * min(last[0].height, segment.height):
            last.append(segment)
        else:
            rows.append([segment])
    return [sorted(row, key=lambda s: s.left) for row in rows]
