"""Variants of questions and passages: cuts, typed-in-a-hurry questions, and near-misses that look answerable.

Near-misses teach a scorer that sharing a subject is not answering (Rajpurkar et al. 2018, arXiv 1806.03822): the same
paragraph with the sentence that answers taken out, or the question with a name, a number or a direction swapped.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from app.words import content_words, sentences

TOKENS_A_WORD = 1.35  # all-MiniLM's tokenizer on English prose
_NAME = re.compile(r"\b[A-Z][\w'’-]+(?:\s+(?:of\s+(?:the\s+)?)?[A-Z][\w'’-]+)*")
_PIECE = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\b\d[\d,.]*\d\b|\b\d\b")
_LEANS = re.compile(
    r"\b(it|its|he|she|him|his|her|hers|they|them|their|this|that|these|those|the (?:author|passage|text|article|"
    r"paragraph|narrator|speaker|reviewer|writer|user|poster|op)|i|my|me|you|your)\b",
    re.IGNORECASE,
)
_OPPOSITES = {
    "first": "last", "most": "least", "before": "after", "largest": "smallest", "highest": "lowest", "north": "south",
    "east": "west", "more": "fewer", "increase": "decrease", "increased": "decreased", "begin": "end",
    "started": "stopped", "start": "stop", "early": "late", "earliest": "latest", "oldest": "newest", "best": "worst",
    "won": "lost", "win": "lose", "major": "minor", "maximum": "minimum", "longest": "shortest", "male": "female",
    "supported": "opposed", "support": "oppose", "accepted": "rejected", "allowed": "forbidden", "can": "cannot",
    "included": "excluded", "founded": "dissolved", "married": "divorced", "born": "buried", "opened": "closed",
    "gained": "lost", "joined": "left", "common": "rare", "upper": "lower", "positive": "negative", "high": "low",
    "is": "is not", "was": "was not", "are": "are not", "were": "were not", "did": "did not", "does": "does not",
}  # fmt: skip
_OPPOSITES |= {b: a for a, b in _OPPOSITES.items() if " " not in b}
_NEGATING = frozenset({"is", "was", "are", "were", "did", "does"})


def stands_alone(question: str) -> bool:
    """Whether the question can be understood without its page: enough said, and nothing that points back at one."""
    said = content_words(question)
    named = any(m.start() > 0 for m in _NAME.finditer(question))
    if _LEANS.search(question) and not named:
        return False
    return len(said) >= (2 if named else 3)


def hurried(question: str, rng: random.Random) -> str:
    """The question as people type it: as it is (half the time), lower-cased, as keywords, or with a typo."""
    draw = rng.random()
    if draw < 0.5:
        return question
    if draw < 0.75:
        return question.lower().rstrip(" ?")
    if draw < 0.88:
        kept = content_words(question)
        return " ".join(kept) if len(kept) >= 2 else question
    return _typo(question, rng)


def _typo(question: str, rng: random.Random) -> str:
    pieces = question.split(" ")
    long = [i for i, piece in enumerate(pieces) if len(piece) >= 5 and piece.isalpha()]
    if not long:
        return question
    at = rng.choice(long)
    word, spot = pieces[at], rng.randrange(1, len(pieces[at]) - 2)
    pieces[at] = rng.choice(
        (
            word[:spot] + word[spot + 1] + word[spot] + word[spot + 2 :],
            word[:spot] + word[spot + 1 :],
            word[:spot] + word[spot] + word[spot:],
        )
    )
    return " ".join(pieces)


def target_tokens(rng: random.Random) -> int:
    """How long a passage to cut: 60 to 350 tokens, short ones more often."""
    return int(60 * (350 / 60) ** (rng.random() ** 1.3))


def cut(text: str, answers: Sequence[str], tokens: int, rng: random.Random) -> str:
    """About `tokens` tokens of whole sentences around the answer, or from a random place where none is found."""
    parts = sentences(text)
    room = tokens / TOKENS_A_WORD
    sizes = [len(part.split()) for part in parts]
    if sum(sizes) <= room or len(parts) <= 1:
        return text if sum(sizes) <= room * 1.5 else " ".join(text.split()[: int(room)])
    homes = [i for i, part in enumerate(parts) if holds(part, answers)]
    first = last = rng.choice(homes) if homes else (0 if rng.random() < 0.5 else rng.randrange(len(parts)))
    filled = float(sizes[first])
    while True:
        options = [i for i in (first - 1, last + 1) if 0 <= i < len(parts) and filled + sizes[i] <= room]
        if not options:
            return ("\n" if "\n" in text else " ").join(parts[first : last + 1])
        chosen = rng.choice(options)
        first, last = min(first, chosen), max(last, chosen)
        filled += sizes[chosen]


def holds(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers occurs in the text, as whole words, whatever the case."""
    folded = f" {' '.join(_PIECE.findall(text.lower()))} "
    wanted = (" ".join(_PIECE.findall(answer.lower())) for answer in answers)
    return any(answer and f" {answer} " in folded for answer in wanted)


def without_answer(text: str, answers: Sequence[str]) -> str | None:
    """The passage without its answering sentences; None where they cannot be told or too little would remain."""
    parts = sentences(text)
    kept = [part for part in parts if not holds(part, answers)]
    left = " ".join(kept)
    if len(kept) == len(parts) or len(left.split()) < 25 or holds(left, answers):
        return None
    return left


def swapped(question: str, passage: str, rng: random.Random) -> str | None:
    """The question asking for something its passage does not say: a number, a name or a direction swapped."""
    ways = [_swap_number, _swap_name, _swap_direction]
    rng.shuffle(ways)
    for way in ways:
        other = way(question, passage, rng)
        if other is not None and other != question:
            return other
    return None


def _swap_number(question: str, passage: str, rng: random.Random) -> str | None:
    found = list(_NUMBER.finditer(question))
    if not found:
        return None
    spot = rng.choice(found)
    same: list[str] = [n for n in _NUMBER.findall(passage) if len(n) == len(spot.group()) and n not in question]
    if same and rng.random() < 0.7:
        other = rng.choice(same)
    elif spot.group().isdigit():
        other = str(int(spot.group()) + rng.choice((-12, -5, -3, -2, -1, 1, 2, 3, 5, 12)))
    else:
        return None
    return question[: spot.start()] + other + question[spot.end() :]


def _swap_name(question: str, passage: str, rng: random.Random) -> str | None:
    found = [m for m in _NAME.finditer(question) if m.start() > 0]
    if not found:
        return None
    spot = rng.choice(found)
    asked = set(question.lower().split())
    others = sorted(
        {
            m.group()
            for sentence in sentences(passage)
            for m in _NAME.finditer(sentence)
            if m.start() > 0 and not asked & set(m.group().lower().split())
        }
    )
    return question[: spot.start()] + rng.choice(others) + question[spot.end() :] if others else None


def _swap_direction(question: str, _passage: str, rng: random.Random) -> str | None:
    pieces = question.split(" ")
    spots = [i for i, piece in enumerate(pieces) if piece.lower() in _OPPOSITES]
    told = [i for i in spots if pieces[i].lower() not in _NEGATING]
    spots = told or (spots if rng.random() < 0.3 else [])
    if not spots:
        return None
    at = rng.choice(spots)
    pieces[at] = _OPPOSITES[pieces[at].lower()]
    return " ".join(pieces)
