"""Spans a scorer marked in what it read, as places in the chunk's own text."""

from __future__ import annotations

import pytest

from app.domain import Chunk, Span
from app.stages.fields import passage_text, text_begins
from app.stages.spans import in_own_text

OWN = "It is red 🪐."
SEEN = f"Mars\n{OWN}"


def test_spans_move_to_the_text_and_are_counted_in_characters() -> None:
    [span] = in_own_text([Span(SEEN.index("red"), len(SEEN) - 1, 0.8)], SEEN, OWN, 5)
    assert OWN[span.start : span.end] == "red 🪐"


def test_what_is_marked_of_the_title_is_left_out_or_cut_off() -> None:
    assert in_own_text([Span(0, 4, 0.9)], SEEN, OWN, 5) == ()
    assert in_own_text([Span(0, 7, 0.9)], SEEN, OWN, 5) == (Span(0, 2, 0.9),)


def test_overlaps_become_one_with_the_better_score() -> None:
    assert in_own_text([Span(7, 9, 0.2), Span(5, 8, 0.7)], SEEN, OWN, 5) == (Span(0, 4, 0.7),)


@pytest.mark.parametrize(
    ("spans", "start"),
    [([Span(6, 999, 0.5)], 5), ([Span(9, 9, 0.5)], 5), ([Span(6, 8, 0.5)], 4), ([Span(6, 8, 0.5)], None)],
    ids=["beyond the text", "empty", "not where it should be", "text not among the fields"],
)
def test_a_place_that_cannot_be_is_left_out(spans: list[Span], start: int | None) -> None:
    assert in_own_text(spans, SEEN, OWN, start) == ()


@pytest.mark.parametrize("fields", [("title", "section", "text"), ("text", "title"), ("country", "text"), ("text",)])
def test_where_the_text_begins(fields: tuple[str, ...]) -> None:
    chunk = Chunk("c", "d", OWN, "Mars", 0, 5, section=("Planets", "Red"), metadata={"country": "none"})
    begins = text_begins(chunk, fields)
    assert begins is not None
    assert passage_text(chunk, fields)[begins:].startswith(OWN)
    assert text_begins(chunk, ("title",)) is None
