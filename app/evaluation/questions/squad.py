"""SQuAD 1.1 and 2.0 JSON, with its unanswerable questions. P. Rajpurkar, R. Jia and P. Liang, Know what you don't know,
2018. Annotation tools export the same format over documents of one's own."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from app.evaluation.questions.imported import Imported, Passage
from app.evaluation.questions.model import Label, LabelledQuestion, QuestionSet, QuestionSetError
from app.words import sentences

_LONG = 1500  # characters: of a longer context (a whole document) only the words around the answer are quoted
_AROUND = 120  # characters that such a quote has at least, where the context has them


def read_squad(path: Path) -> Imported:
    """Read a file. A label quotes the paragraph its question was asked of, so it can be located in any library that
    holds the text; `write_corpus` writes the paragraphs as a corpus of their own instead.

    Unanswerable questions keep their article as source. Raises QuestionSetError naming what is missing.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise QuestionSetError(
            f"{path} cannot be read as JSON: {error}", hint="SQuAD's files are one object."
        ) from error
    questions: dict[str, LabelledQuestion] = {}
    passages: list[Passage] = []
    places: dict[str, tuple[str | None, ...]] = {}
    left_out: Counter[str] = Counter()
    where = "data"
    try:
        for number, article in enumerate(read["data"]):
            title = str(article.get("title") or f"article {number + 1}").replace("_", " ")
            for part, paragraph in enumerate(article["paragraphs"]):
                where = f"data[{number}].paragraphs[{part}]"
                context = str(paragraph["context"])
                passages.append(Passage(f"{number}/{part}", title, context))
                for asked in paragraph["qas"]:
                    question = _question(asked, context, title)
                    if question is None:
                        left_out["questions that are empty, or answerable without an answer"] += 1
                    elif question.id in questions:
                        left_out["questions whose id was used before"] += 1
                    else:
                        questions[question.id] = question
                        places[question.id] = tuple(passages[-1].id for _ in question.relevant)
    except (KeyError, TypeError, AttributeError) as error:
        raise QuestionSetError(
            f"{path}, {where}: {type(error).__name__}: {error}.",
            hint="SQuAD's format is data > paragraphs > context, qas > id, question, answers, is_impossible.",
        ) from error
    return Imported(QuestionSet(path.stem, tuple(questions.values())), tuple(passages), places, dict(left_out))


def _question(asked: dict[str, Any], context: str, title: str) -> LabelledQuestion | None:
    text, impossible = str(asked["question"]).strip(), bool(asked.get("is_impossible", False))
    given = [] if impossible else asked.get("answers") or []
    answers = tuple(dict.fromkeys(str(answer["text"]).strip() for answer in given if str(answer["text"]).strip()))
    if not text or not (answers or impossible):
        return None
    labels = () if impossible else (Label(quote=_quote(context, given[0])),)
    return LabelledQuestion(
        id=str(asked["id"]),
        text=text,
        relevant=labels,
        answers=answers,
        answerable=not impossible,
        sources=(title,),
        origin="squad",
    )


def _quote(context: str, answer: dict[str, Any]) -> str:
    """The paragraph; of a long context the sentences around the answer."""
    if len(context) <= _LONG:
        return context
    said = str(answer["text"])
    start = answer.get("answer_start")
    if not isinstance(start, int) or not context.startswith(said, start):
        start = max(0, context.find(said))
    spans = _spans(context)
    inside = [place for place, (begin, end) in enumerate(spans) if begin < start + len(said) and end > start]
    first, last = (inside[0], inside[-1]) if inside else (0, 0)
    while spans[last][1] - spans[first][0] < _AROUND and (first > 0 or last < len(spans) - 1):
        first, last = max(0, first - 1), min(len(spans) - 1, last + 1)
    return context[spans[first][0] : spans[last][1]]


def _spans(context: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for sentence in sentences(context):
        begin = context.index(sentence, spans[-1][1] if spans else 0)
        spans.append((begin, begin + len(sentence)))
    return spans
