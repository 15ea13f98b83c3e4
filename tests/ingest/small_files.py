"""A small real file of every format, made on the spot: for the readers' tests, and for the fuzz tests to damage."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from email.message import EmailMessage

import docx
import pptx
import xlsxwriter
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from tests.ingest import samples

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def zipped(files: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def pdf() -> bytes:
    return samples.pdf([["Owls", "They hunt at night."], ["More about owls."]], bookmarks=[("Owls", 0)])


def positioned_pdf(words: list[tuple[float, float, str]]) -> bytes:
    """One page with each text at its place (x, y in points from the lower left)."""
    data = samples.pdf([["X"]])
    text = " ".join(f"1 0 0 1 {x} {y} Tm ({word}) Tj" for x, y, word in words)
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import DecodedStreamObject, NameObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 10 Tf {text} ET".encode("cp1252"))
    writer.pages[0][NameObject("/Contents")] = writer._add_object(stream)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def word() -> bytes:
    """A heading, a paragraph with a footnote, a table."""
    document = docx.Document()
    document.add_heading("Finance", 1)
    paragraph = document.add_paragraph("Revenue rose")
    run = paragraph.add_run()
    mark = run._r.makeelement(f"{{{W}}}footnoteReference", {f"{{{W}}}id": "2"})
    run._r.append(mark)
    paragraph.add_run(" in 2023.")
    table = document.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, [("Item", "Cost"), ("Rent", "3")], strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    out = io.BytesIO()
    document.save(out)
    notes = (
        f'<w:footnotes xmlns:w="{W}"><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>'
        '<w:footnote w:id="2"><w:p><w:r><w:t>Without the sale of the mill.</w:t></w:r></w:p></w:footnote></w:footnotes>'
    )
    return _with_part(out.getvalue(), "footnotes", notes)


def _with_part(data: bytes, kind: str, content: str) -> bytes:
    """The DOCX with one more part, related to its document."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            text = old.read(part)
            if part == "[Content_Types].xml":
                text = text.replace(
                    b"</Types>",
                    f'<Override PartName="/word/{kind}.xml" ContentType="application/vnd.openxmlformats-officedocument.'
                    f'wordprocessingml.{kind}+xml"/></Types>'.encode(),
                )
            if part == "word/_rels/document.xml.rels":
                text = text.replace(
                    b"</Relationships>",
                    f'<Relationship Id="rIdNotes" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
                    f'relationships/{kind}" Target="{kind}.xml"/></Relationships>'.encode(),
                )
            new.writestr(part, text)
        new.writestr(f"word/{kind}.xml", content)
    return out.getvalue()


def slides() -> bytes:
    """Bullets with speaker notes; a table; a chart; an empty slide."""
    deck = pptx.Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Owls at night"
    frame = first.placeholders[1].text_frame
    frame.text = "They hunt mice"
    second = frame.add_paragraph()
    second.text, second.level = "and voles", 1
    first.notes_slide.notes_text_frame.text = "Tell the story of the barn."
    table_slide = deck.slides.add_slide(deck.slide_layouts[5])
    table_slide.shapes.title.text = "Sizes"
    table = table_slide.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for row, cells in enumerate([("Owl", "cm"), ("Barn owl", "34")]):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    data = CategoryChartData()
    data.categories = ["2022", "2023"]
    data.add_series("Owls", (7, 9))
    table_slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(4), Inches(4), Inches(2), data)
    deck.slides.add_slide(deck.slide_layouts[6])
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


def sheets() -> bytes:
    """Records with a header under a caption; a report whose headings stand over figures; an empty sheet."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    birds = book.add_worksheet("Birds")
    for row, cells in enumerate(
        [
            ["Birds of the valley"],
            ["id", "name", "size in cm"],
            ["a1", "Barn owl", 34],
            ["a2", "Tawny owl", 38.5],
            ["a3", "Little owl", 22],
            ["a4", "Eagle owl", 70],
        ]
    ):
        birds.write_row(row, 0, cells)
    report = book.add_worksheet("Report")
    for row, cells in enumerate(
        [["Mio", 2022, "", 2021], ["", "Sales", "Profit", "Sales"], [], ["North", 12, 3, 11], ["South", 9, 1, 8]]
    ):
        report.write_row(row, 0, cells)
    book.add_worksheet("Empty")
    book.close()
    return out.getvalue()


def book() -> bytes:
    """Two chapters, the second named only by the table of contents."""
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
        "<dc:title>The Owl Book</dc:title><dc:creator>A. Bird</dc:creator><dc:language>en</dc:language></metadata>"
        '<manifest><item id="a" href="text/one.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="b" href="text/two.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="n" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>'
        '<spine toc="n"><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    contents = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel>'
        '<text>In Winter</text></navLabel><content src="text/two.xhtml#x"/></navPoint></navMap></ncx>'
    )
    page = '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><body>{}</body></html>'
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": (
                '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
                '<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
            ),
            "OPS/book.opf": package,
            "OPS/toc.ncx": contents,
            "OPS/text/one.xhtml": page.format("<h1>In Summer</h1><p>Owls nest in barns.</p>"),
            "OPS/text/two.xhtml": page.format("<p>Owls starve when snow is deep.</p>"),
        }
    )


def opendocument() -> bytes:
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text", "table")
    )
    content = (
        f"<office:document-content {names}><office:body><office:text>"
        '<text:h text:outline-level="1">Owls</text:h><text:p>They hunt<text:note>'
        "<text:note-citation>1</text:note-citation>"
        "<text:note-body><text:p>At night.</text:p></text:note-body></text:note> mice.</text:p>"
        "<text:list><text:list-item><text:p>mice</text:p><text:list><text:list-item><text:p>field mice</text:p>"
        "</text:list-item></text:list></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>Owl</text:p></table:table-cell><table:table-cell>"
        "<text:p>cm</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell>"
        "<text:p>Barn owl</text:p></table:table-cell><table:table-cell><text:p>34</text:p></table:table-cell>"
        "</table:table-row></table:table>"
        "</office:text></office:body></office:document-content>"
    )
    return zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})


RTF = (
    rb"{\rtf1\ansi\ansicpg1252{\info{\title Owls of the valley}}\pard They hunt at night.\par Caf\'e9 owls too.\par"
    rb"{\pict\pngblip 89504e47}\trowd\cellx100\cellx200 Owl\cell cm\cell\row"
    rb"\trowd\cellx100\cellx200 Barn owl\cell 34\cell\row}"
)


def message(attachments: dict[str, bytes] | None = None, forwarded: bytes | None = None) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = "Ann <ann@example.com>", "Bob <bob@example.com>"
    mail["Subject"], mail["Date"] = "The owls are back", "Mon, 06 Feb 2023 09:00:00 +0000"
    mail.set_content("Dear Bob,\n\nthe owls are back in the barn.\n")
    mail.add_alternative("<p>Dear Bob, the <b>owls</b> are back.</p>", subtype="html")
    for name, data in (attachments or {}).items():
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    if forwarded is not None:
        import email
        import email.policy

        mail.add_attachment(email.message_from_bytes(forwarded, policy=email.policy.default))
    return mail.as_bytes()


def notebook() -> bytes:
    return json.dumps(
        {
            "nbformat": 4,
            "metadata": {"language_info": {"name": "python"}},
            "cells": [
                {"cell_type": "markdown", "source": ["# Counting owls\n", "\n", "## By night"]},
                {
                    "cell_type": "code",
                    "source": "print(owls())",
                    "outputs": [{"output_type": "stream", "text": ["7 owls\n"]}, {"data": {"image/png": "iVBOR"}}],
                },
            ],
        }
    ).encode()


XML = (
    b'<?xml version="1.0"?><article><front><article-title>Owls</article-title><year>2023</year></front>'
    b"<sec><title>Food</title><p>They eat <i>mice</i>.</p>"
    b"<sec><title>Winter</title><p>And voles.</p></sec></sec></article>"
)
CSV = b"id,title,plot\n1,Owls,They hunt at night.\n2,Fish,They swim by day.\n"
JSONL = b'{"id": 1, "title": "Owls", "text": "They hunt at night."}\n{"id": 2, "title": "Fish", "text": "They swim."}\n'
JSON = b'{"birds": [{"name": "Barn owl", "size": 34}, {"name": "Tawny owl", "size": 38}]}'
MARKDOWN = b"---\ntitle: Owls\n---\n# Owls\n\nThey hunt.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nhoot()\n```\n"
RST = (
    b"Owls\n====\n\nThey **hunt**.\n\nFood\n----\n\n.. code-block:: python\n\n   hoot()\n\n"
    b"Mice, see `mice <http://x>`_::\n\n   squeak\n"
)
ASCIIDOC = (
    b"= Owls\nAnn Bird\n\n== Food\n\nThey *hunt*.\n\n----\nhoot()\n----\n\n|===\n| Owl | cm\n| Barn owl | 34\n|===\n"
)
ORG = (
    b"#+TITLE: Owls\n* Food :tag:\nThey /hunt/ [[http://x][mice]].\n#+BEGIN_SRC py\nhoot()\n#+END_SRC\n"
    b"| Owl | cm |\n|--+--|\n| Barn | 34 |\n"
)
HTML = (
    b"<html><head><title>Owls</title></head><body><h1>Owls</h1><p>They hunt at night.</p>"
    b"<ul><li>mice</li></ul></body></html>"
)
PYTHON = (
    b'"""Owls."""\nimport os\n\n\ndef hoot(times):\n    """Hoot."""\n    return "hoo" * times\n\n\n'
    b"# The bird.\nclass Owl:\n    def eat(self):\n        pass\n"
)
TEXT = b"Owls hunt at night.\n\nThey see well in the dark.\n"
