"""Labels located in a library: names, rows, answers, and quotes that were copied badly."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.evaluation.questions import Label, LabelledQuestion, Located, QuestionSet, Resolved, resolve
from app.evaluation.questions.locate import FOUND, Locator, letters, nearest
from app.evaluation.questions.resolve import holding_answers
from app.library.contents import Contents, read_contents
from tests.evaluation.libraries import COPY, contents

NOTICE = (
    "The period of notice is six weeks to the end of a quarter. It begins on the day after the letter has arrived, "
    "and the employer may ask for a receipt."
)
LEAVE = "Every employee has 28 days of leave in 2024. Leave not taken by the 31st of March lapses without notice."
OLDER = "Every employee has 26 days of leave in 2023. Leave not taken by the 31st of March lapses without notice."
TRAVEL_1 = "Travel requests are signed by the head of department. A request for a journey abroad is in addition sent"
TRAVEL_2 = "to the embassy desk, which keeps a list of insurers and answers within ten working days after receipt."
LIBRARY = contents(
    {
        "notice.md": ["Terms used below are explained in the annex of the contract.", NOTICE, COPY],
        "hr/leave.md": [LEAVE, OLDER, COPY],
        "travel.md": [TRAVEL_1, TRAVEL_2],
        "old/leave.md": ["Superseded: ask the office for the rules that were in force before the merger."],
        "people.csv": ["Ann Lee leads the laboratory.", "Bo Ek leads sales.", "+Bo Ek came from Oslo in May."],
    },
    records=["people.csv"],
)


def located(label: Label, *answers: str, library: Contents = LIBRARY) -> Located:
    return resolved(LabelledQuestion("q", "Why?", (label,), answers), library).located[0]


def resolved(question: LabelledQuestion, library: Contents = LIBRARY) -> Resolved:
    return resolve(QuestionSet("set", (question,)), library).questions[0]


# -- quotes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quote", "score"),
    [
        ("The period of notice is six weeks to the end of a quarter.", 1.0),
        ("the  period of\nno-\ntice is “six weeks” to the\u00a0end of a quar\u00adter", 1.0),
        ("**The period** of notice is [six weeks] to the end of a quarter", 1.0),
        ("The peroid of notise is six weeks to the end of quarter", 0.9),
    ],
)
def test_a_quote_is_found_however_it_was_copied(quote: str, score: float) -> None:
    found = located(Label(quote=quote))
    assert (found.state, found.chunks) == ("found", ("notice.md:1",))
    assert found.score == pytest.approx(score, abs=0.06)


def test_ligatures_and_case_are_folded() -> None:
    assert letters("Efﬁ-\n cient “SEARCH” No. 5") == "efficientsearchno5"


def test_a_quote_over_the_end_of_a_chunk_is_in_both() -> None:
    found = located(Label(quote="journey abroad is in addition sent to the embassy desk, which keeps a list"))
    assert (found.chunks, found.score) == (("travel.md:0", "travel.md:1"), 1.0)


def test_the_edge_of_a_quote_does_not_make_a_neighbour_relevant() -> None:
    found = located(Label(quote=TRAVEL_1 + " to the"))
    assert found.chunks == ("travel.md:0",)


def test_chunks_that_overlap_both_hold_what_they_share() -> None:
    shared = "The gate was opened at seven in the morning by the night watch."
    library = contents({"a.md": [f"It rained until dawn in the valley. {shared}", f"{shared} Nobody came in."]})
    assert located(Label(quote=shared), library=library).chunks == ("a.md:0", "a.md:1")
    across = located(Label(quote=f"dawn in the valley. {shared} Nobody came"), library=library)
    assert (across.chunks, across.score) == (("a.md:0", "a.md:1"), 1.0)


def test_figures_have_to_agree() -> None:
    assert located(Label(quote="Every employee has 28 days of leave in 2024.")).chunks == ("hr/leave.md:0",)
    assert located(Label(quote="Every employee has 26 days of leave in 2023.")).chunks == ("hr/leave.md:1",)
    wrong = located(Label(quote="Every employee has 28 days of leave in 2022."))
    assert wrong.state == "missing" and "2022" in wrong.note
    assert wrong.score is not None and wrong.score > FOUND


def test_what_is_not_there_is_reported_with_the_nearest() -> None:
    found = located(Label(quote="Notice is given in writing, and the period begins on the first of a month."))
    assert (found.state, found.chunks) == ("missing", ())
    assert found.score is not None and 0 < found.score < FOUND
    assert "agrees to" in found.note and "notice.md:1" in found.note
    assert located(Label(quote="zebra xylophone quartz")).note.startswith("no passage shares")


def test_a_text_in_two_places_is_relevant_in_both_unless_the_document_is_named() -> None:
    both = located(Label(quote=COPY))
    assert (set(both.chunks), both.note) == ({"notice.md:2", "hr/leave.md:2"}, "the same text stands in 2 places")
    assert located(Label(quote=COPY, document="notice.md")).chunks == ("notice.md:2",)


def test_a_text_that_stands_twice_in_one_document_is_found_twice() -> None:
    library = contents({"a.md": [COPY + " First of all.", "Something else stands in between.", COPY + " In closing."]})
    assert located(Label(quote=COPY), library=library).chunks == ("a.md:0", "a.md:2")


def test_a_quote_that_tells_nothing_apart_is_ambiguous() -> None:
    many = contents({f"d{n}.md": [COPY] for n in range(8)})
    assert located(Label(quote=COPY), library=many).state == "ambiguous"
    short = located(Label(quote="the end"))
    assert short.state == "ambiguous" and "6 letters" in short.note


def test_a_quote_does_not_run_from_one_row_into_the_next() -> None:
    inside = located(Label(quote="Bo Ek leads sales. Bo Ek came from Oslo"))
    assert inside.chunks == ("people.csv:1", "people.csv:2")
    assert located(Label(quote="leads the laboratory. Bo Ek leads sales.")).state == "missing"


@settings(max_examples=60, deadline=None)
@given(st.text("abc", min_size=1, max_size=8), st.text("abc", max_size=25))
def test_the_nearest_stretch_has_the_smallest_edit_distance_of_all(quote: str, text: str) -> None:
    edits, start, end = nearest(quote, text)
    assert edits == _distance(quote, text[start:end])
    stretches = [text[a:b] for a in range(len(text) + 1) for b in range(a, len(text) + 1)]
    assert edits == min(_distance(quote, stretch) for stretch in stretches)


def _distance(a: str, b: str) -> int:
    """The edit distance from the textbook."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (left != right))
    return row[-1]


def test_every_stretch_of_a_real_library_is_found_where_it_stands(handbook: Contents) -> None:
    locator, draw = Locator(handbook.chunks), random.Random(4)
    long = [chunk for chunk in handbook.chunks if len(letters(chunk.text)) > 150]
    for chunk in draw.sample(long, 60):
        start = draw.randrange(len(chunk.text) - 100)
        matches = locator.find(chunk.text[start : start + 100])
        assert matches[0].score == 1.0
        assert chunk.id in {touched.id for match in matches for touched in match.touched}


@pytest.fixture(scope="module")
def handbook(handbook_home: Path) -> Contents:
    return read_contents(handbook_home / "libraries", "handbook")


# -- names, rows, chunks, answers ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["travel.md", "/docs/travel.md", "Travel", "TRAVEL", "travel"])
def test_a_document_goes_by_id_path_file_name_and_title(name: str) -> None:
    found = located(Label(document=name))
    assert (found.state, found.how, found.chunks) == ("found", "document", ("travel.md:0", "travel.md:1"))


def test_a_name_that_several_have_needs_more_of_its_path() -> None:
    found = located(Label(document="leave.md"))
    assert (found.state, found.chunks) == ("ambiguous", ())
    assert "/docs/hr/leave.md" in found.note and "/docs/old/leave.md" in found.note
    assert located(Label(document="old/leave.md")).chunks == ("old/leave.md:0",)
    assert located(Label(document="./docs/old/leave.md")).chunks == ("old/leave.md:0",)
    assert located(Label(document="nothing.md")).state == "missing"


def test_rows_keep_their_number_through_chunking() -> None:
    assert located(Label(document="people.csv", row=2)).chunks == ("people.csv:1", "people.csv:2")
    assert located(Label(document="people.csv", row=2), "Oslo").chunks == ("people.csv:2",)
    assert located(Label(document="Row 1 of people.csv")).chunks == ("people.csv:0",)
    assert located(Label(document="people.csv", row=9)).note == "'people.csv' has no row 9"


def test_answers_narrow_a_document_to_the_chunks_that_hold_one() -> None:
    narrowed = located(Label(document="travel.md"), "the embassy desk")
    assert (narrowed.chunks, narrowed.narrowed) == (("travel.md:1",), True)
    assert len(located(Label(document="travel.md"), "nowhere said").chunks) == 2
    assert not located(Label(document="travel.md"), "nowhere said").narrowed


def test_yes_is_no_evidence_and_answers_are_whole_words() -> None:
    chunks = contents({"a.md": ["Yes, it is known.", "Nothing is said of it, no doubt."]}).chunks
    assert holding_answers(chunks, ["yes"]) == chunks
    assert holding_answers(chunks, ["known"]) == chunks[:1]
    assert holding_answers(chunks, ["now"]) == chunks


def test_a_chunk_that_is_gone_is_looked_for_by_its_quote() -> None:
    assert located(Label(chunk="notice.md:1", quote="unlike anything")).how == "chunk"
    assert located(Label(chunk="gone", quote=NOTICE)).chunks == ("notice.md:1",)
    lost = located(Label(chunk="gone", document="notice.md"))
    assert lost.state == "missing" and "label it with a quote" in lost.note
    both = located(Label(chunk="gone", quote="zebra xylophone quartz"))
    assert both.note == "chunk gone is not in the library; by its quote: no passage shares a word with the quote"


def test_grades_documents_and_units_of_a_question() -> None:
    labels = (
        Label(document="travel.md"),
        Label(chunk="travel.md:1", grade=3),
        Label(chunk="notice.md:0", grade=0),
        Label(document="people.csv", row=1),
    )
    found = resolved(LabelledQuestion("q", "Why?", labels))
    assert found.grades == {"travel.md:0": 1, "travel.md:1": 3, "notice.md:0": 0, "people.csv:0": 1}
    assert found.relevant == {"travel.md:0", "travel.md:1", "people.csv:0"}
    assert found.documents == ("people.csv", "travel.md")
    assert found.units == ("people.csv#1", "travel.md")
    assert found.complete and found.rankable


def test_a_question_with_a_label_missing_is_not_ranked_on() -> None:
    found = resolved(LabelledQuestion("q", "Why?", (Label(document="travel.md"), Label(document="gone.md"))))
    assert not found.complete and not found.rankable
    resolution = resolve(QuestionSet("set", (found.question,)), LIBRARY)
    assert [(q.id, label.note) for q, label in resolution.missing] == [("q", "no document is called 'gone.md'")]
    only_answers = resolved(LabelledQuestion("a", "Why?", answers=("so",)))
    assert only_answers.complete and not only_answers.rankable
