"""Questions drafted by a chat model, a passage a call: natural ones, and near misses that the passage does not answer.

A reply is checked before it counts: it has to be JSON of the shape asked for, a question has to stand alone, and its
quote has to stand in the passage. What fails is counted and said, never repaired by guessing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.domain import Chunk
from app.errors import ProviderNonsense
from app.evaluation.questions.drafts import Draft
from app.evaluation.questions.draw import drawn
from app.evaluation.questions.locate import FOUND, letters, nearest
from app.evaluation.questions.model import Label, LabelledQuestion, made_id
from app.library.contents import Contents
from app.ports import ChatModel

REPLY_TOKENS = 700  # the most one call may write
_PASSAGE_CHARACTERS = 4000  # the most one call reads of a passage
_LONGEST_QUESTION = 300
_GIVE_UP = 3  # replies in a row that cannot be read: the model does not follow the format
_LEANS = re.compile(
    r"\b(the|this|that|given|above|following)\s+(passage|text|excerpt|document|paragraph|section|author)\b",
    re.IGNORECASE,
)


@dataclass
class Drafting:
    """What a run has cost and left out so far."""

    calls: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def chat_drafts(
    contents: Contents,
    chat: ChatModel,
    *,
    calls: int,
    questions: int = 2,
    near_misses: int = 1,
    seed: int = 0,
    run: Drafting | None = None,
) -> Iterator[list[Draft]]:
    """Drafts of one passage after another, at most `calls` calls; each call reads one passage and writes at most
    `REPLY_TOKENS` tokens. `questions` and `near_misses` are asked for a passage. `run` is kept up to date.

    Raises ProviderError where the model fails, ProviderNonsense after three replies in a row that are not what was
    asked for. What was yielded before stays good.
    """
    run = Drafting() if run is None else run
    system = prompt()
    broken = 0
    for chunk in drawn(contents, seed)[: max(0, calls)]:
        run.calls += 1
        reply = chat.complete(system, _request(chunk, questions, near_misses), max_tokens=REPLY_TOKENS)
        read = parse(reply)
        if read is None:
            run.left_out["replies that are not the JSON asked for"] += 1
            broken += 1
            if broken >= _GIVE_UP:
                raise ProviderNonsense(
                    f"{chat.name} has not replied with the JSON asked for {_GIVE_UP} times in a row.",
                    hint="Use a larger chat model (CHAT_MODEL), or draft without one: "
                    "sluice questions generate --method weak",
                )
            continue
        broken = 0
        yield _drafts(chunk, read, chat.name, run, questions, near_misses)


def prompt() -> str:
    """The instructions to the model, app/prompts/draft_system.txt."""
    return (Path(__file__).resolve().parents[2] / "prompts" / "draft_system.txt").read_text(encoding="utf-8")


def parse(reply: str) -> dict[str, Any] | None:
    """The JSON object in a reply, whatever stands around it; None where there is none of the shape asked for."""
    for start in (match.start() for match in re.finditer(r"\{", reply)):
        try:
            value, _ = json.JSONDecoder().raw_decode(reply, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and isinstance(value.get("questions"), list):
            return value
    return None


def _request(chunk: Chunk, questions: int, near_misses: int) -> str:
    where = " > ".join(dict.fromkeys((chunk.title, *chunk.section)))
    text = chunk.text[:_PASSAGE_CHARACTERS].replace("<<", "< <").replace(">>", "> >")
    return (
        f"From: {where}\n<<passage>>\n{text}\n<<end of passage>>\n\n"
        f"Write {questions} questions and {near_misses} near misses."
    )


def _drafts(
    chunk: Chunk, read: dict[str, Any], by: str, run: Drafting, questions: int, near_misses: int
) -> list[Draft]:
    drafts: dict[str, Draft] = {}
    for asked in read["questions"][:questions]:
        fields = asked if isinstance(asked, dict) else {}
        text, quote, answer = (_line(fields.get(name)) for name in ("question", "quote", "answer"))
        fault = _fault(text) or _misquoted(quote, chunk)
        if fault:
            run.left_out[fault] += 1
            continue
        label = Label(chunk=chunk.id, document=chunk.document_id, quote=quote)
        question = LabelledQuestion(
            id=made_id(text),
            text=text,
            relevant=(label,),
            answers=(answer,) if answer else (),
            origin="chat",
            weak=True,
        )
        drafts[question.id] = Draft(question, chunk.text, by)
    missed = read.get("near_misses")
    for asked in missed[:near_misses] if isinstance(missed, list) else ():
        text = _line(asked)
        fault = _fault(text)
        if fault:
            run.left_out[fault] += 1
            continue
        question = LabelledQuestion(
            id=made_id(text), text=text, answerable=False, sources=(chunk.document_id,), origin="chat", weak=True
        )
        drafts.setdefault(question.id, Draft(question, chunk.text, by))
    return list(drafts.values())


def _line(value: object) -> str:
    """Text on one line; "" for what is not text, or cannot be written to a file."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return text.encode("utf-8", errors="ignore").decode("utf-8")


def _fault(text: str) -> str:
    """Why a question cannot be used, in words; "" where it can."""
    if len(letters(text)) < 6 or len(text) > _LONGEST_QUESTION:
        return "questions that are empty or too long"
    if _LEANS.search(text):
        return "questions that speak of the passage and do not stand alone"
    return ""


def _misquoted(quote: str, chunk: Chunk) -> str:
    wanted = letters(quote)
    if len(wanted) >= 8 and 1 - nearest(wanted, letters(chunk.text))[0] / len(wanted) >= FOUND:
        return ""
    return "questions whose quote is not in the passage"
