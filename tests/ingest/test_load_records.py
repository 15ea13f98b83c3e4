"""CSV, TSV and JSON Lines: a row is a passage, its columns are metadata."""

from __future__ import annotations

import csv
import json

import pytest

from app.errors import DocumentError
from ingest.load import delimited, jsonl
from ingest.load.delimited import guess_delimiter
from ingest.load.records import MOST_RECORDS, Choice, guess_columns
from ingest.load.scalars import scalar

PLOT = "A crew answers a distress call and meets something that should have been left alone. " * 2


def test_rows_are_passages_and_columns_metadata() -> None:
    data = f'Title,Year,Rating,Plot\nAlien,1979,8.5,"{PLOT}"\nHeat,1995,8.3,"{PLOT}"\n'.encode()
    parsed = delimited.load("films.csv", data)
    first = parsed.blocks[0]
    assert first.kind == "row"
    assert first.title == "Alien"
    assert first.metadata == {"row": 1, "Title": "Alien", "Year": 1979, "Rating": 8.5}
    assert first.text.split("\n") == ["Year: 1979", "Rating: 8.5", f"Plot: {PLOT.strip()}"]
    assert parsed.warnings == ("text columns: Plot; title: Title; metadata: Year, Rating",)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told(delimiter: str) -> None:
    lines = [("name", "note"), ("Ann", "likes tea"), ("Bob", "plain, simple" if delimiter != "," else "plain")]
    assert guess_delimiter("\n".join(delimiter.join(line) for line in lines)) == delimiter


def test_short_tables_are_written_out_and_captions_are_titles() -> None:
    parsed = delimited.load("cups.tsv", b"Stanley Cups\t\t\nTeam\tLocation\tCups\nBlues\tSTL\t1\nFlyers\tPHI\t2\n")
    assert parsed.title == "Stanley Cups"
    assert [block.text for block in parsed.blocks] == [
        "Team: Blues\nLocation: STL\nCups: 1",
        "Team: Flyers\nLocation: PHI\nCups: 2",
    ]
    assert parsed.blocks[1].metadata == {"row": 2, "Team": "Flyers", "Location": "PHI", "Cups": 2}


def test_ragged_rows_lose_no_cell_and_are_counted() -> None:
    parsed = delimited.load("a.csv", b"x,y\na,b\nc\nd,e,f\n")
    assert [block.text for block in parsed.blocks] == ["x: a\ny: b", "x: c", "x: d\ny: e\ncolumn 3: f"]
    assert "2 of 3 rows have more or fewer cells than the first line" in parsed.warnings


def test_a_table_without_header_gets_numbered_columns() -> None:
    parsed = delimited.load("a.csv", b"1,red\n2,blue\n")
    assert [block.text for block in parsed.blocks] == ["column 1: 1\ncolumn 2: red", "column 1: 2\ncolumn 2: blue"]
    assert "no header line found" in parsed.warnings


def test_an_empty_table_is_an_error() -> None:
    with pytest.raises(DocumentError, match="no rows"):
        delimited.load("a.csv", b",,\n \n")


def test_a_table_too_long_to_hold_is_refused() -> None:
    with pytest.raises(DocumentError, match="more than 200,000 rows") as error:
        delimited.load("a.csv", b"x,y\n" * (MOST_RECORDS + 1))
    assert "Split" in error.value.hint
    with pytest.raises(DocumentError, match="more than 200,000 rows"):
        jsonl.load("a.jsonl", b'{"a": 1}\n' * (MOST_RECORDS + 1))


def test_a_cell_larger_than_csv_reads_by_itself_is_read_and_its_limit_stays_for_others() -> None:
    before = csv.field_size_limit()
    parsed = delimited.load("long.csv", b"name,text\nMary," + b"word " * 40_000 + b"\nAnn,short\n")
    assert len(parsed.blocks[0].text) > before
    with pytest.raises(DocumentError, match="field larger than field limit"):
        delimited.load("longer.csv", b'name,text\nMary,"' + b"x" * (65 << 20) + b'"\n')
    assert csv.field_size_limit() == before


def test_wide_tables_keep_every_cell_as_text_and_forty_as_metadata() -> None:
    names = [f"c{n}" for n in range(60)]
    parsed = delimited.load("wide.csv", (",".join(names) + "\n" + ",".join(f"v{n}" for n in range(60))).encode())
    assert parsed.blocks[0].text == "\n".join(f"c{n}: v{n}" for n in range(60))
    assert len(parsed.blocks[0].metadata) == 41
    assert parsed.warnings[0].endswith("c7 and 52 more")


def test_jsonl_objects_are_passages() -> None:
    lines = [
        {"id": 7, "title": "Owls", "text": PLOT, "tags": ["bird", "night"], "vector": [0.1] * 30, "more": {"a": 1}},
        {"id": 8, "title": "Fish", "text": PLOT, "wild": True, "note": None},
    ]
    data = "\n".join([json.dumps(lines[0]), "not json", "", json.dumps(lines[1]), "[1, 2]"]).encode()
    parsed = jsonl.load("facts.jsonl", data)
    assert [block.title for block in parsed.blocks] == ["Owls", "Fish"]
    assert parsed.blocks[0].metadata == {"row": 1, "id": 7, "title": "Owls", "tags": "bird, night"}
    assert parsed.blocks[1].metadata == {"row": 2, "id": 8, "title": "Fish", "wild": True}
    assert parsed.warnings == (
        "text columns: text; title: title; metadata: tags, wild, note; not in the text: id",
        "left out nested fields: vector, more",
        "left out 2 lines that are no JSON object, the first is line 2",
    )


def test_lone_surrogates_do_not_reach_the_library() -> None:
    block = jsonl.load("a.jsonl", rb'{"title": "a\ud800b", "k\udfffey": "v\ud800", "text": "x\ud800y"}').blocks[0]
    assert (block.title, block.text.split("\n")[-1]) == ("ab", "text: xy")
    assert block.metadata == {"row": 1, "title": "ab", "key": "v"}


def test_jsonl_without_an_object_is_an_error() -> None:
    with pytest.raises(DocumentError, match="no line in it is a JSON object"):
        jsonl.load("a.jsonl", b"1\n2\n")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2023", 2023), ("-4", -4), ("1.5", 1.5), (".5", 0.5), ("true", True), ("False", False),
        ("007", "007"), ("1,200", "1,200"), ("nan", "nan"), ("1e5", "1e5"), (" x ", "x"),
    ],
)  # fmt: skip
def test_scalar(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_columns_can_be_chosen_and_another_table_is_guessed() -> None:
    choice = Choice(text=("Story",), title="headline")
    data = b"nr,headline,story,place\n1,Owls,They hunt.,Rome\n2,Fish,They swim.,Oslo\n"
    parsed = delimited.load("a.csv", data, choice)
    assert [(block.title, block.text) for block in parsed.blocks] == [("Owls", "They hunt."), ("Fish", "They swim.")]
    assert parsed.blocks[0].metadata == {"row": 1, "nr": 1, "place": "Rome", "headline": "Owls"}
    assert parsed.warnings == ("text columns (chosen): story; title: headline; not in the text: nr, place",)
    other = delimited.load("b.csv", b"bird,size\nowl,34\nhawk,60\n", choice)
    assert other.blocks[0].text == "bird: owl\nsize: 34"


@pytest.mark.parametrize(
    ("name", "values", "is_id"),
    [
        ("id", "17", True),
        ("user_id", "ab-3", True),
        ("orderId", "17", True),
        ("ref", "0c2a4f1e-1d5b-4bb2-9a57-1c2f3e4d5a6b", True),
        ("paid", "yes", False),
        ("Madrid", "12", False),
        ("id", "a sentence about it", False),
        ("year", "2023", False),
    ],
)
def test_identifiers_are_told_by_name_or_value(name: str, values: str, is_id: bool) -> None:
    columns = guess_columns([name, "bird"], [{name: values, "bird": "owl"}])
    assert (columns.aside == (name,)) is is_id
