"""E-books, e-mail, notebooks, XML and JSON."""

from __future__ import annotations

import json

import pytest

from app.errors import DocumentError
from ingest.load import epub, json_file, mail, notebook, xml
from ingest.load.parsed import Parsed
from tests.ingest import small_files


def told(parsed: Parsed) -> list[tuple[tuple[str, ...], str, str]]:
    return [(block.section, block.kind, block.text) for block in parsed.blocks]


def test_a_book_is_read_by_its_spine_and_its_contents_name_chapters() -> None:
    parsed = epub.load("book.epub", small_files.book())
    assert parsed.title == "The Owl Book"
    assert parsed.metadata == {"author": "A. Bird", "language": "en"}
    assert told(parsed) == [
        (("In Summer",), "prose", "Owls nest in barns."),
        (("In Winter",), "prose", "Owls starve when snow is deep."),
    ]


def test_an_archive_that_is_no_book_is_named() -> None:
    with pytest.raises(DocumentError, match="but not an EPUB"):
        epub.load("a.epub", small_files.zipped({"readme": "hello"}))


def test_a_message_is_read_once_and_its_headers_are_metadata() -> None:
    parsed = mail.load("owls.eml", small_files.message())
    assert parsed.title == "The owls are back"
    assert parsed.metadata == {
        "from": "Ann <ann@example.com>",
        "to": "Bob <bob@example.com>",
        "date": "Mon, 06 Feb 2023 09:00:00 +0000",
    }
    assert [block.text for block in parsed.blocks] == ["Dear Bob,", "the owls are back in the barn."]


def test_attachments_go_through_their_own_readers() -> None:
    parsed = mail.load(
        "owls.eml", small_files.message({"owls.md": b"# Food\n\nMice.", "owl.png": b"\x89PNG", "bad.docx": b"PK"})
    )
    assert (("Attachment owls.md",), "prose", "Mice.") in told(parsed)
    assert parsed.metadata["attachments"] == 3
    assert "attachment owl.png left out: no reader for .png yet" in parsed.warnings
    assert any(note.startswith("attachment bad.docx left out: not a DOCX") for note in parsed.warnings)


def test_messages_within_messages_are_read_to_a_depth() -> None:
    data = small_files.message({"deep.txt": b"Words of the innermost."})
    for _ in range(2):
        data = small_files.message(forwarded=data)
    texts = [block.text for block in mail.load("a.eml", data).blocks]
    assert "Words of the innermost." in texts
    deeper = mail.load("a.eml", small_files.message(forwarded=data))
    assert "Words of the innermost." not in [block.text for block in deeper.blocks]
    assert any("deeper than 3" in note for note in deeper.warnings)


def test_a_file_without_headers_is_no_message() -> None:
    with pytest.raises(DocumentError, match="no headers"):
        mail.load("a.eml", b"\x00\x01\x02")


def test_a_notebook_keeps_headings_code_and_printed_output() -> None:
    parsed = notebook.load("owls.ipynb", small_files.notebook())
    assert parsed.title == "Counting owls"
    assert parsed.metadata == {"programming_language": "python"}
    assert told(parsed) == [(("By night",), "code", "print(owls())"), (("By night",), "code", "7 owls")]


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"cells": 3}', b"\x89PNG"])
def test_what_is_no_notebook_is_named(data: bytes) -> None:
    with pytest.raises(DocumentError):
        notebook.load("a.ipynb", data)


def test_titles_open_sections_in_xml() -> None:
    parsed = xml.load("owls.xml", small_files.XML)
    assert parsed.title == "Owls"
    assert told(parsed) == [
        ((), "prose", "year: 2023"),
        (("Food",), "prose", "They eat mice."),
        (("Food", "Winter"), "prose", "And voles."),
    ]


def test_xml_in_an_old_encoding_and_broken_xml() -> None:
    russian = "<?xml version='1.0' encoding='windows-1251'?><a><p>Совы ночью.</p></a>".encode("cp1251")
    assert xml.load("a.xml", russian).blocks[0].text == "Совы ночью."
    broken = xml.load("a.xml", b"<a><p>Owls hunt at night.</p><p>They")
    assert broken.blocks[0].text == "Owls hunt at night."
    assert any("broken" in note for note in broken.warnings)


def test_json_records_and_other_json() -> None:
    parsed = json_file.load("birds.json", small_files.JSON)
    assert [(block.title, block.text) for block in parsed.blocks] == [
        ("Barn owl", "size: 34"),
        ("Tawny owl", "size: 38"),
    ]
    settings = json_file.load("a.json", json.dumps({"owls": {"food": "mice", "night": True}, "n": [1, 2]}).encode())
    assert told(settings) == [(("owls",), "prose", "owls.food: mice\nowls.night: True"), ((), "prose", "n: 1\nn: 2")]
    with pytest.raises(DocumentError, match="JSON is broken"):
        json_file.load("a.json", b"{'a': 1}")


def test_what_json_holds_beside_its_records_is_named() -> None:
    birds = [{"name": "Barn owl"}, {"name": "Tawny owl"}]
    whole = {"about": "A list of owls.", "birds": birds, "pages": [1, 2], "empty": []}
    assert "left out beside the records: about, pages" in json_file.load("a.json", json.dumps(whole).encode()).warnings
    alone = json_file.load("a.json", json.dumps(birds).encode()).warnings
    assert not any("left out" in note for note in alone)


def test_json_that_is_too_deep_is_cut_and_said_so() -> None:
    deep: dict[str, object] = {"end": "Words."}
    for _ in range(60):
        deep = {"in": deep}
    parsed = json_file.load("a.json", json.dumps({"top": "Owls hunt.", "a": deep}).encode())
    assert [block.text for block in parsed.blocks] == ["top: Owls hunt."]
    assert parsed.warnings == ("values nested deeper than 50 left out: below a.in.in",)
