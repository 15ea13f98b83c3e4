"""What counts as one passage: labels of every kind, by hand."""

from __future__ import annotations

from typing import Any

from app.evaluation.labels import Passages, passages_of
from app.evaluation.questions.model import QuestionSet
from app.evaluation.questions.resolve import resolve
from app.evaluation.questions.rows import question_of
from app.library.contents import Contents
from tests.evaluation.libraries import COPY, contents

OVER_THE_END = "is steeped at eighty degrees. Never use boiling water for it, because that makes the cup"
LIBRARY = contents(
    {
        "tea.md": [
            "Green tea is steeped at eighty degrees. Never use boiling",
            "water for it, because that makes the cup bitter and cloudy.",
            "Black tea takes boiling water and four minutes in the pot.",
        ],
        "copy.md": ["A page about something else entirely.", COPY],
        "other.md": [COPY],
        "rows.csv": ["Salt comes from Alder", "Slate comes from Birch", "+Slate is cut in Birch by hand"],
    },
    records=("rows.csv",),
)


def located(library: Contents = LIBRARY, **row: Any) -> Passages:
    question = question_of({"id": "q", "question": "What?", **row})
    return passages_of(resolve(QuestionSet("made", (question,)), library).questions[0])


def names(passages: Passages) -> dict[str, str]:
    return {chunk.id: passages.passage_of(chunk) for chunk in LIBRARY.chunks}


def test_a_quote_over_the_end_of_a_chunk_is_one_passage() -> None:
    found = located(quote=OVER_THE_END)
    assert found.relevant == {"tea.md:0": 1}
    assert names(found)["tea.md:1"] == "tea.md:0"
    assert names(found)["tea.md:2"] == "tea.md:2"


def test_a_text_that_stands_twice_is_found_at_either_place() -> None:
    found = located(quote=COPY)
    assert found.relevant == {"copy.md:1": 1}
    assert names(found)["other.md:0"] == "copy.md:1"
    assert [found.is_relevant(c) for c in LIBRARY.chunks].count(True) == 2


def test_labels_that_share_a_chunk_are_one_passage_with_the_higher_grade() -> None:
    labels = [
        {"chunk": "tea.md:0", "grade": 1},
        {"quote": OVER_THE_END, "grade": 3},
        {"chunk": "tea.md:2", "grade": 2},
    ]
    found = located(relevant=labels)
    assert found.relevant == {"tea.md:0": 3, "tea.md:2": 2}


def test_a_label_may_join_two_others() -> None:
    labels = [
        {"chunk": "tea.md:0"},
        {"chunk": "tea.md:1"},
        {"quote": OVER_THE_END, "grade": 2},
    ]
    found = located(relevant=labels)
    assert found.relevant == {"tea.md:0": 2}
    assert names(found)["tea.md:1"] == "tea.md:0"


def test_where_documents_are_labelled_every_document_counts_once() -> None:
    found = located(document="tea.md")
    assert list(found.relevant.values()) == [1]
    by_chunk = names(found)
    assert len({by_chunk[f"tea.md:{n}"] for n in range(3)}) == 1
    assert by_chunk["copy.md:0"] == by_chunk["copy.md:1"] == "copy.md"
    assert by_chunk["rows.csv:1"] == by_chunk["rows.csv:2"] == "rows.csv#2"


def test_of_a_document_narrowed_to_its_answer_the_rest_is_another_passage() -> None:
    found = located(document="tea.md", answers=["four minutes"])
    assert found.relevant == {"tea.md:2": 1}
    assert names(found)["tea.md:0"] == names(found)["tea.md:1"] == "tea.md"


def test_rows_of_a_file_are_passages() -> None:
    found = located(document="rows.csv", row=2)
    assert names(found)["rows.csv:1"] == names(found)["rows.csv:2"] in found.relevant
    assert names(found)["rows.csv:0"] == "rows.csv#1"


def test_a_label_that_is_not_found_takes_the_question_out_of_ranking() -> None:
    found = located(relevant=[{"chunk": "tea.md:0"}, {"document": "coffee.md"}])
    assert found.relevant == {}
    assert [label.state for label in found.located] == ["found", "missing"]


def test_what_was_judged_not_relevant_is_no_passage_of_its_own() -> None:
    found = located(relevant=[{"chunk": "tea.md:0"}, {"document": "copy.md", "grade": 0}])
    assert found.relevant == {"tea.md:0": 1}
    assert names(found)["copy.md:0"] == "copy.md:0"
