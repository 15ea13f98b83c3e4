"""Rewriting: a follow-up is made to stand alone by the chat model or, without one, by carrying its terms over."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.domain import Question, Turn
from app.errors import ProviderError
from app.ports import ChatModel
from app.words import content_words, numbers_and_names, words

MAX_TERMS = 8
HISTORY_TURNS = 6
HISTORY_CHARACTERS = 600  # of each earlier turn: enough to know the topic, little enough for a small window
_WHOLE = 3  # content words that can hold a noun of their own for a pronoun to refer to

_LEANING = re.compile(
    r"\b(it|its|they|them|their|theirs|he|him|his|she|hers?|these|those|former|latter|ones)\b"
    # "this" and "that" lean at either end, before a verb, or after a preposition; "the model that reads" does not
    r"|^\s*(this|that)\b|\b(this|that)\s*[?.!]*$|\b(about|for|of|with|like|in|on|to|is|was|does|do|did)\s+(this|that)\b"
    r"|\b(explain|summari[sz]e|shorten|rephrase|repeat|translate)\s+(this|that)\b"
    # "is it the same for cats?" leans; "the same score for the same passage" does not
    r"|\bthe same\s*([?.!]*$|(for|in|with|there|one|thing)\b)",
    re.IGNORECASE,
)
_OPENERS = re.compile(r"^\s*(and|but|or|what about|how about|why not|why\?|how so|what else)\b", re.IGNORECASE)
_FILLERS = re.compile(r"^\s*((so|ok(ay)?|then|well|thanks|thank you|great)\b[,.!]*\s*)+", re.IGNORECASE)
# words that look as if they referred back, and refer to nothing
_EMPTY = re.compile(
    r"\bit\s+(also\s+)?(possible|true|necessary|allowed|legal|safe|useful|worth|advisable|required|make sense)"
    r"(?=\s+(to|that|for|if)\b)|\bit\s+take(?=\s+to\b)|\b(these|those)\s+(days|who|that|which)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"\b(when|if|because|while|before|after|once|until)\s+(they|it|he|she)\b.*", re.IGNORECASE)
# said to a person, not about a topic
_TALK_WORDS = """hi hello hey thanks thank please help tell explain describe show give understand know want need
    wonder whether question answer much many summarise summarize"""
_TALK = frozenset(_TALK_WORDS.split())


def leans(question: str) -> bool:
    """Whether a question needs the turns before it: it refers back, or is too short to stand alone.

    >>> leans("and in 2023?"), leans("What is a bi-encoder?"), leans("Is it possible to search two folders at once?")
    (True, False, False)
    """
    if _OPENERS.search(question):
        return True
    if _LEANING.search(_without_own_references(_FILLERS.sub("", question))):
        return True
    return len(content_words(question)) < 2 and len(words(question)) <= 4


def _without_own_references(question: str) -> str:
    """The question without pronouns that refer to nothing, or to a noun of its own ("... passages when they ...")."""
    plain = _EMPTY.sub(" ", question)
    clause = _CLAUSE.search(plain)
    if clause is not None and len(content_words(plain[: clause.start()])) >= _WHOLE:
        plain = plain[: clause.start()]
    return plain if len(content_words(plain)) >= _WHOLE else question


def rewrite(
    text: str, history: Sequence[Turn], *, chat: ChatModel | None, system: str, edited: str | None = None
) -> Question:
    """The question that is searched for. `edited` is a person's own rewording and wins; `system` is the prompt."""
    text = text.strip()
    if edited is not None and edited.strip() and edited.strip() != text:
        return Question(text, edited.strip(), "edited")
    if not history:
        return Question(text, text)
    note = ""
    if chat is not None:
        try:
            standalone = _clean(chat.complete(system, _dialogue(history, text), max_tokens=120))
        except ProviderError as error:
            note = f"The chat model could not rewrite the question ({error.message}); earlier terms were carried over."
        else:
            if standalone and standalone != text:
                return Question(text, standalone, "model")
            if standalone:
                return Question(text, text)
            note = "The chat model gave no rewritten question; earlier terms were carried over."
    if not leans(text):
        return Question(text, text, note=note)
    terms = _topic_terms(text, history)
    if not terms:
        return Question(text, text, note=note)
    return Question(text, f"{text} ({' '.join(terms)})", "terms", note)


def _topic_terms(text: str, history: Sequence[Turn]) -> list[str]:
    """Content words of the earlier questions, back to the last one that stood alone, not said again by this one.

    Where there are too many, names and figures stay, then what was said last.
    """
    said = set(content_words(text)) | _TALK
    turns: list[str] = []
    for turn in reversed(history):
        if turn.role == "user":
            turns.append(turn.text)
            if not leans(turn.text):
                break
    terms: list[str] = []
    names: set[str] = set()
    for earlier in reversed(turns):
        names |= numbers_and_names(earlier)
        for word in content_words(earlier):
            if word not in said and not _LEANING.fullmatch(word):
                said.add(word)
                terms.append(word)
    by_weight = sorted(range(len(terms)), key=lambda i: (terms[i] not in names, -i))
    return [terms[i] for i in sorted(by_weight[:MAX_TERMS])]


def _dialogue(history: Sequence[Turn], text: str) -> str:
    lines = [f"{turn.role}: {turn.text[:HISTORY_CHARACTERS]}" for turn in history[-HISTORY_TURNS:]]
    return "\n".join([*lines, f"user: {text}", "", "Standalone question:"])


def _clean(reply: str) -> str:
    """The first line of the reply without quotes or a label."""
    line = next((line for line in reply.strip().splitlines() if line.strip()), "")
    return re.sub(r"^(standalone question|question)\s*:\s*", "", line.strip(), flags=re.IGNORECASE).strip("\"' ")
