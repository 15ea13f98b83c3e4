"""PDF, DOCX and HTML, and the process they are parsed in."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import docx
import pytest
from pypdf import PdfWriter

from app.errors import DocumentError
from ingest.load import docx as docx_loader
from ingest.load import html, pdf
from ingest.load.pdf import _is_garbled
from ingest.load.pdf_text import join, mend, page_lines, paragraphs, running_lines
from tests.ingest import samples

# -- PDF -------------------------------------------------------------------------------------------


def test_pdf_pages_are_numbered_and_bookmarks_are_sections() -> None:
    data = samples.pdf(
        [["Preface", "Why this book was written."], ["Owls", "They hunt at night."], ["More about owls at night."]],
        bookmarks=[("Preface", 0), ("Owls", 1)],
    )
    blocks = pdf.load("birds.pdf", data).blocks
    assert [(block.page, block.section) for block in blocks] == [(1, ("Preface",)), (2, ("Owls",)), (3, ("Owls",))]
    assert "They hunt at night." in blocks[1].text


def test_a_pdf_with_an_empty_password_is_opened() -> None:
    data = samples.pdf([["Anyone may read this sentence."]], password="")
    assert "Anyone may read this sentence." in pdf.load("open.pdf", data).blocks[0].text


def test_a_pdf_with_a_real_password_is_named() -> None:
    with pytest.raises(DocumentError, match="protected by a password") as error:
        pdf.load("secret.pdf", samples.pdf([["Hidden."]], password="s3cret"))
    assert "without the password" in error.value.hint


def test_a_scanned_pdf_is_named() -> None:
    with pytest.raises(DocumentError, match="no text in it: its 2 pages look scanned") as error:
        pdf.load("scan.pdf", samples.pdf([[], []]))
    assert "ocrmypdf" in error.value.hint


def test_pages_without_text_are_listed() -> None:
    parsed = pdf.load("mixed.pdf", samples.pdf([["Words on the first page."], [], []]))
    assert parsed.warnings == ("2 of 3 pages without text (scanned or pictures): 2-3",)
    assert parsed.metadata == {"pages": 3}


def test_a_pdf_without_pages_is_named() -> None:
    out = io.BytesIO()
    PdfWriter().write(out)
    with pytest.raises(DocumentError, match="no pages"):
        pdf.load("none.pdf", out.getvalue())


@pytest.mark.parametrize("data", [b"%PDF-1.7\ngarbage", b"not a pdf at all", samples.pdf([["Hello"]])[:200]])
def test_a_broken_pdf_is_named(data: bytes) -> None:
    with pytest.raises(DocumentError):
        pdf.load("broken.pdf", data)


def test_running_heads_go_and_text_stays() -> None:
    pages = [["Annual Report", f"Text of page {n} here.", f"Page {n}"] for n in range(1, 6)]
    assert running_lines(pages) == {"Annual Report", *(f"Page {n}" for n in range(1, 6)),
                                    *(f"Text of page {n} here." for n in range(1, 6))}  # fmt: skip
    pages = [["Annual Report", f"{word} is told here.", str(n)] for n, word in enumerate(["One", "Ann", "Bob", "Eve"])]
    assert running_lines(pages) == {"Annual Report", "0", "1", "2", "3"}
    assert running_lines(pages[:3]) == frozenset()


def test_pages_that_hold_one_label_each_keep_it() -> None:
    blocks = pdf.load("plates.pdf", samples.pdf([["Background"]] * 5)).blocks
    assert [block.text for block in blocks] == ["Background"] * 5


def test_hyphens_at_line_ends_are_mended() -> None:
    assert join("for exam-", "ple this") == "for example this"
    assert join("a well-", "known fact", frozenset({"well-known"})) == "a well-known fact"
    assert join("pages 3-", "4 and") == "pages 3- 4 and"


def test_wrapped_lines_are_joined_and_table_rows_are_not() -> None:
    lines = [
        "The first line of this paragraph is as wide as the page and goes",
        "on in the second line, which ends here.",
        "",
        "Revenue 12 14 15",
        "Costs 7 8 9",
    ]
    assert paragraphs(lines) == [
        "The first line of this paragraph is as wide as the page and goes on in the second line, which ends here.",
        "Revenue 12 14 15\nCosts 7 8 9",
    ]


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("Cash and cash equivalents $ 15,646 $ 13,931", True),
        ("Accounts receivable, net of allowance of $485 and $633 35,833 44,261", True),
        ("Net income $ 4", True),
        ("Revenue rose by 12 % in the year that ended on June 30, 2023", False),
        ("12 of the 15 owls were seen", False),
        ("The report covers the year 2023", False),
    ],
)
def test_rows_are_told_by_their_figures(line: str, row: bool) -> None:
    wide = "Words that fill the line of this page up to its very end, as prose"
    assert (paragraphs([wide, line, wide]) == [f"{wide}\n{line}\n{wide}"]) is row


def test_headings_with_a_bookmark_stand_alone() -> None:
    lines = ["The line before it is long enough to go on, as prose does", "2.1 Owls at night", "They hunt."]
    assert paragraphs(lines, frozenset({"21owlsatnight"})) == lines


def test_pages_set_word_by_word_become_lines() -> None:
    words = ["Module", "One", "tells", "of", "birds", "●", "owls", "at", "night", "●", "bats", "by", "day"]
    assert page_lines("\n".join(words)) == ["Module One tells of birds", "● owls at night", "● bats by day"]


def test_a_page_of_nonsense_letters_is_garbled_and_formulas_are_not() -> None:
    assert _is_garbled("ǐې\x01ҴоࣿചӔউ੹" * 20 + "\x02" * 30)
    assert not _is_garbled("Let X be a space and f a map with " + "\x02\x03" * 3 + " for all x in X. " * 3)
    assert not _is_garbled("Plain words of one script only.")


def test_a_sentence_over_a_page_break_is_mended() -> None:
    assert mend([["It began on one page and"], ["ended on the next. Then more."]]) == [
        ["It began on one page and ended on the next."],
        ["Then more."],
    ]
    assert mend([["It ended."], ["and so"]]) == [["It ended."], ["and so"]]


# -- DOCX ------------------------------------------------------------------------------------------


def test_docx_headings_lists_and_tables(tmp_path: Path) -> None:
    file = tmp_path / "report.docx"
    samples.report_docx(file)
    parsed = docx_loader.load(file.name, file.read_bytes())
    assert parsed.title == "Annual report"
    assert [(block.section, block.kind, block.text) for block in parsed.blocks] == [
        (("Finance",), "prose", "Revenue rose to 12 million in 2023."),
        (("Finance", "Costs"), "prose", "- Rent\n- Wages"),
        (("Finance", "Costs"), "table", "| Item | Cost |\n|-|-|\n| Rent | 3 |\n| Wages | 7 |"),
        (("Outlook",), "prose", "We expect growth."),
    ]


def test_docx_inserted_text_stays_and_deleted_text_goes() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Kept. ")
    for tag, inner, text in (("ins", "t", "Inserted. "), ("del", "delText", "Deleted. ")):
        change = paragraph._p.makeelement(docx.oxml.ns.qn(f"w:{tag}"), {})
        run = change.makeelement(docx.oxml.ns.qn("w:r"), {})
        content = run.makeelement(docx.oxml.ns.qn(f"w:{inner}"), {})
        content.text = text
        run.append(content)
        change.append(run)
        paragraph._p.append(change)
    out = io.BytesIO()
    document.save(out)
    assert docx_loader.load("a.docx", out.getvalue()).blocks[0].text == "Kept. Inserted."


def _zip(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04 cut off", "not a DOCX"),
        (b"no zip", "not a DOCX"),
        (_zip(readme="hello"), "ZIP archive, but not a DOCX"),
        (b"\xd0\xcf\x11\xe0 old office", "password, or an old .doc"),
    ],
)
def test_a_broken_docx_is_named(data: bytes, says: str) -> None:
    with pytest.raises(DocumentError, match=says):
        docx_loader.load("a.docx", data)


# -- HTML ------------------------------------------------------------------------------------------

PAGE = """<html><head><title>Owls - The Bird Site</title><script>track()</script></head><body>
<nav><a href="/">Home</a> <a href="/birds">All birds</a></nav>
<main><article><h1>Owls</h1>
<p>Owls are birds of prey that hunt at night, and they see well in the dark because their eyes are large.</p>
<h2>Food</h2><p>They eat <b>mice</b>, voles and other small animals, which they swallow whole and digest slowly.</p>
<ul><li>mice</li><li>voles<ul><li>bank voles</li></ul></li></ul>
<table><tr><th>Owl</th><th>Size</th></tr><tr><td>Barn owl</td><td>34 cm</td></tr></table>
<pre>hoot()
hoot()</pre>
</article></main><footer>Copyright 2023 The Bird Site. All rights reserved.</footer></body></html>"""


def test_html_keeps_the_main_text_under_its_headings() -> None:
    parsed = html.load("owls.html", PAGE.encode())
    assert parsed.title == "Owls"
    by_section = {}
    for block in parsed.blocks:
        by_section.setdefault(block.section, []).append(block)
    assert any("birds of prey" in block.text for block in by_section[()])
    food = by_section[("Food",)]
    assert any("They eat mice, voles" in block.text for block in food)
    assert any("- mice" in block.text and "bank voles" in block.text for block in food)
    assert any(block.kind == "table" and "| Barn owl | 34 cm |" in block.text for block in food)
    assert any(block.kind == "code" and block.text == "hoot()\nhoot()" for block in food)
    everything = " ".join(block.text for block in parsed.blocks)
    assert "All birds" not in everything
    assert "Copyright" not in everything
    assert "track" not in everything


def test_html_without_main_text_is_taken_whole() -> None:
    page = (
        b"<html><body><table><tr><td>Phone</td><td>555-1234</td></tr><tr><td>Room</td><td>12</td></tr></table></body>"
    )
    text = " ".join(block.text for block in html.load("card.html", page).blocks)
    assert "555-1234" in text
    assert "Room" in text


def test_html_encoding_is_taken_from_the_page() -> None:
    page = "<html><head><meta charset='windows-1251'></head><body><p>Съешь ещё этих мягких булок.</p></body></html>"
    assert html.load("a.html", page.encode("cp1251")).blocks[0].text == "Съешь ещё этих мягких булок."


def test_an_empty_page_is_an_error() -> None:
    with pytest.raises(DocumentError, match="no readable text"):
        html.load("a.html", b"<html><body><script>x()</script></body></html>")
