"""Files of each format, made by hand or with the format's own library."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from pathlib import Path

import docx
from pypdf import PdfReader, PdfWriter


def pdf(
    pages: Sequence[Sequence[str]], *, bookmarks: Sequence[tuple[str, int]] = (), password: str | None = None
) -> bytes:
    """A PDF in Helvetica: one line of text each, top down. `bookmarks`: (title, 0-based page).

    `password`: "" encrypts it so that every viewer opens it, another string so that it asks.
    """
    count = len(pages)
    objects: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Kids [{' '.join(f'{4 + 2 * n} 0 R' for n in range(count))}] /Count {count} >>".encode(),
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    }
    for number, lines in enumerate(pages):
        text = " T* ".join(f"({line.replace('(', '[').replace(')', ']')}) Tj" for line in lines)
        stream = zlib.compress(f"BT /F1 11 Tf 14 TL 60 760 Td {text} ET".encode("cp1252"))
        objects[4 + 2 * number] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        ).encode()
        objects[5 + 2 * number] = (
            f"<< /Length {len(stream)} /Filter /FlateDecode >>\nstream\n".encode() + stream + b"\nendstream"
        )
    data = _assembled(objects)
    if not bookmarks and password is None:
        return data
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    for title, page in bookmarks:
        writer.add_outline_item(title, page)
    if password is not None:
        writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _assembled(objects: dict[int, bytes]) -> bytes:
    data = b"%PDF-1.7\n"
    places: list[int] = []
    for number, content in sorted(objects.items()):
        places.append(len(data))
        data += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    return (
        data
        + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
        + table
        + f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(data)}\n%%EOF".encode()
    )


def report_docx(path: Path) -> None:
    """A document with a title, two levels of headings, a list, a table, and a paragraph after it."""
    document = docx.Document()
    document.add_heading("Annual report", 0)
    document.add_heading("Finance", 1)
    document.add_paragraph("Revenue rose to 12 million in 2023.")
    document.add_heading("Costs", 2)
    document.add_paragraph("Rent", style="List Bullet")
    document.add_paragraph("Wages", style="List Bullet")
    table = document.add_table(rows=3, cols=2)
    for row, cells in zip(table.rows, [("Item", "Cost"), ("Rent", "3"), ("Wages", "7")], strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    document.add_heading("Outlook", 1)
    document.add_paragraph("We expect growth.")
    document.save(str(path))
