"""Words, sentences, figures and names: what lexical search, rewriting and duplicate detection read in a text.

Standard library only. Latin, Greek and Cyrillic words are lower-cased and lose their accents. Scripts without word
breaks are cut into overlapping pieces, as Lucene's CJKAnalyzer does: pairs for Chinese, Japanese and Korean, triples
for Thai, Lao, Burmese and Khmer (their letters are fewer and their words longer).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS = _listed(
    """a about after again all also am an and any are as at be because been before being both but by can could did do
    does doing during each for from further had has have having he her here hers him his how i if in into is it its
    itself just me more most my no nor not of on once only or other our out over own she should so some such than
    that the their them then there these they this those through to too under until up us very was we were what
    when where which while who whom whose why will with would you your yours
    s t d ll m re ve don doesn didn isn aren wasn weren hasn haven hadn won wouldn couldn shouldn"""
)

# Accents of European scripts, Hebrew points, Arabic vowel signs. Marks of other scripts carry meaning (Thai and
# Hindi vowels, the voicing marks of kana) and stay.
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u0652\u0670]")
_HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA = "\u3041-\u309f"
_KATAKANA = "\u30a0-\u30ff\u31f0-\u31ff"
_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_UNBROKEN = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u1049\u1780-\u17d3"  # Thai, Lao, Burmese, Khmer
_INDIC = "\u0900-\u0963\u0966-\u0dff"  # whole words, vowel signs included, without the danda
_RUNS = re.compile(
    f"(?P<pairs>[{_HAN}]+|[{_HIRAGANA}]+|[{_KATAKANA}]+|[{_HANGUL}]+)"
    f"|(?P<triples>[{_UNBROKEN}]+)"
    f"|[{_INDIC}]+"
    f"|(?:(?![{_HAN}{_HIRAGANA}{_KATAKANA}{_HANGUL}{_UNBROKEN}{_INDIC}])[^\\W_])+"
)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_POSSESSIVE = re.compile(r"(?<=\w)['’]s\b")


def words(text: str) -> list[str]:
    """The words of a text in order, folded. `words("Café, 1,200!") == ["cafe", "1200"]`."""
    folded = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text).lower()))
    folded = _POSSESSIVE.sub("", _THOUSANDS.sub("", folded))
    found: list[str] = []
    for run in _RUNS.finditer(folded):
        piece = run.group()
        if run.lastgroup is None:
            found.append(piece)
        else:
            found.extend(_pieces(piece, 2 if run.lastgroup == "pairs" else 3))
    return found


def _pieces(run: str, length: int) -> list[str]:
    return [run[at : at + length] for at in range(max(1, len(run) - length + 1))]


def content_words(text: str) -> list[str]:
    """`words` without English stop words."""
    return [word for word in words(text) if word not in STOP_WORDS]


@lru_cache(maxsize=1024)
def _distinct(text: str) -> frozenset[str]:
    return frozenset(words(text))


def containment(a: str, b: str) -> float:
    """The share (0..1) of a's distinct words that also occur in b: how little a would add to b. 0.0 where a has none.

    A. Broder, On the resemblance and containment of documents, 1997 (on single words here).
    """
    mine = _distinct(a)
    return len(mine & _distinct(b)) / len(mine) if mine else 0.0


# -- figures and names -----------------------------------------------------------------------------

_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_WORD = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*")
_NOT_NAMES = frozenset({"i", "i'm", "i'll", "i've", "i'd"})


@lru_cache(maxsize=1024)  # the gate asks again for every candidate each time it is moved
def overlap(first: str, second: str, *, least: int) -> int:
    """How many characters `first` ends with that `second` begins with; 0 where they are fewer than `least` (1 or more).

    >>> overlap("It rains. The river rose.", "The river rose. It stops.", least=12)
    15
    """
    head = second[:least]
    start = first.find(head) if len(head) == least else -1
    while start >= 0 and not second.startswith(first[start:]):
        start = first.find(head, start + 1)
    return len(first) - start if start >= 0 else 0


def numbers_and_names(text: str) -> frozenset[str]:
    """Figures, years and capitalised words that do not open a sentence, folded.

    Two passages that agree in everything but these say different things. A capitalised word at a sentence start
    counts when the same word is capitalised elsewhere in the text too.
    """
    plain = unicodedata.normalize("NFKC", text)
    found = {_THOUSANDS.sub("", number) for number in _NUMBER.findall(plain)}
    for sentence in sentences(plain):
        for place, word in enumerate(_WORD.findall(sentence)):
            if place and word[0].isupper() and word.lower() not in _NOT_NAMES:
                found.update(words(word))
    return frozenset(found)


# -- sentences -------------------------------------------------------------------------------------

_LINE = re.compile(r"[^\n]+")
_BULLET = re.compile(r"\s*(?:[-*+•‣◦▪–]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s+")
_HEADING = re.compile(r"\s*#{1,6}\s")
_PAIRS = re.compile(r"[^\s:|]: \S")
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]*_]*+(?=\s)|[。！？｡؟۔।]+[」』”’）)\"]*")
_CLOSED = re.compile(r"[.!?…:;。！？；：؟۔।]$")
_CLOSERS = "\"'”’»)]*_ \t"
_TOKEN_BREAK = re.compile(r"[\s(\[\"'“‘]")
_NEXT = re.compile(r"[\"'“‘«(\[*_]*([^\W_]+)?")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+$")
_LONGEST = 24  # no abbreviation is longer, closing marks included
_WRAP_WIDTH = 55  # a line at least this long that ends in mid-sentence was wrapped, not ended

_NEVER_LAST = _listed(
    """mr mrs ms dr prof st rev hon gen col capt lt sgt sen rep gov pres mt ft fr messrs vs v cf e.g i.e eg ie viz al
    approx ca dept univ resp"""
)
_BEFORE_FIGURES = _listed(
    """no nos nr p pp fig figs eq eqs sec secs ch vol vols art para sect tab ref refs ed jan feb mar apr jun jul aug sep
    sept oct nov dec"""
)
_EITHER_WAY = _listed("""inc ltd co corp llc plc etc jr sr bros ph.d m.d b.a m.a a.m p.m u.s u.k e.u u.n d.c""")
_OPENERS = _listed(
    """the a an it in on at he she they we i you this that these those there however but and for when while if as its
    his her their our what who how why where after before since although"""
)


def sentences(text: str) -> list[str]:
    """The sentences of a text, each a verbatim slice without outer blanks, in order.

    Bullets, headings, table rows and `key: value` rows are sentences of their own; lines wrapped in mid-sentence
    are not cut. Abbreviations, initials and decimals do not end a sentence.
    """
    found: list[str] = []
    for start, end in _blocks(text):
        found.extend(_cut(text[start:end]))
    return found


def _blocks(text: str) -> list[tuple[int, int]]:
    """Spans of lines that belong together."""
    blocks: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        if not line.group().strip():
            continue
        if blocks and text.count("\n", blocks[-1][1], line.start()) == 1:
            start, end = blocks[-1]
            above = text[text.rfind("\n", start, end) + 1 if "\n" in text[start:end] else start : end]
            if _runs_on(above, line.group()):
                blocks[-1] = (start, line.end())
                continue
        blocks.append((line.start(), line.end()))
    return blocks


def _runs_on(above: str, line: str) -> bool:
    if _stands_alone(above) or _stands_alone(line) or _BULLET.match(line):
        return False
    if _CLOSED.search(above.rstrip(_CLOSERS)[-1:]):
        return False
    return line.lstrip()[:1].islower() or len(above) >= _WRAP_WIDTH


def _stands_alone(line: str) -> bool:
    is_row = line.count("|") >= 2 or "\t" in line.strip() or len(_PAIRS.findall(line)) >= 2
    return is_row or _HEADING.match(line) is not None


def _cut(block: str) -> list[str]:
    if _stands_alone(block):
        return [block.strip()]
    bullet = _BULLET.match(block)
    first = bullet.end() if bullet else 0
    found: list[str] = []
    start = 0
    for end in _END.finditer(block, first):
        if _ends_here(block[start : end.end()], end.group(), block[end.end() :].lstrip()):
            found.append(block[start : end.end()].strip())
            start = end.end()
    found.append(block[start:].strip())
    return [sentence for sentence in found if sentence]


def _ends_here(before: str, mark: str, rest: str) -> bool:
    opener = _NEXT.match(rest)
    following = (opener.group(1) or "") if opener else ""
    if not rest or mark[0] not in ".!?…":
        return True
    if following[:1].islower():
        return False
    if not mark.startswith(".") or mark.startswith(".."):
        return True
    last = _TOKEN_BREAK.split(before[-_LONGEST:].rstrip(_CLOSERS).rstrip("."))[-1].lower()
    if last in _NEVER_LAST or (last in _BEFORE_FIGURES and following[:1].isdigit()):
        return False
    if last in _EITHER_WAY:
        return following.lower() in _OPENERS
    if len(last) == 1 and last.isalpha() or _INITIALS.match(f"{last}."):
        return following.lower() in _OPENERS
    return True
