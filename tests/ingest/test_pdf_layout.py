"""Tables and columns told by where text stands: hand-made segments."""

from __future__ import annotations

import pytest

from ingest.load.pdf_columns import gutter, interleaved
from ingest.load.pdf_layout import read_page
from ingest.load.pdf_rows import Segment, rows_of
from ingest.load.pdf_tables import find_tables


def line(y: float, *cells: tuple[float, str], order: int = 0) -> list[Segment]:
    return [Segment(x, y, x + 5 * len(text), y + 10, text, order + n) for n, (x, text) in enumerate(cells)]


def page(*lines: list[Segment]) -> list[Segment]:
    return [segment for one in lines for segment in one]


def table_of(segments: list[Segment]) -> list[list[str]]:
    ((_, _, cells),) = find_tables(rows_of(segments))
    return cells


def test_figures_under_each_other_are_a_table_and_dollar_signs_go_to_them() -> None:
    segments = page(
        line(700, (50, "In millions"), (200, "2022"), (300, "2021")),
        line(686, (50, "Revenue"), (190, "$"), (200, "517"), (290, "$"), (300, "779")),
        line(672, (50, "Cost:")),
        line(658, (50, "Services"), (200, "230"), (300, "(49)")),
        line(644, (50, "Total"), (190, "$"), (200, "747"), (290, "$"), (300, "—")),
    )
    assert table_of(segments) == [
        ["In millions", "2022", "2021"],
        ["Revenue", "$517", "$779"],
        ["Cost:", "", ""],
        ["Services", "230", "(49)"],
        ["Total", "$747", "$—"],
    ]


def test_a_description_that_wraps_stays_in_its_cell() -> None:
    segments = page(
        line(700, (50, "CLIENT"), (150, "TEXT"), (250, "The name of the client as the")),
        line(686, (250, "system returns it")),
        line(672, (50, "PORT"), (150, "NUMBER"), (250, "The port of the client")),
        line(658, (50, "HOST"), (150, "TEXT"), (250, "The host of the client")),
        line(644, (50, "ZONE"), (150, "TEXT"), (250, "The zone of the client")),
    )
    assert table_of(segments)[0] == ["CLIENT", "TEXT", "The name of the client as the system returns it"]


@pytest.mark.parametrize(
    "segments",
    [
        page(*(line(700 - 14 * n, (50, f"{n}.{n} Chapter . . . . . . . ."), (400, str(n))) for n in range(6))),
        page(*(line(700 - 14 * n, (50, "words of the first column which go on"), (300, "words of the second one here"))
               for n in range(6))),
        page(line(700, (50, "a"), (100, "1")), line(686, (50, "b"), (100, "2"))),
        page(*(line(700 - 14 * n, (50, "∈"), (100, "∩ ⇒"), (150, "{ }")) for n in range(6))),
    ],
    ids=["contents", "columns", "two rows", "formulas"],
)  # fmt: skip
def test_what_only_looks_like_a_table_is_none(segments: list[Segment]) -> None:
    assert find_tables(rows_of(segments)) == []


def two_columns(in_turn: bool) -> list[Segment]:
    left = [
        line(700 - 14 * n, (50, f"left {n} and some more words of it"), order=2 * n if in_turn else n)
        for n in range(12)
    ]
    right = [
        line(700 - 14 * n, (300, f"right {n} and some more words of it"), order=2 * n + 1 if in_turn else 50 + n)
        for n in range(12)
    ]
    return page(*left, *right)


def test_the_gutter_between_two_columns_is_found() -> None:
    middle = gutter(rows_of(two_columns(True)))
    assert middle is not None
    assert 220 < middle < 295  # between the columns, not at the edge of one
    assert interleaved(two_columns(True), middle)
    assert not interleaved(two_columns(False), middle)


def test_columns_in_order_are_left_to_the_order_of_the_file() -> None:
    assert read_page(two_columns(False)) is None
    found = read_page(two_columns(True))
    assert found is not None
    assert [text.split(" and")[0] for text in found.lines if text] == [
        *(f"left {n}" for n in range(12)),
        *(f"right {n}" for n in range(12)),
    ]


def test_right_to_left_pages_keep_the_order_of_the_file() -> None:
    rows = [line(700 - 14 * n, (50, "سعر"), (150, "10"), (250, "20")) for n in range(5)]
    assert read_page(page(*rows)) is None
