"""Question sets as files: what is read, what comes back, and what a person is told about a fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import Condition, Turn
from app.errors import SluiceError
from app.evaluation.questions import (
    Label,
    LabelledQuestion,
    QuestionSet,
    QuestionSetError,
    read_questions,
    write_questions,
)
from app.evaluation.questions.scope import Scope

_words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(
    lambda text: text == text.strip() != ""
)
_labels = st.builds(
    Label, st.none() | _words, _words, st.none() | st.integers(1, 99), st.none() | _words, st.integers(0, 10)
)
_turns = st.builds(Turn, st.sampled_from(["user", "assistant"]), _words)
_conditions = st.one_of(
    st.builds(
        Condition,
        _words,
        st.just("in"),
        st.lists(_words | st.integers() | st.booleans() | st.floats(allow_nan=False), min_size=1, max_size=3).map(
            tuple
        ),
    ),
    st.builds(Condition, _words, st.sampled_from([">=", "<="]), st.tuples(_words | st.integers())),
)
_scopes = st.builds(
    Scope,
    st.lists(_words, max_size=2, unique=True).map(tuple),
    st.lists(_conditions, max_size=2, unique=True).map(tuple),
)


@st.composite
def _questions(draw: st.DrawFn) -> LabelledQuestion:
    answerable = draw(st.sampled_from([True, False, None]))
    labels = draw(st.lists(_labels, max_size=3)) if answerable is not False else []
    answers = draw(st.lists(_words, max_size=2, unique=True))
    if answerable and not answers and not any(label.grade for label in labels):
        answers = ["something"]
    return LabelledQuestion(
        id=draw(_words),
        text=draw(_words),
        relevant=tuple(labels),
        answers=tuple(answers),
        answerable=answerable,
        history=tuple(draw(st.lists(_turns, max_size=2))),
        scope=draw(_scopes),
        sources=tuple(draw(st.lists(_words, max_size=2))),
        origin=draw(st.sampled_from(["file", "squad", "chat"])),
        weak=draw(st.booleans()),
        split=draw(st.sampled_from([None, "calibration", "test"])),
        note=draw(st.just("") | _words),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(_questions(), min_size=1, max_size=4, unique_by=lambda question: question.id))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, questions: list[LabelledQuestion]
) -> None:
    path = tmp_path_factory.mktemp("set") / "mine.jsonl"
    before = QuestionSet("mine", tuple(questions))
    write_questions(before, path)
    after = read_questions(path)
    assert after == before
    assert after.fingerprint == before.fingerprint
    assert [p.name for p in path.parent.iterdir()] == ["mine.jsonl"]


def test_the_fingerprint_is_of_the_questions_not_of_their_order_or_name() -> None:
    one, other = LabelledQuestion("a", "A?", answers=("x",)), LabelledQuestion("b", "B?", answers=("y",))
    assert QuestionSet("s", (one, other)).fingerprint == QuestionSet("t", (other, one)).fingerprint
    changed = LabelledQuestion("b", "B?", answers=("z",))
    assert QuestionSet("s", (one, changed)).fingerprint != QuestionSet("s", (one, other)).fingerprint


def test_json_lines_with_flat_and_listed_labels(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(
        '{"question": "How hot?", "quote": "at 80 degrees", "document": "tea.md", "answers": ["80", 80.5]}\n'
        "\n"
        '{"id": 7, "question": "Why?", "relevant": [{"chunk": "c1", "grade": "2"}, {"document": "a.csv", "row": 3}]}\n'
        '{"id": "u", "question": "Is coffee?", "answerable": false, "sources": ["tea.md"], "quote": null}\n'
        '{"id": "o", "question": "And?", "answerable": "undecided"}\n',
        encoding="utf-8-sig",
    )
    one, two, three, four = read_questions(path).questions
    assert one.relevant == (Label(document="tea.md", quote="at 80 degrees"),)
    assert one.id.startswith("q-") and one.answers == ("80", "80.5")
    assert (two.id, two.relevant) == ("7", (Label(chunk="c1", grade=2), Label(document="a.csv", row=3)))
    assert (three.answerable, three.sources) == (False, ("tea.md",))
    assert four.answerable is None


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("id,question,quote,document,grade,answers,answerable\n"
         'a,"How hot, roughly?","at 80 degrees, ""green""",tea.md,"2,0",80,\n'
         "a,,,other.md,,eighty,\nb,Is coffee?,,,,,FALSE\n", "utf-8"),
        ("sep=;\r\nid;question;quote;document;grade;answers;answerable;;\r\n"
         'a;How hot, roughly?;"at 80 degrees, ""green""";tea.md;2;80;;;\r\n'
         "a;;;other.md;;eighty;;;\r\n;;;;;;;;\r\nb;Is coffee?;;;;;FALSCH;;\r\n", "utf-8-sig"),
        ("ID\tQuestion\tquote\tdocument\tgrade\tanswers\tanswerable\n"
         'a\tHow hot, roughly?\t"at 80 degrees, ""green"""\ttea.md\t2\t80\t\n'
         "a\t\t\tother.md\t\teighty\nb\tIs coffee?\t\t\t\t\t0\n", "utf-16"),
    ],
    ids=["commas", "excel with semicolons", "excel unicode text"],
)  # fmt: skip
def test_tables_as_spreadsheets_write_them(tmp_path: Path, content: str, encoding: str) -> None:
    path = tmp_path / "set.csv"
    path.write_bytes(content.encode(encoding))
    first, second = read_questions(path).questions
    assert first == LabelledQuestion(
        "a",
        "How hot, roughly?",
        (Label(document="tea.md", quote='at 80 degrees, "green"', grade=2), Label(document="other.md")),
        answers=("80", "eighty"),
    )
    assert (second.text, second.answerable) == ("Is coffee?", False)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("s.jsonl", b'{"question": "a", "quote": "b"}\n{"question": \n', ["line 2", "not JSON"]),
        ("s.jsonl", b"[1]\n", ["line 1", "not an object"]),
        ("s.jsonl", b'{"question": "a", "quotes": "b"}', ["line 1, quotes", "did you mean 'quote'"]),
        ("s.jsonl", b'{"question": " ", "quote": "b"}', ["line 1, question", "empty"]),
        ("s.jsonl", b'{"question": "a"}', ["line 1, relevant", "answerable: false"]),
        ("s.jsonl", b'{"question": "a", "quote": "b", "answerable": false}', ["line 1, answerable", "grade 0"]),
        ("s.jsonl", b'{"question": "a", "quote": "b", "answerable": "perhaps"}', ["answerable", "true or false"]),
        ("s.jsonl", b'{"id":"x","question":"a","quote":"b"}\n{"id":"x","question":"c","chunk":"b"}', ["line 2, id"]),
        ("s.jsonl", b'{"question": "a", "relevant": [{"document": "d", "row": 0}]}', ["relevant 1 row", "from 1"]),
        ("s.jsonl", b'{"question": "a", "relevant": [{"file": "d"}]}', ["relevant 1 file", "chunk, document"]),
        ("s.jsonl", b'{"question": "a", "relevant": "d"}', ["line 1, relevant", "type a list"]),
        ("s.jsonl", b'{"question": "a", "chunk": "c", "grade": 11}', ["grade", "0 to 10"]),
        ("s.jsonl", b'{"question": "a", "chunk": "c", "grade": NaN}', ["grade", "whole number"]),
        ("s.jsonl", b'{"question": "a", "quote": "b", "grade": 1.5}', ["grade", "whole number"]),
        ("s.jsonl", b'{"question": "a", "row": 1}', ["row", "a document"]),
        ("s.jsonl", b'{"question": "a\\ud800", "quote": "b"}', ["question", "half a character"]),
        ("s.jsonl", b'{"question": "a", "quote": "b", "history": [{"role": "bot", "text": ""}]}', ["user or as"]),
        ("s.jsonl", b'{"question": "a", "quote": "b", "split": "train"}', ["split", "calibration, test"]),
        ("s.jsonl", "ok\n{\"question\": \"K\u00e4se\"}".encode("latin-1"), ["line 2", "not UTF-8", "CSV UTF-8"]),
        ("s.jsonl", b"\n\n", ["holds no questions"]),
        ("s.csv", b"Frage;Zitat\na;b\n", ["no column named question", "frage"]),
        ("s.csv", b"question,quote\na,b,c\n", ["line 2", "more cells"]),
        ("s.csv", b'question,quote\na,"b\n', ["quotation marks"]),
        ("s.csv", b"question,chunk\na,1.2E+17\n", ["line 2, chunk", "spreadsheet"]),
        ("s.csv", b"question,quote,question\na,b,c\n", ["named twice"]),
        ("s.csv", b"id,question,quote,answerable\na,A?,,no\na,,more,\n", ["line 3, answerable", "line 2"]),
        ("s.xlsx", b"PK", [".jsonl or .csv"]),
    ],
)  # fmt: skip
def test_faults_name_the_place_and_what_to_type(tmp_path: Path, name: str, content: bytes, told: list[str]) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(QuestionSetError) as caught:
        read_questions(path)
    said = f"{caught.value.message} {caught.value.hint}"
    assert name in said
    assert [words for words in told if words not in said] == []
    assert caught.value.hint


def test_all_faults_are_told_at_once_but_no_more_than_ten(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"question": ""}\n' * 14, encoding="utf-8")
    with pytest.raises(QuestionSetError) as caught:
        read_questions(path)
    assert caught.value.message.count("line ") == 10
    assert "and 4 more" in caught.value.message


def test_a_missing_file_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match="cannot be read"):
        read_questions(tmp_path / "none.jsonl")


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=120), st.sampled_from([".jsonl", ".csv"]))
def test_no_bytes_bring_the_reader_down(tmp_path_factory: pytest.TempPathFactory, data: bytes, ending: str) -> None:
    path = tmp_path_factory.mktemp("bytes") / f"set{ending}"
    path.write_bytes(b"question,quote\n" + data if ending == ".csv" else b'{"question": "a", "quote": ' + data)
    try:
        assert read_questions(path).questions
    except QuestionSetError as error:
        assert error.hint
