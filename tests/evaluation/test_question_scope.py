"""What a question is asked within: read, written, found in a library, kept together by a split."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.domain import Condition
from app.evaluation.questions import Label, LabelledQuestion, QuestionSet, QuestionSetError, read_questions, resolve
from app.evaluation.questions.report import check_lines, check_to_json
from app.evaluation.questions.resolve import Resolved, ScopeNotThere, all_can_be_asked
from app.evaluation.questions.scope import Scope, scope_in_words
from app.evaluation.questions.split import split
from app.evaluation.questions.write import write_questions
from tests.evaluation.libraries import contents

SINCE_2020 = Condition("year", ">=", (2020,))


def read(tmp_path: Path, text: str, name: str = "set.jsonl") -> tuple[LabelledQuestion, ...]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_questions(tmp_path / name).questions


# -- files -----------------------------------------------------------------------------------------


def test_json_names_documents_and_conditions_one_or_several(tmp_path: Path) -> None:
    one, several, none = read(
        tmp_path,
        '{"question": "A?", "answers": ["x"], "within": "a.md", "filter": "year>=2020"}\n'
        '{"question": "B?", "answers": ["x"], "within": ["a.md", "b.md", "a.md"], "filter": ["kind=memo,note", '
        '{"field": "by", "op": "in", "values": ["Doe, J."]}]}\n'
        '{"question": "C?", "answers": ["x"], "within": null, "filter": ""}\n',
    )
    assert one.scope == Scope(("a.md",), (SINCE_2020,))
    by = Condition("by", "in", ("Doe, J.",))
    assert several.scope == Scope(("a.md", "b.md"), (Condition("kind", "in", ("memo", "note")), by))
    assert none.scope.everything
    path = tmp_path / "again.jsonl"
    write_questions(QuestionSet("again", (one, several, none)), path)
    assert read_questions(path).questions == (one, several, none)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows[1]["filter"] == ["kind=memo,note", {"field": "by", "op": "in", "values": ["Doe, J."]}]
    assert "within" not in rows[2] and "filter" not in rows[2]


def test_csv_adds_to_a_scope_on_further_rows(tmp_path: Path) -> None:
    [question] = read(
        tmp_path,
        'id,question,answer,within,filter\n1,What changed?,x,a.md,year>=2020\n1,,,b.md,\n1,,,,"kind=memo,note"\n',
        "set.csv",
    )
    assert question.scope == Scope(("a.md", "b.md"), (SINCE_2020, Condition("kind", "in", ("memo", "note"))))


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ('"within": []', "line 2, within: is empty"),
        ('"within": ["  "]', "line 2, within: is empty"),
        ('"within": 7', "line 2, within: is 7; type a list of texts"),
        ('"filter": []', "line 2, filter: is empty"),
        ('"filter": {}', "line 2, filter: is empty"),
        ('"filter": "year"', "line 2, filter: 'year' is not FIELD=VALUE. For example: format=pdf"),
        ('"filter": "year>=1,2"', "line 2, filter: 'year>=1,2' >= takes one value"),
        ('"filter": {"year": 2020}', "line 2, filter: {'year': 2020} is not an object of field, op and values"),
        ('"filter": {"field": "y", "op": "in", "values": []}', "has no values"),
        ('"filter": {"field": "y", "op": "<", "values": [1]}', "an op that is in, >= or <="),
        ('"filter": {"field": "y", "op": "<=", "values": [1, 2]}', "has several values for <="),
        ('"filter": {"field": "y", "op": "in", "values": [null]}', "no list of texts"),
    ],
)
def test_a_scope_that_cannot_be_read_is_named_and_nothing_is_read(tmp_path: Path, fields: str, fault: str) -> None:
    good = '{"question": "A?", "answers": ["x"]}\n'
    with pytest.raises(QuestionSetError) as caught:
        read(tmp_path, good + '{"question": "B?", "answers": ["x"], ' + fields + "}\n")
    assert fault in caught.value.message


def test_the_same_words_within_two_documents_are_two_questions(tmp_path: Path) -> None:
    rows = '{"question": "What changed?", "answers": ["x"], "within": "%s"}\n'
    one, other, plain = read(tmp_path, rows % "a.md" + rows % "b.md" + '{"question": "What changed?", "answer": "x"}\n')
    assert len({one.id, other.id, plain.id}) == 3
    sets = [QuestionSet("s", (q,)).fingerprint for q in (one, other, plain)]
    assert len(set(sets)) == 3


def test_a_scope_in_words() -> None:
    rows = Condition("row", "in", (12, 3, 4, 5, 8, 9))
    assert scope_in_words(Scope(("a.md",), (rows, SINCE_2020))) == "a.md, row 3 to 5 or 8 or 9 or 12, year 2020 or more"
    assert scope_in_words(Scope(tuple("abcde"))) == "a or b or c or 2 more"
    assert scope_in_words(Scope()) == ""


# -- in a library ----------------------------------------------------------------------------------

LIBRARY = contents(
    {
        "2022/report.md": ["Revenue was 41 million euros.", "Costs were up by a tenth."],
        "2023/report.md": ["Revenue was 52 million euros.", "Costs were down by a tenth."],
        "rows.csv": ["The harbour opened in 1901.", "The station opened in 1877.", "The harbour opened in 1901."],
    },
    records=["rows.csv"],
)


def asked(scope: Scope, *labels: Label, **fields: object) -> LabelledQuestion:
    return LabelledQuestion("q", "What was it?", labels or (Label(quote="was"),), scope=scope, **fields)  # type: ignore[arg-type]


def resolved(question: LabelledQuestion) -> Resolved:
    return resolve(QuestionSet("s", (question,)), LIBRARY).questions[0]


def test_documents_become_a_condition_on_their_uris() -> None:
    found = resolved(asked(Scope(("2023/report.md",), (Condition("format", "in", ("markdown",)),)))).within
    assert found.where == (Condition("uri", "in", ("/docs/2023/report.md",)), Condition("format", "in", ("markdown",)))
    assert found.chunks == {"2023/report.md:0", "2023/report.md:1"} and found.fault == ""
    assert resolved(asked(Scope())).within.where == ()


def test_rows_of_a_file_of_records() -> None:
    found = resolved(asked(Scope(("rows.csv",), (Condition("row", "in", (1, 2)),)))).within
    assert found.chunks == {"rows.csv:0", "rows.csv:1"}


def test_labels_are_looked_for_within_the_scope() -> None:
    row = Scope(("rows.csv",), (Condition("row", "in", (3,)),))
    quote = Label(quote="The harbour opened in 1901")
    assert resolved(asked(Scope(), quote)).relevant == {"rows.csv:0", "rows.csv:2"}
    assert resolved(asked(row, quote)).relevant == {"rows.csv:2"}
    assert resolved(asked(row, Label(document="rows.csv"))).relevant == {"rows.csv:2"}
    assert resolved(asked(row, Label(document="rows.csv", quote=quote.quote))).relevant == {"rows.csv:2"}


@pytest.mark.parametrize(
    "label",
    [
        Label(chunk="2022/report.md:0"),
        Label(document="2022/report.md"),
        Label(document="2022/report.md", quote="Revenue was 41 million"),
    ],
)
def test_a_label_outside_the_scope_is_missing_and_said(label: Label) -> None:
    found = resolved(asked(Scope(("2023/report.md",)), label))
    assert [located.state for located in found.located] == ["missing"] and not found.rankable
    assert found.located[0].note == "it stands outside what the question is asked within"
    assert resolved(asked(Scope(("2022/report.md",)), label)).rankable


@pytest.mark.parametrize(
    ("scope", "fault"),
    [
        (Scope(("2024/report.md",)), "no document is called '2024/report.md'"),
        (Scope(("report.md",)), "several documents are called 'report.md'"),
        (Scope((), (Condition("year", "in", (1850,)),)), "no passage has year 1850"),
        (Scope(("2022/report.md",), (Condition("row", "in", (1,)),)), "no passage meets all of its conditions at once"),
    ],
)
def test_a_scope_that_is_not_there_is_an_error_that_names_the_question(scope: Scope, fault: str) -> None:
    fine = LabelledQuestion("fine", "Fine?", (Label(document="rows.csv"),))
    found = resolve(QuestionSet("s", (fine, asked(scope))), LIBRARY)
    assert [r.question.id for r in found.out_of_scope] == ["q"]
    with pytest.raises(ScopeNotThere) as caught:
        all_can_be_asked(found)
    assert caught.value.message.startswith("1 question is asked within something that library made does not have:")
    assert f"q (What was it?): {fault}" in caught.value.message
    lines = check_lines(found)
    assert "Asked within a part of the library: 1 of 2 questions" in lines
    assert any(line.strip().startswith(f"q (What was it?): {fault}") for line in lines)
    told = check_to_json(found)
    assert (told["scoped"], told["out_of_scope"][0]["question"]) == (1, "q")
    assert all_can_be_asked(resolve(QuestionSet("s", (fine,)), LIBRARY)).questions[0].rankable


# -- splitting -------------------------------------------------------------------------------------


def components(*questions: LabelledQuestion) -> int:
    return split(QuestionSet("s", questions)).components


def at(n: int, scope: Scope, text: str = "", **fields: object) -> LabelledQuestion:
    labels = (Label(document=f"d{n}.md"),)
    return LabelledQuestion(str(n), text or f"Question {n}?", labels, scope=scope, **fields)  # type: ignore[arg-type]


def test_the_same_words_hold_together_only_within_the_same_scope() -> None:
    one, other = (Scope(("f.csv",), (Condition("row", "in", (n,)),)) for n in (1, 2))
    assert components(at(1, one, "What changed?"), at(2, other, "What changed?")) == 2
    assert components(at(1, one, "What changed?"), at(2, one, "What changed?")) == 1
    assert components(at(1, one), at(2, one)) == 1  # the same few passages are searched for both


def test_a_named_document_holds_together_what_is_asked_within_it_and_what_it_answers() -> None:
    assert components(at(1, Scope(("d7.md",))), at(2, Scope(("D7.md", "d8.md")))) == 1
    assert components(at(1, Scope(("d2.md",))), at(2, Scope())) == 1
    assert components(at(1, Scope(("d7.md",))), at(2, Scope(("d8.md",)))) == 2


def test_conditions_alone_hold_nothing_together() -> None:
    assert components(at(1, Scope((), (SINCE_2020,))), at(2, Scope((), (SINCE_2020,)))) == 2
