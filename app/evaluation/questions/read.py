"""Reading a question set from JSON Lines or CSV (docs/question-sets.md describes both)."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.evaluation.questions.fields import FieldFault
from app.evaluation.questions.model import LabelledQuestion, QuestionSet, QuestionSetError
from app.evaluation.questions.rows import FIELDS, addition_of, question_of

_SHOWN = 10
_DELIMITERS = (",", ";", "\t", "|")
_TABLES = (".csv", ".tsv", ".txt")
_LINES = (".jsonl", ".ndjson")
Numbered = tuple[int, dict[str, Any]]


def read_questions(path: Path, *, name: str | None = None) -> QuestionSet:
    """Read a set; its name is the file's unless given. Ids that are missing are made from the question's words.

    Raises QuestionSetError naming the file and, for at most ten faults, the line, the field and what to type.
    """
    text = _read_text(path)
    kind = path.suffix.lower()
    if kind not in (*_TABLES, *_LINES):
        raise QuestionSetError(
            f"{path}: a question set is a .jsonl or .csv file.", hint="See docs/question-sets.md for both formats."
        )
    faults: list[str] = []
    rows = _json_rows(text, faults) if kind in _LINES else _table_rows(path, text, faults)
    questions: dict[str, LabelledQuestion] = {}
    lines: dict[str, int] = {}
    for line, row in rows:
        try:
            _take(line, row, questions, lines, table=kind in _TABLES)
        except FieldFault as fault:
            faults.append(f"line {line}, {fault.field}: {fault.message}")
    if faults:
        more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        raise QuestionSetError(
            "\n  ".join([f"{path} cannot be used as a question set:", *faults[:_SHOWN], *more]),
            hint="docs/question-sets.md lists the fields. Nothing was read.",
        )
    if not questions:
        raise QuestionSetError(f"{path} holds no questions.", hint='One a line: {"question": "...", "quote": "..."}')
    return QuestionSet(path.stem if name is None else name, tuple(questions.values()))


def _take(
    line: int, row: dict[str, Any], questions: dict[str, LabelledQuestion], lines: dict[str, int], *, table: bool
) -> None:
    """Add a row's question; a CSV row without one adds to the question of its id."""
    given_id = str(row.get("id") or "").strip()
    if table and not str(row.get("question") or "").strip() and given_id in questions:
        more, known = addition_of(row), questions[given_id]
        if known.answerable is False and any(label.grade > 0 for label in more.labels):
            raise FieldFault("answerable", f"is false on line {lines[given_id]}, but this row says what is relevant")
        questions[given_id] = replace(
            known,
            relevant=(*known.relevant, *more.labels),
            answers=tuple(dict.fromkeys((*known.answers, *more.answers))),
            sources=tuple(dict.fromkeys((*known.sources, *more.sources))),
            scope=known.scope + more.scope,
        )
        return
    question = question_of(row)
    if question.id in questions:
        same = "the same question" if question.text == questions[question.id].text else "another question"
        raise FieldFault("id", f"is {question.id!r}, which {same} on line {lines[question.id]} has; ids are unique")
    questions[question.id] = question
    lines[question.id] = line


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise QuestionSetError(
            f"{path} cannot be read: {error.strerror or error}", hint="Check the path: ls -l FILE"
        ) from error
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # what Excel calls "Unicode text"
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise QuestionSetError(
            f"{path}, line {line}: byte {error.start:,} is not UTF-8.",
            hint="Save it again as UTF-8 (in Excel: CSV UTF-8).",
        ) from None


def _json_rows(text: str, faults: list[str]) -> Iterator[Numbered]:
    for line, written in enumerate(text.split("\n"), 1):
        if not written.strip():
            continue
        try:
            row = json.loads(written)
        except (ValueError, RecursionError) as error:
            faults.append(f"line {line}: not JSON ({error}); a line is one object: " + '{"question": "...", ...}')
            continue
        if not isinstance(row, dict):
            faults.append(f"line {line}: not an object; a line is " + '{"question": "...", ...}')
            continue
        yield line, row


def _table_rows(path: Path, text: str, faults: list[str]) -> Iterator[Numbered]:
    """Records of a CSV whose first line names the fields; the delimiter is the one that finds most of their names."""
    csv.field_size_limit(1 << 24)
    skip = 0
    first, _, rest = text.partition("\n")
    delimiter = ""
    if first.strip().strip('"').lower().startswith("sep="):  # Excel's own note of the delimiter
        delimiter, text, skip = first.strip().strip('"')[4:5], rest, 1
    if not delimiter:
        delimiter = max(_DELIMITERS, key=lambda d: len(_known(_header(text, d))))
    names = _header(text, delimiter)
    if "question" not in names:
        found = ", ".join(name for name in names if name) or "nothing"
        raise QuestionSetError(
            f"{path}, line {skip + 1}: there is no column named question (found: {found}).",
            hint=f"The first line names the columns, at least question; the others may be: {', '.join(FIELDS)}.",
        )
    if len(_known(names)) < len([name for name in names if name in FIELDS]):
        raise QuestionSetError(f"{path}, line {skip + 1}: a column is named twice.", hint="Rename or remove one.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 0
    try:
        for number, cells in enumerate(reader):
            line, start = start + 1 + skip, reader.line_num
            if number == 0 or not any(cell.strip() for cell in cells):
                continue
            if any(cell.strip() for cell in cells[len(names) :]):
                faults.append(
                    f"line {line}: has more cells than the first line has columns; put quotation marks around "
                    f"a cell that holds {delimiter!r}"
                )
                continue
            yield line, {name: cell for name, cell in zip(names, cells, strict=False) if name or cell.strip()}
    except csv.Error as error:
        faults.append(f"line {reader.line_num + skip}: {error}; check the quotation marks around its cells")


def _header(text: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []
    names = [cell.strip().lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _known(names: list[str]) -> set[str]:
    return set(names) & set(FIELDS)
