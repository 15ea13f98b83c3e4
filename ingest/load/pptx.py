"""PPTX: every slide a section with its number as page; bullets, tables, charts and speaker notes."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pptx
from lxml import etree
from pptx.exc import PythonPptxError

from app.errors import DocumentError
from ingest.load.package import Package
from ingest.load.parsed import Block, Parsed, finish
from ingest.load.table import markdown_table

_HINT = "Open it in a presentation program and save it again as .pptx."
_NO_TITLE = re.compile(r"powerpoint presentation|presentation|untitled.*|slide \d+|title \d*", re.IGNORECASE)
_LONGEST_TITLE = 160  # characters
_DEEPEST = 20  # groups within groups
_FURNITURE = frozenset({13, 15, 16})  # placeholder types: slide number, footer, date


def load(name: str, data: bytes) -> Parsed:
    """Slides in order, those hidden too; shapes from top to bottom, then left to right. Notes follow their slide.

    Raises DocumentError for a file that is no PPTX, is protected, or has no text.
    """
    Package(data, "a PPTX", _HINT)
    try:
        deck = pptx.Presentation(io.BytesIO(data))
        slides = list(deck.slides)
    except (PythonPptxError, zipfile.BadZipFile, etree.XMLSyntaxError, KeyError, ValueError, AttributeError) as error:
        what = " ".join(str(error).split())[:120]
        raise DocumentError(f"not a PPTX that can be read: {what}", hint=_HINT) from error
    blocks: list[Block] = []
    broken: list[str] = []
    empty: list[str] = []
    for number, slide in enumerate(slides, 1):
        try:
            found = list(_slide(slide, number))
        except (PythonPptxError, KeyError, ValueError, AttributeError, TypeError) as error:
            broken.append(f"slide {number} left out: {' '.join(str(error).split())[:100]}")
            continue
        if not found:
            empty.append(str(number))
        blocks.extend(found)
    notes = broken
    if empty and blocks:
        notes.append(f"{len(empty)} of {len(slides)} slides without text: {', '.join(empty[:20])}")
    if not blocks:
        raise DocumentError(
            f"no text on its {len(slides)} slides" + (f"; {broken[0]}" if broken else ""),
            hint="Slides that are pictures need their text recognised first.",
        )
    title = (deck.core_properties.title or "").strip()
    title = "" if _NO_TITLE.fullmatch(title) else title
    return finish(name, blocks, title=title, metadata={"slides": len(slides)}, warnings=notes)


def _slide(slide: Any, number: int) -> Iterator[Block]:
    heading = slide.shapes.title
    title = _paragraphs(heading.text_frame).replace("\n", " ") if heading is not None else ""
    if len(title) > _LONGEST_TITLE:
        heading, title = None, ""  # a text that was put into the title's place
    section = (title or f"Slide {number}",)
    said = False
    for shape in _in_order(slide.shapes, 0):
        if heading is not None and shape.shape_id == heading.shape_id:
            continue
        for block in _shape(shape, section, number):
            said = True
            yield block
    notes = _notes(slide)
    if notes:
        said = True
        yield Block(f"Speaker notes: {notes}", section, number)
    if title and not said:
        yield Block(title, (), number)


def _in_order(shapes: Any, depth: int) -> Iterator[Any]:
    """Shapes as they are read on the slide; groups are opened."""
    placed = sorted(shapes, key=lambda shape: ((shape.top or 0) // 100_000, shape.left or 0))
    for shape in placed:
        if hasattr(shape, "shapes") and depth < _DEEPEST:
            yield from _in_order(shape.shapes, depth + 1)
        else:
            yield shape


def _shape(shape: Any, section: tuple[str, ...], number: int) -> Iterator[Block]:
    if getattr(shape, "has_table", False):
        rows = [[_paragraphs(cell.text_frame) for cell in row.cells] for row in shape.table.rows]
        yield Block(markdown_table(rows), section, number, "table")
    elif getattr(shape, "has_chart", False):
        text = _chart(shape.chart)
        if text:
            yield Block(text, section, number, "table")
    elif getattr(shape, "has_text_frame", False):
        if shape.is_placeholder and shape.placeholder_format.type in _FURNITURE:
            return
        text = _paragraphs(shape.text_frame, bullets=True)
        if text:
            yield Block(text, section, number)


def _paragraphs(frame: Any, *, bullets: bool = False) -> str:
    lines: list[str] = []
    paragraphs = [p for p in frame.paragraphs if "".join(run.text for run in p.runs).strip() or p.text.strip()]
    for paragraph in paragraphs:
        text = " ".join(paragraph.text.replace("\v", "\n").split())
        mark = f"{'  ' * min(8, paragraph.level)}- " if bullets and len(paragraphs) > 1 else ""
        lines.append(mark + text)
    return "\n".join(lines)


def _chart(chart: Any) -> str:
    """A chart's numbers as a table: one column a series."""
    try:
        plot = chart.plots[0]
        categories = [str(category) for category in plot.categories]
        series = [(str(one.name), [_number(value) for value in one.values]) for one in plot.series]
    except (IndexError, NotImplementedError, AttributeError, ValueError):
        return ""  # a chart without data of its own, or of a kind that python-pptx does not know
    title = chart.chart_title.text_frame.text if chart.has_title and chart.chart_title.has_text_frame else ""
    rows = [[title or "chart", *(name for name, _ in series)]]
    for place, category in enumerate(categories):
        rows.append([category, *(values[place] if place < len(values) else "" for _, values in series)])
    return markdown_table(rows)


def _number(value: object) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _notes(slide: Any) -> str:
    if not slide.has_notes_slide or slide.notes_slide.notes_text_frame is None:
        return ""
    return _paragraphs(slide.notes_slide.notes_text_frame)
