"""Where every piece of text stands on a PDF page, by PDFium."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.load.pdf_rows import Segment

_WIDE = 0.9  # of the letters' height: a wider gap parts two cells, and no two words of a line
_MOST_CHARACTERS = 20_000  # of one page: maps and drawings have more, and no reading order
_LINE_END_HYPHEN = 0x02  # what PDFium writes for a hyphen that it knows to be one of a broken word


class Geometry:
    """The pages of one open file. `close` ends it; PDFium is not for several threads."""

    def __init__(self, data: bytes) -> None:
        """Raises ValueError for a file that PDFium does not open."""
        try:
            self._document: Any = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            raise ValueError(str(error)) from error

    def segments(self, page: int) -> list[Segment]:
        """The text of a page (counted from 0), parted at wide gaps and line ends; [] for a turned page or one of too
        many characters. Raises ValueError for a page that PDFium does not read."""
        try:
            opened = self._document[page]
            if opened.get_rotation():
                return []
            text = opened.get_textpage()
        except (pypdfium2.PdfiumError, IndexError) as error:
            raise ValueError(str(error)) from error
        try:
            return list(_parted(text.raw)) if text.count_chars() <= _MOST_CHARACTERS else []
        finally:
            text.close()
            opened.close()

    def close(self) -> None:
        self._document.close()


def _parted(page: Any) -> Iterator[Segment]:
    box = pdfium.FS_RECTF()
    letters: list[str] = []
    left = bottom = right = top = 0.0
    order = 0
    for at in range(pdfium.FPDFText_CountChars(page)):
        code = pdfium.FPDFText_GetUnicode(page, at)
        if code in (0, 10, 13, 32, 160) or not pdfium.FPDFText_GetLooseCharBox(page, at, ctypes.byref(box)):
            if letters and letters[-1] != " " and code in (32, 160):
                letters.append(" ")
            continue
        letter = "-" if code == _LINE_END_HYPHEN else chr(code)
        height = max(1.0, top - bottom)
        same_line = abs((box.top + box.bottom) - (top + bottom)) < height
        if letters and same_line and -height < box.left - right <= _WIDE * height:
            if box.left - right > 0.18 * height and letters[-1] != " ":
                letters.append(" ")
            right = max(right, box.right)
            bottom, top = min(bottom, box.bottom), max(top, box.top)
        else:
            if words := "".join(letters).strip():
                yield Segment(left, bottom, right, top, words, order)
                order += 1
            letters = []
            left, bottom, right, top = box.left, box.bottom, box.right, box.top
        letters.append(letter)
    if words := "".join(letters).strip():
        yield Segment(left, bottom, right, top, words, order)
