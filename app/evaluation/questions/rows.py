"""A row of a file (an object of JSON Lines, a record of a CSV) as a question; every field checked, each fault named."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from app.domain import Turn
from app.evaluation.questions.fields import FieldFault, fault, text_of, texts_of, whole
from app.evaluation.questions.model import MOST_GRADE, Label, LabelledQuestion, Origin, Side, made_id
from app.evaluation.questions.scope import EVERYTHING, SCOPE_FIELDS, Scope, scope_of

LABEL_FIELDS = ("chunk", "document", "row", "quote", "grade")
FIELDS = (
    "id", "question", "history", *SCOPE_FIELDS, "relevant", *LABEL_FIELDS, "answers", "answer", "answerable", "sources",
    "origin", "weak", "split", "note",
)  # fmt: skip
_YES = frozenset(
    {"true", "yes", "y", "1", "wahr", "ja", "vrai", "oui", "verdadero", "vero", "sí"}
)  # as Excel writes them
_NO = frozenset({"false", "no", "n", "0", "falsch", "nein", "faux", "non", "falso"})
_UNDECIDED = frozenset({"undecided", "unknown", "?"})
_EXCEL_NUMBER = re.compile(r"\d+([.,]\d+)?E\+\d+")


def question_of(row: Mapping[str, Any]) -> LabelledQuestion:
    """One row as a question. Values may be JSON's or the texts of a CSV; null and "" count as absent.

    Label fields on the row itself (chunk, document, row, quote, grade) are one more label beside those of `relevant`.
    Raises FieldFault.
    """
    for name in row:
        if name not in FIELDS:
            raise FieldFault(str(name), f"is not a field{_nearest(str(name))}; the fields are: {', '.join(FIELDS)}")
    said = {name: value for name, value in row.items() if not (value is None or value == "")}
    scope = scope_of(said)
    given = {name: value for name, value in said.items() if value != []}
    text = text_of(given, "question")
    if text is None:
        raise FieldFault("question", "is empty; type the question")
    labels = (*_relevant(given), *_own_label(given))
    answers = _answers(given)
    history = _history(given)
    answerable = _answerable(given, labels, answers)
    positives = [label for label in labels if label.grade > 0]
    if answerable is False and positives:
        raise FieldFault(
            "answerable", "is false, but something is relevant; remove the one or the other, or give it grade 0"
        )
    question_id = _id(given)
    return LabelledQuestion(
        id=made_id(text, history, scope) if question_id is None else question_id,
        text=text,
        relevant=labels,
        answers=answers,
        answerable=answerable,
        history=history,
        scope=scope,
        sources=texts_of(given, "sources"),
        origin=cast(Origin, _one_of(given, "origin", get_args(Origin)) or "file"),
        weak=_flag(given, "weak") or False,
        split=cast("Side | None", _one_of(given, "split", get_args(Side))),
        note=text_of(given, "note") or "",
    )


@dataclass(frozen=True, slots=True)
class Addition:
    """What a further row of a CSV adds to a question: a label, an answer, a source, more of its scope."""

    labels: tuple[Label, ...]
    answers: tuple[str, ...]
    sources: tuple[str, ...]
    scope: Scope = EVERYTHING


def addition_of(row: Mapping[str, Any]) -> Addition:
    """A row without a question, for the question of the same id above it. Raises FieldFault where it adds nothing."""
    given = {name: value for name, value in row.items() if not (value is None or value == "")}
    for name in given:
        if name not in (*LABEL_FIELDS, *SCOPE_FIELDS, "id", "answers", "answer", "sources"):
            raise FieldFault(name, "belongs on the question's first row, where the question stands")
    found = Addition(_own_label(given), _answers(given), texts_of(given, "sources"), scope_of(given))
    if found == Addition((), (), ()):
        raise FieldFault("question", "is empty; type the question, or what this row adds to the question above it")
    return found


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), FIELDS, n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _answers(given: Mapping[str, Any]) -> tuple[str, ...]:
    plain = {k: [str(v) for v in _listed(given[k])] for k in ("answers", "answer") if k in given and _scalars(given[k])}
    found = (*texts_of({**given, **plain}, "answers"), *texts_of({**given, **plain}, "answer"))
    return tuple(dict.fromkeys(found))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _scalars(value: Any) -> bool:
    """Figures are fine as answers: 1999 is meant as text."""
    return all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in _listed(value))


def _id(given: Mapping[str, Any], name: str = "id") -> str | None:
    value = given.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = text_of(given, name)
    if text is not None and _EXCEL_NUMBER.fullmatch(text):
        fault(name, text, "a spreadsheet has rounded it; format the column as text and paste it again")
    return text


def _number(given: Mapping[str, Any], name: str, least: int, most: int | None) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    wanted = f"type a whole number from {least}" + (f" to {most}" if most is not None else "")
    if isinstance(value, str):
        try:
            value = float(value.strip().replace(",", "."))
        except ValueError:
            fault(name, given[name], wanted)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value in _INFINITE:
        fault(name, given[name], wanted)
    if int(value) != value or value < least or (most is not None and value > most):
        fault(name, given[name], wanted)
    return int(value)


_INFINITE = (float("inf"), float("-inf"))


def _flag(given: Mapping[str, Any], name: str) -> bool | None:
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _YES and word not in _NO:
        fault(name, value, "type true or false")
    return word in _YES


def _one_of(given: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str | None:
    value = text_of(given, name)
    if value is not None and value.lower() not in allowed:
        fault(name, value, f"type one of: {', '.join(allowed)}")
    return None if value is None else value.lower()


def _answerable(given: Mapping[str, Any], labels: tuple[Label, ...], answers: tuple[str, ...]) -> bool | None:
    value = given.get("answerable")
    if isinstance(value, str) and value.strip().lower() in _UNDECIDED:
        return None
    said = _flag(given, "answerable")
    if said is not None:
        return said
    if not answers and not any(label.grade > 0 for label in labels):
        raise FieldFault(
            "relevant",
            "is missing: say what is relevant (chunk, document or quote), or give an answer, "
            "or type answerable: false where the library does not answer the question",
        )
    return True


def _own_label(given: Mapping[str, Any]) -> tuple[Label, ...]:
    fields = {name: given[name] for name in LABEL_FIELDS if name in given}
    return (_label(fields, str),) if fields else ()


def _relevant(given: Mapping[str, Any]) -> tuple[Label, ...]:
    value = given.get("relevant", [])
    if not isinstance(value, list):
        fault("relevant", value, 'type a list: [{"document": "report.pdf"}, {"quote": "..."}]')
    labels = []
    for place, fields in enumerate(value, 1):
        if not isinstance(fields, dict):
            fault(f"relevant {place}", fields, 'type {"chunk": ID}, {"document": NAME} or {"quote": "..."}')
        for name in fields:
            if name not in LABEL_FIELDS:
                allowed = ", ".join(LABEL_FIELDS)
                raise FieldFault(f"relevant {place} {name}", f"is not a field; a label has: {allowed}")
        kept = {name: found for name, found in fields.items() if found is not None and found != ""}

        def inside(name: str, place: int = place) -> str:
            return f"relevant {place} {name}"

        labels.append(_label(kept, inside))
    return tuple(labels)


def _label(fields: Mapping[str, Any], place: Callable[[str], str]) -> Label:
    try:
        chunk, document = _id(fields, "chunk"), _id(fields, "document")
        row = _number(fields, "row", 1, None)
        quote = text_of(fields, "quote")
        grade = _number(fields, "grade", 0, MOST_GRADE)
    except FieldFault as fault:
        raise FieldFault(place(fault.field), fault.message) from None
    if chunk is None and document is None and quote is None:
        raise FieldFault(place(next(iter(fields), "chunk")), "says nothing alone; add a chunk, a document or a quote")
    if row is not None and document is None:
        raise FieldFault(place("row"), "needs the document whose row it is")
    return Label(chunk, document, row, quote, 1 if grade is None else grade)


def _history(given: Mapping[str, Any]) -> tuple[Turn, ...]:
    value = given.get("history", [])
    wanted = 'type a list of turns: [{"role": "user", "text": "..."}, {"role": "assistant", "text": "..."}]'
    if not isinstance(value, list):
        fault("history", value, wanted)
    turns = []
    for turn in value:
        if not isinstance(turn, dict) or set(turn) != {"role", "text"} or not isinstance(turn["text"], str):
            fault("history", turn, wanted)
        if turn["role"] not in ("user", "assistant"):
            fault("history", turn["role"], "a role is user or assistant")
        turns.append(Turn(turn["role"], whole("history", turn["text"])))
    return tuple(turns)
