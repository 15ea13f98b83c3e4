"""Markdown, plain text and encodings."""

from __future__ import annotations

import codecs

import pytest

from app.errors import DocumentError
from ingest.load import markdown, text
from ingest.load.decode import decode
from ingest.load.parsed import Block, finish

GUIDE = """---
title: "Field guide"
year: 2023
draft: false
tags: [a, b]
---

Opening words.

# Birds

Birds have *feathers* and [wings](https://example.org/wings).

## Owls

- hunt at night
- see well
  1. in the dark
  2. far away

```python
# not a heading
hoot()
```

| Name | Size |
|------|-----:|
| Barn owl | 34 |
| Eagle owl | 70 |

## Empty section

# Fish
They swim.
"""


def test_markdown_headings_become_the_section_path() -> None:
    parsed = markdown.load("guide.md", GUIDE.encode())
    assert parsed.title == "Field guide"
    assert parsed.metadata == {"year": 2023, "draft": False}
    assert [(block.section, block.kind) for block in parsed.blocks] == [
        ((), "prose"),
        (("Birds",), "prose"),
        (("Birds", "Owls"), "prose"),
        (("Birds", "Owls"), "code"),
        (("Birds", "Owls"), "table"),
        (("Birds",), "prose"),  # the heading that has nothing below it is kept as text
        (("Fish",), "prose"),
    ]
    texts = [block.text for block in parsed.blocks]
    assert texts[1] == "Birds have feathers and wings."
    assert texts[2] == "- hunt at night\n- see well\n  1. in the dark\n  2. far away"
    assert texts[3] == "# not a heading\nhoot()"
    assert texts[4] == "| Name | Size |\n|-|-|\n| Barn owl | 34 |\n| Eagle owl | 70 |"
    assert texts[5] == "Empty section"


def test_markdown_title_is_the_first_heading_and_leaves_the_path() -> None:
    parsed = markdown.load("notes.md", b"# My notes\n\nHello there.\n\n## Sub\n\nMore.\n")
    assert parsed.title == "My notes"
    assert [block.section for block in parsed.blocks] == [(), ("Sub",)]


def test_markdown_without_headings_is_called_after_its_file() -> None:
    assert markdown.load("getting-started_2.md", b"Just words.").title == "getting started 2"


def test_mdx_statements_and_components_are_no_text() -> None:
    page = b"""import Tabs from '@theme/Tabs';
import Image from '@theme/Image';

<Tabs>

Run it. <Image img={require('../a.png')} style={{width: '80%'}} />

</Tabs>

{/* a comment */}

A List<String> is a type.
"""
    texts = [block.text for block in markdown.load("page.mdx", page).blocks]
    assert [line.strip() for line in texts if line.strip()] == ["Run it.", "A List is a type."] or texts == [
        "Run it.",
        "A List<String> is a type.",
    ]


def test_front_matter_description_is_not_said_twice() -> None:
    page = b"---\ndescription: How owls hunt.\n---\nHow owls hunt. They wait.\n"
    assert [block.text for block in markdown.load("a.md", page).blocks] == ["How owls hunt. They wait."]
    page = b"---\ndescription: How owls hunt.\n---\nThey wait.\n"
    assert [block.text for block in markdown.load("a.md", page).blocks] == ["How owls hunt.", "They wait."]


def test_text_joins_wrapped_lines_and_keeps_lists() -> None:
    data = (
        b"This is the first line of a paragraph that was wrapped\n"
        b"by hand at about fifty-five characters, as in old mail\n"
        b"and books.\n\n- one\n- two\n"
    )
    blocks = text.load("mail.txt", data).blocks
    assert "wrapped by hand" in blocks[0].text
    assert "old mail and books." in blocks[0].text
    assert blocks[1].text == "- one\n- two"


SENTENCE = "Über den Wolken muss die Freiheit wohl grenzenlos sein, und süße Grüße kommen zurück.\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (codecs.BOM_UTF8 + SENTENCE.encode(), SENTENCE),
        (SENTENCE.encode("utf-16"), SENTENCE),
        (SENTENCE.encode("utf-32"), SENTENCE),
        (SENTENCE.encode("utf-16-le"), SENTENCE),
        (SENTENCE.encode("utf-16-be"), SENTENCE),
        ((SENTENCE * 5).encode("cp1252"), SENTENCE * 5),
        (("Съешь же ещё этих мягких французских булок, да выпей чаю. " * 5).encode("koi8_r"),
         "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 5),
        (b"one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
    ],
)  # fmt: skip
def test_decode(data: bytes, expected: str) -> None:
    assert decode(data)[0] == expected


def test_a_guessed_encoding_is_named_and_utf8_is_not() -> None:
    assert decode(SENTENCE.encode())[1] is None
    assert decode((SENTENCE * 5).encode("cp1252"))[1] == "encoding guessed: cp1252"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "a PNG image"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"PK\x03\x04rest", "a ZIP archive"),
        (bytes(range(256)) * 40, "binary data"),
        (b"text\0" * 100, "binary data"),
        (b"\xff\xfe\x00", "byte order mark"),
    ],
)
def test_binary_data_named_txt_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(DocumentError, match=says) as refused:
        text.load("a.txt", data)
    assert refused.value.hint


def test_unbroken_data_is_cut_and_counted() -> None:
    parsed = finish("a.txt", [Block("Before " + "QUJD" * 5000 + " after, " + "=" * 4000)])
    assert len(parsed.blocks[0].text) < 200
    assert parsed.blocks[0].text.startswith("Before QUJD")
    assert " after, ===" in parsed.blocks[0].text
    assert parsed.warnings == ("left out 19,900 characters of unbroken data (base64 or the like)",)


def test_rules_and_dot_leaders_cost_no_tokens() -> None:
    text = "Owls .............. 4\nBats . . . . . . . 5\n==========\nwait... a-b -- c"
    assert finish("a.txt", [Block(text)]).blocks[0].text == "Owls ... 4\nBats ... 5\n===\nwait... a-b -- c"


def test_nothing_to_read_is_an_error() -> None:
    with pytest.raises(DocumentError, match="no readable text"):
        finish("a.txt", [Block(" \n---\n\u200b")])


def test_control_characters_do_not_reach_the_library() -> None:
    block = finish("a.txt", [Block("a\x00b\x07c\u00a0d\u00adful\ufeff x")]).blocks[0]
    assert block.text == "abc dful x"
