"""The plots of a report, as SVG. What they show is in the tables beside them too. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from app.domain import GatePolicy
from app.evaluation.curves import GateCurves
from app.evaluation.failures import Failure, FailureSplit
from app.evaluation.figures import estimate
from app.evaluation.intervals import Estimate
from app.evaluation.measures_calibration import Reliability
from app.evaluation.paired import TIE, Move
from app.evaluation.risk_coverage import RiskCoverage
from app.evaluation.steps import FourSteps
from app.evaluation.svg import WIDTH, Drawing, legend, scale
from app.evaluation.verdict import points

_LEFT, _RIGHT = 40.0, WIDTH - 12.0
_TOP, _BOTTOM = 12.0, 172.0
_BAR_FILLS = ("failed", "rescued", "held", "muted", "text", "failed-soft", "through")


def interval_plot(rows: Sequence[tuple[str, Estimate | None]]) -> str:
    """A dot with its interval a row, 0 to 1 unless they are all close together."""
    known = [(name, e) for name, e in rows if e is not None]
    bounds = [b for _, e in known for b in (e.low, e.high, e.value) if b is not None]
    low = max(0.0, np.floor(10 * min(bounds, default=0.0) - 0.5) / 10)
    high = min(1.0, np.ceil(10 * max(bounds, default=1.0) + 0.5) / 10)
    drawing = Drawing("Means with their intervals: " + "; ".join(f"{n} {estimate(e)}" for n, e in known), 0)

    def x(value: float) -> float:
        return scale(low, high, 130, _RIGHT, value)

    for place, (name, e) in enumerate(known):
        y = 20.0 + 30 * place
        drawing.text(0, y + 4, name, fill="text")
        if e.low is not None and e.high is not None:
            drawing.line(x(e.low), y, x(e.high), y, stroke="through", width=2)
        drawing.dot(x(e.value), y, fill="through", note=f"{name}: {estimate(e)}")
        drawing.text(x(e.value), y - 8, points(e.value), anchor="middle", fill="text")
    bottom = 20.0 + 30 * len(known)
    drawing.line(x(low), bottom, x(high), bottom)
    for tick in (low, (low + high) / 2, high):
        drawing.text(x(tick), bottom + 14, points(tick), anchor="middle")
    drawing.height = bottom + 20
    return drawing.rendered()


def paired_plot(moves: Sequence[Move]) -> str:
    """A bar a question: above the line what it gained, below what it lost, ordered by change."""
    ordered = sorted(moves, key=lambda m: (-m.change, m.id))
    wins = sum(m.change > TIE for m in ordered)
    losses = sum(m.change < -TIE for m in ordered)
    said = f"{wins} questions gained, {losses} lost, {len(ordered) - wins - losses} stayed"
    drawing = Drawing(said, _BOTTOM + 26)
    middle = (_TOP + _BOTTOM) / 2
    width = (_RIGHT - _LEFT) / max(1, len(ordered))
    for place, move in enumerate(ordered):
        height = abs(move.change) * (_BOTTOM - _TOP) / 2
        up = move.change > 0
        note = f"{points(move.before)} -> {points(move.after)}"
        drawing.rect(
            _LEFT + place * width, middle - height if up else middle, max(width * 0.85, 0.4), height,
            fill="through" if up else "held", note=note,
        )  # fmt: skip
    drawing.line(_LEFT, middle, _RIGHT, middle, stroke="muted")
    for value, y in ((1.0, _TOP), (0.0, middle), (-1.0, _BOTTOM)):
        drawing.text(_LEFT - 4, y + 4, points(value, sign=value != 0), anchor="end")
    drawing.text(_LEFT, _TOP + 4, f"{wins} gained", fill="text")
    drawing.text(_RIGHT, _BOTTOM, f"{losses} lost", anchor="end", fill="text")
    drawing.text(
        (_LEFT + _RIGHT) / 2, _BOTTOM + 20, f"{len(ordered) - wins - losses} stayed as they were", anchor="middle"
    )
    return drawing.rendered()


def staircase(found: FourSteps) -> str:
    """The four steps: what the context is worth after each, as a bar, and what the step changed."""
    steps = [step for step in found.steps if step.worth is not None]
    drawing = Drawing("; ".join(f"{s.name} {estimate(s.worth)}" for s in steps), _BOTTOM + 40)
    width = (_RIGHT - _LEFT) / max(1, len(steps))
    most = max((s.worth.high or s.worth.value for s in steps if s.worth is not None), default=1.0) or 1.0
    for place, step in enumerate(steps):
        assert step.worth is not None
        worth = step.worth
        x = _LEFT + place * width
        top = scale(0, most, _BOTTOM, _TOP + 18, worth.value)
        paid = step.difference is not None and step.paid == "paid"
        drawing.rect(x + 6, top, width - 12, _BOTTOM - top, fill="through" if paid else "held", note=estimate(worth))
        if worth.low is not None and worth.high is not None:
            middle = x + width / 2
            ends = [scale(0, most, _BOTTOM, _TOP + 18, end) for end in (worth.low, worth.high)]
            drawing.line(middle, ends[0], middle, ends[1], stroke="text", width=1.5)
        drawing.text(x + 10, top - 5, points(worth.value), fill="text")
        drawing.text(x + width / 2, _BOTTOM + 16, step.name, anchor="middle", fill="text")
        if step.difference is not None:
            change = points(step.difference.change.value, sign=True)
            said = {"paid": "paid", "cost": "cost", "cannot tell": "noise"}[step.paid]
            drawing.text(x + width / 2, _BOTTOM + 32, f"{change} {said}", anchor="middle")
    drawing.line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, stroke="muted")
    return drawing.rendered()


def gate_plot(curves: GateCurves, policy: GatePolicy) -> str:
    """Precision, recall and F1 of the admitted over the threshold, and the threshold in force."""
    x_values = curves.keep_above
    low, high = float(x_values[0]), float(x_values[-1])
    drawing = _axes("Precision, recall and F1 of the admitted passages over the threshold", low, high, 54)
    for values, colour, dash in (
        (curves.precision, "through", ""),
        (curves.recall, "rescued", "6 3"),
        (curves.f1, "held", "2 3"),
    ):
        drawn = [
            (scale(low, high, _LEFT, _RIGHT, float(x)), scale(0, 1, _BOTTOM, _TOP, float(y)))
            for x, y in zip(x_values, values[:, 0], strict=True)
            if not np.isnan(y)
        ]
        drawing.path(drawn, stroke=colour, dash=dash)
    now = policy.keep_above if policy.keep_above is not None else policy.raw_keep_above
    if now is not None and low <= now <= high:
        at = scale(low, high, _LEFT, _RIGHT, now)
        drawing.line(at, _TOP, at, _BOTTOM, stroke="text")
        drawing.text(min(at + 4, _RIGHT - 90), _TOP + 10, f"now {now:.2f}", fill="text")
    entries = (("precision", "through", ""), ("recall", "rescued", "6 3"), ("F1", "held", "2 3"))
    legend(drawing, entries, _BOTTOM + 36)
    return drawing.rendered()


def risk_plot(found: RiskCoverage) -> str:
    """What is wrong among the questions answered, as more are answered."""
    drawing = _axes(f"Area under risk-coverage {estimate(found.area)}", 0.0, 1.0, 24)
    drawn = [
        (scale(0, 1, _LEFT, _RIGHT, float(x)), scale(0, 1, _BOTTOM, _TOP, float(y)))
        for x, y in zip(found.coverage, found.risk, strict=True)
    ]
    drawing.path(drawn, stroke="through")
    drawing.text((_LEFT + _RIGHT) / 2, _BOTTOM + 32, "share of questions answered", anchor="middle")
    drawing.text(_LEFT + 6, _TOP + 10, "share of them that goes wrong", fill="text")
    return drawing.rendered()


def reliability_plot(found: Reliability) -> str:
    """What p says against what is so, in bins, with intervals; on the diagonal p means what it says."""
    drawing = _axes(f"p says {points(found.said)} on average, {points(found.seen)} is so", 0.0, 1.0, 24)
    drawing.line(_LEFT, _BOTTOM, _RIGHT, _TOP, stroke="muted", dash="4 4")
    for bin_ in found.bins:
        x = scale(0, 1, _LEFT, _RIGHT, bin_.said)
        seen = bin_.seen
        if seen.low is not None and seen.high is not None:
            drawing.line(
                x, scale(0, 1, _BOTTOM, _TOP, seen.low), x, scale(0, 1, _BOTTOM, _TOP, seen.high), stroke="through"
            )
        note = f"says {points(bin_.said)}, is {estimate(seen)}"
        drawing.dot(x, scale(0, 1, _BOTTOM, _TOP, seen.value), fill="through", note=note)
    drawing.text((_LEFT + _RIGHT) / 2, _BOTTOM + 32, "p says", anchor="middle")
    drawing.text(_LEFT + 6, _TOP + 10, "share that is relevant", fill="text")
    return drawing.rendered()


def failure_bar(split: FailureSplit, names: Mapping[Failure, str]) -> str:
    """One bar in parts, with a line of words for each part that is not empty."""
    parts = [(failure, split.counts[failure]) for failure in names if split.counts[failure]]
    drawing = Drawing("; ".join(f"{names[f]}: {count}" for f, count in parts), 46 + 18 * len(parts))
    at = 0.0
    for place, (failure, count) in enumerate(parts):
        width = WIDTH * count / max(1, split.questions)
        fill = _BAR_FILLS[[*names].index(failure) % len(_BAR_FILLS)]
        edge = "failed" if fill == "failed-soft" else fill
        drawing.rect(at + 0.5, 6, max(width - 2, 0.5), 24, fill=fill, note=f"{names[failure]}: {count}", edge=edge)
        drawing.rect(0.5, 40.5 + 18 * place, 11, 11, fill=fill, edge=edge)
        drawing.text(18, 50 + 18 * place, f"{count:,} {names[failure]}", fill="text")
        at += width
    return drawing.rendered()


def _axes(title: str, low: float, high: float, below: float) -> Drawing:
    """A frame: shares from 0 to 1 upwards, low to high along the bottom."""
    drawing = Drawing(title, _BOTTOM + 20 + below)
    for value in (0.0, 0.5, 1.0):
        y = scale(0, 1, _BOTTOM, _TOP, value)
        drawing.line(_LEFT, y, _RIGHT, y)
        drawing.text(_LEFT - 4, y + 4, points(value), anchor="end")
    for value, anchor in ((low, "start"), ((low + high) / 2, "middle"), (high, "end")):
        drawing.text(scale(low, high, _LEFT, _RIGHT, value), _BOTTOM + 16, f"{value:.2f}", anchor=anchor)
    return drawing
