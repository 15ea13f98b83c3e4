"""PDF: pages with their numbers, bookmarks as sections, tables as tables; what cannot be read is named."""

from __future__ import annotations

import io
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pypdf import PdfReader, apply_configuration
from pypdf.errors import FileNotDecryptedError, PyPdfError
from pypdf.generic import Destination

from app.errors import DocumentError
from ingest.load.outline import Outline
from ingest.load.parsed import Parsed, finish
from ingest.load.pdf_layout import read_page
from ingest.load.pdf_segments import Geometry
from ingest.load.pdf_text import letters, mend, page_lines, paragraphs, running_lines

# It logs every oddity it repairs, font dictionaries in full; what matters comes back as a warning of ours.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

# pypdf stops at 100,000 elements of one array; genuine filings (tagged PDFs with one structure tree) have three times
# that. The parser's process is bounded in time and memory, which is what the limit is for.
_ARRAY_ELEMENTS = 2_000_000
# A page whose fonts name no letters: many control, private or unknown characters, and letters of several scripts at
# once. Formulas set in old TeX fonts have the first only, and their words are worth keeping.
_BROKEN_SHARE = 0.04
_HOPELESS_SHARE = 0.3
_MIXED_SCRIPTS = 3
_NO_TITLE = re.compile(
    r"^(untitled.*|microsoft \w+ - .*|.*\.(docx?|pdf|odt|pptx?|xlsx?|png|jpe?g|tiff?|indd|qxd|dvi))$", re.I
)
_NEEDS_PASSWORD = DocumentError("protected by a password", hint="Save a copy without the password and read that in.")


def load(name: str, data: bytes) -> Parsed:
    """Text page by page, without running heads and line-end hyphens; bookmarks give the section path.

    A file encrypted with an empty password is opened, as every viewer does. Raises DocumentError for a real
    password, no pages, no text (scans), fonts without a character map, and broken structure.
    """
    with apply_configuration(array_maximum_element_count=_ARRAY_ELEMENTS):
        try:
            return _read(name, data)
        except FileNotDecryptedError:
            raise _NEEDS_PASSWORD from None
        except PyPdfError as error:
            raise DocumentError(
                f"its structure is broken: {error}", hint="Open it in a viewer and print it to a new PDF."
            ) from error


def _read(name: str, data: bytes) -> Parsed:
    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise _NEEDS_PASSWORD
    count = len(reader.pages)
    if count == 0:
        raise DocumentError("it has no pages", hint="Open it in a viewer and print it to a new PDF.")
    texts, notes = _texts(reader, count)
    lines, tables = _laid_out(data, texts)
    running = running_lines([[line for line in page if line not in tables] for page in lines])
    lines = [_without(running, page) for page in lines]
    sections = _bookmarks(reader)
    titles = frozenset(letters(title) for marks in sections.values() for _, title in marks)
    alone = titles | {letters(mark) for mark in tables}
    outline = Outline()
    for number, page in enumerate(mend([paragraphs(page, alone) for page in lines], alone), 1):
        _add_page(outline, number, page, sections.get(number - 1, []), tables)
    title = str(reader.metadata.title or "" if reader.metadata is not None else "").replace("\0", "").strip()
    title = "" if _NO_TITLE.match(title) or len(title) < 4 else title
    return finish(name, outline.blocks(), title=title, metadata={"pages": count}, warnings=notes)


def _laid_out(data: bytes, texts: Sequence[str]) -> tuple[list[list[str]], dict[str, str]]:
    """Each page's lines, and the tables in Markdown by the line that stands for them.

    Pages whose geometry shows a table, or columns that the file writes line by line, are read by PDFium; a file that
    it does not open keeps the order it is written in.
    """
    lines = [page_lines(text) for text in texts]
    tables: dict[str, str] = {}
    try:
        geometry = Geometry(data)
    except ValueError:
        return lines, tables
    try:
        for at, text in enumerate(texts):
            page = read_page(geometry.segments(at)) if text else None
            if page is not None:
                lines[at] = [_normal(line) for line in page.lines]
                for place, table in page.tables.items():
                    mark = f"\ue010table {len(tables)} of this file"
                    lines[at][place] = mark
                    tables[mark] = _normal(table)
    except ValueError:
        return lines, tables  # from here on pages stay as they are written
    finally:
        geometry.close()
    return lines, tables


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", _ligatures(text))


def _without(running: frozenset[str], page: list[str]) -> list[str]:
    rest = [line for line in page if line not in running]
    return rest if any(rest) else page  # a page of nothing else: a label under a picture, not a running head


def _texts(reader: PdfReader, count: int) -> tuple[list[str], list[str]]:
    texts: list[str] = []
    empty: list[int] = []
    broken: list[int] = []
    garbled: list[int] = []
    for number in range(1, count + 1):
        try:
            text = _normal(reader.pages[number - 1].extract_text())
        except FileNotDecryptedError:
            raise
        except (PyPdfError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            broken.append(number)
            text = ""
        else:
            if not any(character.isalnum() for character in text):
                empty.append(number)
            elif _is_garbled(text):
                garbled.append(number)
                text = ""
        texts.append(text)
    if not any(texts) and garbled:
        raise DocumentError(
            "its fonts do not say which letters they show", hint="Print it to a new PDF with OCR, and read that in."
        )
    if len(broken) == count:
        raise DocumentError("none of its pages can be read", hint="Open it in a viewer and print it to a new PDF.")
    if len(empty) + len(broken) + len(garbled) == count:
        raise DocumentError(
            f"no text in it: its {count} page{'s' * (count > 1)} {'look' if count > 1 else 'looks'} scanned",
            hint="Recognise its text first, for example with: ocrmypdf in.pdf out.pdf",
        )
    notes = []
    for what, numbers in (
        ("without text (scanned or pictures)", empty),
        ("left out, broken", broken),
        ("left out, their fonts do not say which letters they show", garbled),
    ):
        if numbers:
            notes.append(f"{len(numbers)} of {count} pages {what}: {_ranges(numbers)}")
    return texts, notes


def _ligatures(text: str) -> str:
    return re.sub("[\ufb00-\ufb06]", lambda match: unicodedata.normalize("NFKC", match.group()), text)


def _is_garbled(text: str) -> bool:
    odd = sum(unicodedata.category(character) in ("Cc", "Co", "Cn") for character in text if character not in "\n\t\r")
    share = (odd + text.count("\ufffd")) / max(1, len(text))
    if share <= _BROKEN_SHARE:
        return False
    letters = [character for character in text if character.isalpha()]
    scripts = Counter(unicodedata.name(character, "?").split(" ", 1)[0] for character in letters)
    mixed = sum(count >= 0.03 * len(letters) for count in scripts.values())
    return share > _HOPELESS_SHARE or mixed >= _MIXED_SCRIPTS


def _bookmarks(reader: PdfReader) -> dict[int, list[tuple[int, str]]]:
    """0-based page -> (level, title) of the bookmarks that open there, in reading order."""
    found: dict[int, list[tuple[int, str]]] = {}
    try:
        for level, entry in _flat(reader.outline, 1):
            page = reader.get_destination_page_number(entry)
            if page is not None and page >= 0 and entry.title:
                found.setdefault(page, []).append((level, " ".join(str(entry.title).split())))
    except (PyPdfError, AttributeError, LookupError, TypeError, ValueError):
        return {}  # a document whose table of contents is broken reads as one without
    return found


def _flat(entries: Sequence[object], level: int) -> Iterator[tuple[int, Destination]]:
    for entry in entries:
        if isinstance(entry, Destination):
            yield level, entry
        elif isinstance(entry, list):
            yield from _flat(entry, level + 1)


def _add_page(
    outline: Outline,
    number: int,
    page: Sequence[str],
    bookmarks: Sequence[tuple[int, str]],
    tables: Mapping[str, str],
) -> None:
    """A page's paragraphs; a bookmark opens its section where its title stands, else where the page begins."""

    def add(paragraph: str) -> None:
        table = tables.get(paragraph)
        outline.add(paragraph if table is None else table, "prose" if table is None else "table", page=number)

    start = 0
    for level, title in bookmarks:
        at = next((place for place in range(start, len(page)) if letters(page[place]) == letters(title)), None)
        if at is not None:
            for paragraph in page[start:at]:
                add(paragraph)
            start = at + 1
        outline.heading(level, title)
    for paragraph in page[start:]:
        add(paragraph)


def _ranges(numbers: Sequence[int]) -> str:
    """`_ranges([1, 2, 3, 7]) == "1-3, 7"`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1] = [spans[-1][0], number]
        else:
            spans.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
