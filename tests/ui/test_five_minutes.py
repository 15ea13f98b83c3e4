"""Calibrate in five minutes, and drafted questions, in process: a real catalogue, and scores one can work out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.evaluation.questions.drafts import Drafts
from app.evaluation.questions.kept import questions_dir, set_path
from app.evaluation.questions.read import read_questions
from tests.ui.conftest import html, press

Open = Callable[..., AppTest]


def _page(home: str, chat: bool, fitted: bool) -> None:
    from pathlib import Path

    import streamlit as st

    from app.ui.frame import run
    from tests.fakes_fitted import FittedSluice

    if "fake" not in st.session_state:
        st.session_state["fake"] = FittedSluice(Path(home), chat=chat, fitted=fitted)
    run(lambda: st.session_state["fake"], start="library")


@pytest.fixture
def at(tmp_path: Path) -> Open:
    """Open the library page at one of its views."""

    def open_at(view: str, *, chat: bool = False, fitted: bool = True) -> AppTest:
        args = (str(tmp_path), chat, fitted)
        test = AppTest.from_function(_page, args=args, default_timeout=60).run()
        return test.button_group(key="library.view").set_value(view).run()

    return open_at


# -- thirty answers ----------------------------------------------------------------------------------


def test_an_answer_that_cannot_be_kept_is_said_and_asked_for_again(at: Open, tmp_path: Path) -> None:
    test = press(at("calibrate"), "Pick thirty passages")
    (folder,) = (tmp_path / "labels").glob("*/*")
    (folder / "answers.jsonl").mkdir()
    press(test, "Yes")
    assert "answers.jsonl: Is a directory." in html(test)
    (folder / "answers.jsonl").rmdir()
    assert "1 of 30" in str(test.run().get("progress")[0].proto)
    press(test, "Yes")
    assert "2 of 30" in str(test.get("progress")[0].proto)
    assert 'class="note failed"' not in html(test)


def test_thirty_answers_are_asked_shown_applied_and_undone(at: Open, tmp_path: Path) -> None:
    test = press(at("calibrate"), "Pick thirty passages")
    assert not test.exception
    press(test, "No")
    press(test, "Back")
    for asked in range(30):
        assert f"{asked + 1} of 30" in str(test.get("progress")[0].proto)
        assert "<b>Does this passage answer the question" in html(test)
        press(test, "Yes" if asked % 3 else "No")
    assert not any(b.label == "Skip" for b in test.button)
    said = html(test)
    assert "Relevant passages lost" in said and "of your 20 yes" in said
    assert said.count("cannot tell from these labels") == 2  # nobody said which questions are unanswerable
    files = tmp_path / "calibrations"
    general = list(files.iterdir())
    assert len(general) == 1  # shown before it is applied
    press(test, "Use this for handbook")
    assert len(list(files.iterdir())) == 2
    assert "Calibrated here: 30 answers" in html(test)
    press(test, "Undo")
    assert list(files.iterdir()) == general
    assert "Calibrated here" not in html(test)


def test_all_yes_is_refused(at: Open, tmp_path: Path) -> None:
    test = press(at("calibrate"), "Pick thirty passages")
    for _ in range(30):
        press(test, "Yes")
    said = html(test)
    assert "No correction can be made." in said and "answers are yes" in said
    assert not any(b.label.startswith("Use this") for b in test.button)


def test_one_stops_early_and_goes_on_later(at: Open) -> None:
    test = press(at("calibrate"), "Pick thirty passages")
    for n in range(15):
        assert not any(b.key == "five.look" for b in test.button)
        press(test, "Yes" if n % 2 else "No")
    press(test, "See what these answers would change")
    assert "Relevant passages lost" in html(test)
    press(test, "Go on, 15 left")
    again = at("calibrate")  # another session
    assert "Does this passage answer" in html(again)
    assert (
        html(again).split('<span class="who">Question</span>')[1]
        == html(test).split('<span class="who">Question</span>')[1]
    )


def test_typed_questions_are_asked_first(at: Open) -> None:
    test = at("calibrate")
    test.text_area[0].set_value("What is a cross encoder?\nWhat is a bi encoder?")
    press(test, "Pick thirty passages")
    for n in range(20):
        press(test, "No" if n % 2 else "Yes")
    press(test, "See what these answers would change")
    assert "2 typed" in html(test)


def test_without_a_calibration_there_is_nothing_to_correct(at: Open) -> None:
    test = at("calibrate", fitted=False)
    assert "has no calibration to correct" in html(test)
    assert "sluice calibrate" in html(test)


def test_another_page_can_link_to_a_view(at: Open) -> None:
    test = at("documents")
    test.query_params["view"] = "calibrate"
    assert "Pick thirty passages" in [b.label for b in test.run().button]
    assert "view" not in test.query_params
    test.query_params["view"] = "no such view"
    assert not test.run().exception


# -- drafted questions -------------------------------------------------------------------------------


def test_drafts_are_made_decided_and_kept_as_a_set(at: Open, tmp_path: Path) -> None:
    test = at("drafts")
    assert "No question is drafted" in html(test)
    press(test, "Draft")
    drafts = Drafts(questions_dir(tmp_path))
    made = drafts.read("handbook")
    assert len(made) == 4 and "4 questions drafted" in html(test)
    assert made[0].question.text in html(test)
    press(test, "Accept")
    press(test, "Reject")
    states = [draft.state for draft in drafts.read("handbook")]
    assert states[:3] == ["accepted", "rejected", "drafted"]
    test.text_area[0].set_value("Which one is early?")
    press(test, "Accept in these words")
    third = drafts.read("handbook")[2]
    assert (third.state, third.question.text, third.question.weak) == ("accepted", "Which one is early?", False)
    assert third.question.id == made[2].question.id
    press(test, "Keep as a question set")
    kept = read_questions(set_path(tmp_path, "handbook", "handbook-drafts"))
    assert [q.text for q in kept.questions] == [made[0].question.text, "Which one is early?"]
    assert "handbook-drafts is kept" in html(test)
    test.button_group(key="drafts.state.handbook").set_value("rejected").run()
    press(test, "Put back")
    assert drafts.read("handbook")[1].state == "drafted"


def test_a_set_of_ones_own_is_not_replaced_by_drafts(at: Open, tmp_path: Path) -> None:
    test = press(at("drafts"), "Draft")
    press(test, "Accept")
    path = set_path(tmp_path, "handbook", "handbook-drafts")
    press(test, "Keep as a question set")
    press(test, "Keep as a question set")
    assert "It replaces the one of that name." in html(test)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"question": "What did I ask myself?", "answers": ["this"]}\n')
    before = path.read_bytes()
    press(test, "Keep as a question set")
    assert "There is a question set called handbook-drafts, with 1 question of its own." in html(test)
    assert path.read_bytes() == before


def test_a_chat_model_is_called_no_more_often_than_said(at: Open, tmp_path: Path) -> None:
    test = at("drafts", chat=True)
    assert "no more calls than passages" in str(test.radio[0].proto)
    test.number_input(key="drafts.count").set_value(2).run()
    press(test, "Draft")
    assert len(test.session_state["fake"].pipeline.chat.asked) == 2
    made = Drafts(questions_dir(tmp_path)).read("handbook")
    assert {draft.by for draft in made} == {"scripted"}
    assert "near miss" in html(test)
