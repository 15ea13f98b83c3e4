"""Questions from headings and sentences, for where no chat model is at hand.

All are weak: they copy the words of their passage, which makes retrieval look better than it is, and none is
unanswerable. A person should reword what they accept.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from app.domain import Chunk
from app.evaluation.questions.drafts import Draft
from app.evaluation.questions.draw import drawn
from app.evaluation.questions.model import Label, LabelledQuestion, Origin, made_id
from app.library.contents import Contents
from app.words import content_words, sentences, words

_DEFINED = re.compile(
    r"(?P<what>(?:(?:[Aa]n?|[Tt]he)\s+)?[^\W\d_][\w'’/ -]{2,60}?)\s+(?P<verb>is|are)\s+(?:an?|the)\s+\w", re.UNICODE
)
_REFERRING = frozenset(
    (
        "its",
        "his",
        "her",
        "their",
        "our",
        "your",
        "this",
        "that",
        "it",
        "these",
        "those",
        "there",
        "he",
        "she",
        "they",
        "we",
        "you",
        "which",
        "what",
        "such",
        "one",
    )
)
_GENERAL = frozenset(
    ("introduction", "overview", "summary", "conclusion", "contents", "notes", "references", "appendix", "example")
)
_ASKED_TERMS = 5
_LEAST_WORDS, _MOST_WORDS = 8, 60


def weak_drafts(contents: Contents, count: int, *, seed: int = 0) -> list[Draft]:
    """At most `count` drafts, half from headings and half from sentences as far as there are, spread over documents."""
    order = drawn(contents, seed)
    headings, told = _headings(contents, order), _sentences(contents, order)
    both = (draft for pair in zip_longest(headings, told) for draft in pair if draft is not None)
    found: dict[str, Draft] = {}
    for draft in both:
        found.setdefault(draft.question.id, draft)
        if len(found) >= count:
            break
    return list(found.values())


def _headings(contents: Contents, order: Sequence[Chunk]) -> Iterator[Draft]:
    """A section's heading as the question; all chunks of the section are relevant."""
    sections: dict[tuple[str, tuple[str, ...]], list[Chunk]] = defaultdict(list)
    for chunk in contents.chunks:
        sections[chunk.document_id, chunk.section].append(chunk)
    used: set[tuple[str, tuple[str, ...]]] = set()
    for chunk in order:
        key = (chunk.document_id, chunk.section)
        heading = " ".join(chunk.section[-1].split()) if chunk.section else ""
        if key in used or not heading or heading.casefold() in (chunk.title.casefold(), *_GENERAL):
            continue
        used.add(key)
        if heading.endswith("?"):
            text = heading
        elif content_words(heading):
            text = f"What does {chunk.title} say about {_lowered(heading)}?"
        else:
            continue
        yield _draft(text, sections[key], "heading", "headings")


def _sentences(contents: Contents, order: Sequence[Chunk]) -> Iterator[Draft]:
    """A definition asked for ("X is a ..."), else a sentence asked for by its rarest words."""
    spread = Counter(word for chunk in contents.chunks for word in set(content_words(chunk.text)))
    for chunk in order:
        asked = None
        for sentence in sentences(chunk.text):
            if not _LEAST_WORDS <= len(words(sentence)) <= _MOST_WORDS or "|" in sentence:
                continue
            defined = _DEFINED.match(sentence)
            if defined is not None and words(defined["what"])[0] not in _REFERRING:
                asked = f"What {defined['verb']} {_lowered(defined['what'])}?", sentence
                break
            if asked is None and len(set(content_words(sentence))) >= _ASKED_TERMS:
                asked = f"What is said about {_rarest(sentence, spread)}?", sentence
        if asked is not None:
            yield _draft(asked[0], [chunk], "sentence", "sentences", quote=asked[1])


def _rarest(sentence: str, spread: Counter[str]) -> str:
    """The words of the sentence that fewest chunks have, in its order."""
    terms = list(dict.fromkeys(content_words(sentence)))
    chosen = sorted(terms, key=lambda term: (spread[term], -len(term)))[:_ASKED_TERMS]
    kept = [term for term in terms if term in chosen]
    return f"{', '.join(kept[:-1])} and {kept[-1]}"


def _lowered(text: str) -> str:
    """The first letter small, where the word is no name or abbreviation ("BM25", "Chroma's" stay)."""
    first = text.split()[0]
    return text[0].lower() + text[1:] if first.casefold() in ("a", "an", "the", "how", "what", "why", "when") else text


def _draft(text: str, chunks: Sequence[Chunk], origin: Origin, by: str, *, quote: str = "") -> Draft:
    question = LabelledQuestion(
        id=made_id(text),
        text=text,
        relevant=tuple(Label(chunk=c.id, document=c.document_id, quote=quote or c.text) for c in chunks),
        origin=origin,
        weak=True,
    )
    return Draft(question, chunks[0].text, by)
