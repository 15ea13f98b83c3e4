"""Slides, sheets, OpenDocument, RTF, and the notes of Word documents."""

from __future__ import annotations

import pytest

from app.errors import DocumentError
from ingest.load import docx, odf, pptx, rtf, sheet
from ingest.load.parsed import Parsed
from ingest.load.records import Choice
from tests.ingest import small_files


def told(parsed: Parsed) -> list[tuple[tuple[str, ...], str, str]]:
    return [(block.section, block.kind, block.text) for block in parsed.blocks]


def test_slides_are_sections_with_notes_tables_and_charts() -> None:
    parsed = pptx.load("owls.pptx", small_files.slides())
    assert told(parsed) == [
        (("Owls at night",), "prose", "- They hunt mice\n  - and voles"),
        (("Owls at night",), "prose", "Speaker notes: Tell the story of the barn."),
        (("Sizes",), "table", "| Owl | cm |\n|-|-|\n| Barn owl | 34 |"),
        (("Sizes",), "table", "| chart | Owls |\n|-|-|\n| 2022 | 7 |\n| 2023 | 9 |"),
    ]
    assert [block.page for block in parsed.blocks] == [1, 1, 2, 2]
    assert parsed.warnings == ("1 of 3 slides without text: 3",)
    assert parsed.title == "owls"


def test_a_header_makes_records_of_a_sheet_and_its_ids_stay_out_of_the_text() -> None:
    parsed = sheet.load("birds.xlsx", small_files.sheets())
    birds = [block for block in parsed.blocks if block.section == ("Birds",)]
    assert birds[0].text == "Birds of the valley"
    assert (birds[1].kind, birds[1].title, birds[1].text) == ("row", "Barn owl", "size in cm: 34")
    assert birds[2].metadata == {"row": 2, "id": "a2", "name": "Tawny owl", "size in cm": 38.5}
    assert any("not in the text: id" in note for note in parsed.warnings)


def test_headings_that_a_blank_row_parts_from_their_figures_are_one_table() -> None:
    parsed = sheet.load("birds.xlsx", small_files.sheets())
    report = [block.text for block in parsed.blocks if block.section == ("Report",)]
    assert report == [
        "| Mio | 2022 Sales | Profit | 2021 Sales |\n|-|-|-|-|\n| North | 12 | 3 | 11 |\n| South | 9 | 1 | 8 |"
    ]


def test_columns_of_a_sheet_can_be_chosen() -> None:
    parsed = sheet.load("birds.xlsx", small_files.sheets(), Choice(text=("NAME",), title="size in cm"))
    assert parsed.blocks[1].text == "Barn owl"
    assert parsed.blocks[1].title == "34"
    assert any("text columns (chosen): name; title: size in cm" in note for note in parsed.warnings)


def test_footnotes_stand_where_they_are_called() -> None:
    parsed = docx.load("report.docx", small_files.word())
    assert parsed.blocks[0].text == "Revenue rose (Without the sale of the mill.) in 2023."


def test_opendocument_text() -> None:
    assert told(odf.load("owls.odt", small_files.opendocument())) == [
        (("Owls",), "prose", "They hunt (At night.) mice."),
        (("Owls",), "prose", "- mice\n  - field mice"),
        (("Owls",), "table", "| Owl | cm |\n|-|-|\n| Barn owl | 34 |"),
    ]


def test_rtf_text_and_tables() -> None:
    parsed = rtf.load("owls.rtf", small_files.RTF)
    assert parsed.title == "Owls of the valley"
    assert [block.text for block in parsed.blocks] == [
        "They hunt at night.",
        "Café owls too.",
        "| Owl | cm |\n|-|-|\n| Barn owl | 34 |",
    ]


@pytest.mark.parametrize("loader", [pptx, sheet, odf, docx])
@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut off", b"no zip", small_files.zipped({"readme": "hello"})])
def test_what_is_no_such_file_is_named(loader: object, data: bytes) -> None:
    with pytest.raises((DocumentError, ValueError, KeyError)):
        loader.load("a", data)  # type: ignore[attr-defined]


@pytest.mark.parametrize("loader", [pptx, docx])
def test_old_office_files_are_named(loader: object) -> None:
    with pytest.raises(DocumentError, match="password, or"):
        loader.load("a", b"\xd0\xcf\x11\xe0 old office")  # type: ignore[attr-defined]
