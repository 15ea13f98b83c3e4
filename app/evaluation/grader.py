"""The grader: a chat model that says of one answer how much of it the context supports, and whether it answers.

Faithfulness is the share of the answer's claims that the passages support (RAGAS, Es et al. 2023, arXiv 2309.15217),
and the grader has to name the passages. Answer relevance is a scale of five described steps (as in G-Eval, Liu et al.
2023, arXiv 2303.16634) put on 0..1. Both come from one reply. A reply that is not what was asked for is asked for once
more, and then the answer is not graded, with the reason: no number is made up.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import ProviderError
from app.ports import ChatModel
from app.stages.context import count_tokens

REPLY_TOKENS = 1500  # the most one call may write
CALLS = 2  # the most one answer may take: one, and one more where the reply cannot be used
PATIENCE = 3  # calls in a row that may fail before it is given up
_MOST_CLAIMS = 40  # the prompt asks for 20; far more is a model that repeats itself
_STEPS = 5
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Answered:
    """What is graded: a question that stands alone, the passages that were sent (passage n is `passages[n - 1]`), the
    answer."""

    question: str
    passages: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class Grade:
    """Shares 0..1. `faithful` is None where the answer makes no claim; both are None where it was not graded, and
    `not_graded` says why."""

    faithful: float | None
    relevant: float | None
    not_graded: str | None = None

    @property
    def will_do(self) -> bool | None:
        """Whether more of it is right than wrong: at least half of its claims are supported, and it is at least half
        relevant. None where it was not graded."""
        if self.relevant is None:
            return None
        return self.relevant >= _HALF and (self.faithful is None or self.faithful >= _HALF)


class Grader:
    """Grades answers with a chat model; equal ones once. `calls` and `not_graded` (reasons) are what it came to."""

    def __init__(self, chat: ChatModel) -> None:
        self.calls = 0
        self.graded = 0
        self.not_graded: Counter[str] = Counter()
        self._chat = chat
        self._system = prompt()
        self._known: dict[Answered, Grade] = {}
        self._failed = 0

    @property
    def name(self) -> str:
        """The chat model's name."""
        return self._chat.name

    @property
    def id(self) -> str:
        """Model and prompt: grades of two ids are not compared."""
        return f"{self.name}, prompt {hashlib.sha256(self._system.encode('utf-8')).hexdigest()[:8]}"

    def grade(self, answered: Answered) -> Grade:
        """Grade one answer in at most `CALLS` calls. Where the model fails it is not graded; when it fails `PATIENCE`
        times in a row, ProviderError is raised."""
        if answered not in self._known:
            grade = self._known[answered] = self._grade(answered)
            if grade.not_graded is None:
                self.graded += 1
            else:
                self.not_graded[grade.not_graded] += 1
        return self._known[answered]

    def _grade(self, answered: Answered) -> Grade:
        asked = request(answered)
        window = self._chat.window
        if window is not None and count_tokens(self._system + asked) + REPLY_TOKENS > window:
            return Grade(None, None, "too long for the grader's window")  # a prompt cut silently makes false grades
        fault = ""
        for _ in range(CALLS):
            again = f"\n\nYour last reply could not be used: {fault}. Reply with the one JSON object." if fault else ""
            self.calls += 1
            try:
                reply = self._chat.complete(self._system, asked + again, max_tokens=REPLY_TOKENS)
            except ProviderError as error:
                self._failed += 1
                if self._failed >= PATIENCE:
                    raise
                return Grade(None, None, f"the grader failed: {error.message}")
            self._failed = 0
            read = parse(reply, passages=len(answered.passages))
            if isinstance(read, Grade):
                return read
            fault = read
        return Grade(None, None, fault)


def most_calls(answers: int, pairs: int = 0) -> int:
    """The most calls that grading so many answers, and so many pairs of voted answers, can take.

    >>> most_calls(6, 1)
    16
    """
    return CALLS * (answers + 2 * pairs)


def prompt() -> str:
    """The instructions with their examples, app/prompts/grade_system.txt."""
    return (Path(__file__).resolve().parents[1] / "prompts" / "grade_system.txt").read_text(encoding="utf-8")


def request(answered: Answered) -> str:
    """Passages, question and answer as the grader sees them, fenced as data: none of them can close its fence."""
    parts = [(f"passage {n}", passage) for n, passage in enumerate(answered.passages, 1)]
    parts += [("question", answered.question), ("answer", answered.answer)]
    return "\n\n".join(f"<<{name}>>\n{_open(text)}\n<<end of {name}>>" for name, text in parts)


def parse(reply: str, *, passages: int) -> Grade | str:
    """The grade in a reply, whatever stands around its JSON; else what is wrong with it, in words.

    Relevance 1 to 5 becomes 0, .25, .5, .75, 1. A claim is supported when it names a passage, and one that names a
    passage which does not exist makes the whole reply unfit.

    >>> claims = [{"claim": "It is 3 m high.", "passages": [1]}, {"claim": "It is blue.", "passages": []}]
    >>> parse(json.dumps({"claims": claims, "relevance": 4}), passages=1)
    Grade(faithful=0.5, relevant=0.75, not_graded=None)
    >>> parse('{"claims": [], "relevance": 9}', passages=1)
    'its relevance is not a whole number from 1 to 5'
    """
    value = _object(reply)
    if value is None:
        return "it is not the JSON asked for"
    steps = value.get("relevance")
    if type(steps) is not int or not 1 <= steps <= _STEPS:  # True is an int
        return f"its relevance is not a whole number from 1 to {_STEPS}"
    claims = value.get("claims")
    if not isinstance(claims, list):
        return "it has no list of claims"
    if len(claims) > _MOST_CLAIMS:
        return "it has far more claims than asked for"
    supported = [_support(claim, passages) for claim in claims]
    known = [one for one in supported if one is not None]
    if len(known) < len(supported):
        return "a claim has no text or does not name passages that exist"
    return Grade(sum(known) / len(known) if known else None, (steps - 1) / (_STEPS - 1))


def _object(reply: str) -> dict[str, Any] | None:
    for start in (match.start() for match in re.finditer(r"\{", reply)):
        try:
            value, _ = json.JSONDecoder().raw_decode(reply, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and "relevance" in value:
            return value
    return None


def _support(claim: object, passages: int) -> bool | None:
    """Whether a claim is supported; None where it is not of the shape asked for."""
    if not isinstance(claim, dict):
        return None
    text, named = claim.get("claim"), claim.get("passages")
    if not isinstance(text, str) or not text.strip() or not isinstance(named, list):
        return None
    return bool(named) if all(_is_passage(number, passages) for number in named) else None


def _is_passage(number: object, passages: int) -> bool:
    return type(number) is int and 1 <= number <= passages


def _open(text: str) -> str:
    return text.replace("<<", "< <").replace(">>", "> >")


def shown(where: Sequence[str], text: str) -> str:
    """A passage with where it stands (title, section) above it, as one text."""
    return f"{' > '.join(dict.fromkeys(part for part in where if part))}\n{text}"
