"""Untrusted text -> HTML that runs and loads nothing. Document text is escaped; answers keep a small part of Markdown.

Neither goes through Streamlit's own Markdown, which loads remote images and reads `$`, `:colour[...]` and `:icon:`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt

from app.stages.citations import split_at_citations
from app.words import containment

_OFF = ["image", "link", "autolink", "reference", "html_block", "html_inline", "entity"]


def text(value: object) -> str:
    """Escaped for an element or a quoted attribute. `text('<b a="1">') == '&lt;b a=&quot;1&quot;&gt;'`."""
    return html.escape(str(value), quote=True)


def answer(value: str, *, known: Collection[int], anchor: Callable[[int], str]) -> str:
    """A chat model's answer: paragraphs, lists, emphasis, code and tables; images, links and HTML stay text.

    Citations of `known` passages become links to `anchor(n)`; others are marked as unknown.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable(_OFF)

    def words(_self: Any, tokens: Sequence[Any], at: int, _options: Any, _env: Any) -> str:
        return _cited(tokens[at].content, known, anchor)

    markdown.add_render_rule("text", words)
    return str(markdown.render(value))


def quoted(value: str, *, known: Collection[int], anchor: Callable[[int], str]) -> str:
    """An extractive answer: document text, so nothing in it is markup; blank lines make paragraphs."""
    parts = [part for part in re.split(r"\n{2,}", value) if part.strip()]
    return "".join(f'<p class="quote">{_cited(part, known, anchor)}</p>' for part in parts)


# by whether a place lies in the quoted sentence, and in what the reranker marked
_MARKS = {
    (False, False): "",
    (True, False): "<mark>",
    (False, True): '<mark class="span">',
    (True, True): '<mark class="both">',
}


def marked(value: str, sentence: str | None, spans: Sequence[tuple[int, int]] = ()) -> str:
    """Document text with one sentence of it marked, where it can be found (blanks may differ), and `spans` of it,
    [start, end) in characters and in order, marked in another way (class "span"; "both" inside the sentence)."""
    words = (sentence or "").split()
    found = re.search(r"\s+".join(map(re.escape, words)), value) if words else None
    quoted_at = found.span() if found is not None else _nearest_line(value, sentence or "")
    own = [] if quoted_at is None else [quoted_at]
    cuts = sorted({0, len(value), *(min(max(0, place), len(value)) for pair in (*own, *spans) for place in pair)})
    out, open_mark = [], ""
    for start, end in pairwise(cuts):
        mark = _MARKS[_inside(start, own), _inside(start, spans)]
        if mark != open_mark:
            out.append(("</mark>" if open_mark else "") + mark)
            open_mark = mark
        out.append(text(value[start:end]))
    return "".join(out) + ("</mark>" if open_mark else "")


def _inside(place: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


def _nearest_line(value: str, sentence: str) -> tuple[int, int] | None:
    """The longest line that says only what the sentence says: table rows are quoted with their columns' names."""
    lines = [m for m in re.finditer(r"[^\n]+", value) if len(m.group().split()) > 2]
    same = [m for m in lines if containment(m.group(), sentence) > 0.99]
    best = max(same, key=lambda m: len(m.group()), default=None)
    return None if best is None else best.span()


def _cited(value: str, known: Collection[int], anchor: Callable[[int], str]) -> str:
    out = []
    for piece in split_at_citations(value):
        if isinstance(piece, str):
            out.append(text(piece))
        else:
            out += [_citation(number, number in known, anchor(number)) for number in piece]
    return "".join(out)


def _citation(number: int, is_known: bool, target: str) -> str:
    if not is_known:
        return f'<span class="cite unknown" title="There is no passage {number}">{number}?</span>'
    return f'<a class="cite" href="#{text(target)}" aria-label="Open passage {number}">{number}</a>'
