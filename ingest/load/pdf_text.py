"""The lines of PDF pages to paragraphs: running heads out, hyphens mended, wrapped lines joined. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_EDGE = 3  # lines at the top and the bottom of a page where running heads stand
_HYPHENS = "-\u2010\u00ad"
_COMPOUND = re.compile(r"\b\w+-\w+\b")
_ITEM = re.compile(r"\s*([-*•‣▪●○◦–—]\s|\(?\d{1,3}[.)]\s|\(?[a-z][.)]\s|\d+(\.\d+)+\s)")
_SENTENCE_END = re.compile(r"[.!?:;。！？؟][\"'”’)\]]*$")
_SPACES = re.compile(r"[ \t]+")


def page_lines(text: str) -> list[str]:
    """A page's lines without outer blanks; "" stands for a gap. Pages set word by word come back as one line."""
    lines = [_SPACES.sub(" ", line).strip() for line in text.split("\n")]
    filled = [line for line in lines if line]
    single = sum(" " not in line for line in filled)
    if len(filled) >= 8 and single > 0.85 * len(filled) and sum(map(len, filled)) / len(filled) < 9:
        return re.split(r"\s+(?=[●•▪◦‣])", " ".join(filled))
    return lines


def running_lines(pages: Sequence[Sequence[str]]) -> frozenset[str]:
    """Headers, footers and page numbers: lines at the edges that recur, but for their figures, on a third of the
    pages and on three at least. Documents of fewer than four pages have none."""
    if len(pages) < 4:
        return frozenset()
    edges = [_edges(page) for page in pages]
    counts = Counter(key for lines in edges for key in {_key(line) for line in lines})
    enough = max(3, len(pages) / 3)
    return frozenset(line for lines in edges for line in lines if counts[_key(line)] >= enough)


def _edges(page: Sequence[str]) -> list[str]:
    filled = [line for line in page if line]
    return filled[:_EDGE] + filled[-_EDGE:]


def _key(line: str) -> str:
    # Without blanks: where words are parted depends on who reads the page.
    return re.sub(r"\s+", "", re.sub(r"\d+|\b[ivxlc]+\b", "#", line.casefold()))


def letters(text: str) -> str:
    """What a heading and its bookmark have in common: letters and figures, folded."""
    return "".join(character for character in text.casefold() if character.isalnum())


def paragraphs(lines: Sequence[str], headings: frozenset[str] = frozenset()) -> list[str]:
    """Join wrapped lines. A line goes on where it is about as wide as the page's text and no item or table row
    begins; what does not go on stays a line of its own inside the paragraph. Gaps part paragraphs, and so do
    `headings` (their `letters`)."""
    widths = sorted(len(line) for line in lines if line)
    if not widths:
        return []
    wide = widths[int(len(widths) * 0.8)]
    compounds = frozenset(found.casefold() for line in lines for found in _COMPOUND.findall(line))
    found: list[str] = []
    before = ""
    for line in lines:
        if not line:
            before = ""
        elif headings and letters(line) in headings:
            found.append(line)
            before = ""
        elif not before:
            found.append(line)
            before = line
        else:
            if _goes_on(before, line, wide):
                found[-1] = join(found[-1], line, compounds)
            elif len(before) < 0.5 * wide and _SENTENCE_END.search(before):
                found.append(line)  # a short line that ends a sentence ends the paragraph
            else:
                found[-1] += "\n" + line
            before = line
    return found


def _goes_on(before: str, line: str, wide: int) -> bool:
    if _ITEM.match(line) or _is_row(before) or _is_row(line):
        return False
    if before[-1] in _HYPHENS and len(before) > 1 and before[-2].isalpha():
        return True
    if _SENTENCE_END.search(before):
        return len(before) >= 0.85 * wide
    return len(before) >= 0.6 * wide or (line[0].islower() and len(before) >= 0.3 * wide)


_FIGURE = re.compile(r"[($€£-]*\d(?:[\d.,]*\d)?[%)]*|[$€£%()—–-]+")


def _is_row(line: str) -> bool:
    """A table's row, told by its figures: they are a third of its words, or two and more of them end it."""
    words = line.split()
    figures = sum(any(character.isdigit() for character in word) for word in words)
    if figures >= 3 and figures > len(words) / 3:
        return True
    ending = 0
    for word in reversed(words):
        if not _FIGURE.fullmatch(word):
            break
        ending += any(character.isdigit() for character in word)
    return ending >= 2 or (ending == 1 and "$" in words[-2:])


def join(text: str, line: str, compounds: frozenset[str] = frozenset()) -> str:
    """Two parts of one sentence. `join("exam-", "ple") == "example"`; a hyphen that the document writes within a line
    too ("well-known") stays."""
    if text and text[-1] in _HYPHENS and len(text) > 1 and text[-2].isalpha() and line[:1].islower():
        first, second = re.split(r"\s", text)[-1], line.split(" ", 1)[0]
        whole = (first[:-1] + "-" + second).strip(".,;:!?()\"'").casefold()
        return text[:-1] + ("-" if whole in compounds else "") + line
    return f"{text} {line}"


def mend(pages: Sequence[Sequence[str]], headings: frozenset[str] = frozenset()) -> list[list[str]]:
    """Move the rest of a sentence that runs on over a page break back to where it began; headings do not run on."""
    mended = [list(page) for page in pages]
    for here, after in zip(mended, mended[1:], strict=False):
        if not here or not after or _SENTENCE_END.search(here[-1]) or not after[0][:1].islower():
            continue
        if headings and (letters(here[-1]) in headings or letters(after[0]) in headings):
            continue
        end = re.search(r"[.!?][\"'”’)\]]*(?=\s|$)", after[0])
        if end is None or end.end() > 400 or "\n" in after[0][: end.end()]:
            continue
        here[-1] = join(here[-1], after[0][: end.end()])
        rest = after[0][end.end() :].strip()
        after[:1] = [rest] if rest else []
    return mended
