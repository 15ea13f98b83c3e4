"""Scalable drawings as text: a few elements, colours by the palette's names, so that light and dark both work. Pure.

Drawings are 360 units wide, so that at 390 pixels a unit is a pixel and text stays readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH = 360.0


@dataclass(slots=True)
class Drawing:
    """Elements in the order they are drawn. `title` is what a screen reader says."""

    title: str
    height: float
    parts: list[str] = field(default_factory=list)

    def line(
        self, x1: float, y1: float, x2: float, y2: float, *, stroke: str = "line", width: float = 1, dash: str = ""
    ) -> None:
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" style="stroke:var(--{stroke})" '
            f'stroke-width="{_n(width)}"{dashes}/>'
        )

    def path(self, points: Sequence[tuple[float, float]], *, stroke: str, dash: str = "") -> None:
        """A line through the points."""
        if len(points) < 2:
            return
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        told = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self.parts.append(
            f'<polyline points="{told}" fill="none" style="stroke:var(--{stroke})" stroke-width="2"{dashes}/>'
        )

    def rect(
        self, x: float, y: float, width: float, height: float, *, fill: str, note: str = "", edge: str = ""
    ) -> None:
        told = f"<title>{escape(note)}</title>" if note else ""
        stroke = f";stroke:var(--{edge})" if edge else ""
        self.parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0.0))}" height="{_n(max(height, 0.0))}" '
            f'style="fill:var(--{fill}){stroke}">{told}</rect>'
        )

    def dot(self, x: float, y: float, *, fill: str, radius: float = 4, note: str = "") -> None:
        told = f"<title>{escape(note)}</title>" if note else ""
        self.parts.append(
            f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" style="fill:var(--{fill})">{told}</circle>'
        )

    def text(self, x: float, y: float, words: str, *, anchor: str = "start", fill: str = "muted") -> None:
        self.parts.append(
            f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" style="fill:var(--{fill})">{escape(words)}</text>'
        )

    def rendered(self) -> str:
        """The SVG element. It has no size of its own: the page gives it one."""
        body, label = "".join(self.parts), escape(self.title, quote=True)
        box = f"0 0 {_n(WIDTH)} {_n(self.height)}"
        return f'<svg viewBox="{box}" role="img" aria-label="{label}" font-size="12">{body}</svg>'


def scale(low: float, high: float, start: float, end: float, value: float) -> float:
    """Where `value` of low..high falls between start and end; the middle where low and high are the same."""
    return (start + end) / 2 if high == low else start + (value - low) / (high - low) * (end - start)


def legend(drawing: Drawing, entries: Iterable[tuple[str, str, str]], top: float) -> None:
    """(words, colour, dash) a line, one below the other, from `top` down."""
    for place, (words, colour, dash) in enumerate(entries):
        y = top + 16 * place
        drawing.line(8, y - 4, 34, y - 4, stroke=colour, width=2, dash=dash)
        drawing.text(42, y, words, fill="text")


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
