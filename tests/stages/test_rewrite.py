"""Follow-ups are made to stand alone, with a model and without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.domain import Turn
from app.errors import ProviderTimeout
from app.ports import Delta
from app.stages.rewrite import leans, rewrite
from tests.fakes import ScriptedChat

HISTORY = (
    Turn("user", "What is reciprocal rank fusion?"),
    Turn("assistant", "It merges rankings by summing 1 / (60 + rank)."),
)


@pytest.mark.parametrize(
    "question",
    [
        "Is it better than a weighted sum?",
        "and in 2023?",
        "What about BM25?",
        "Why?",
        "Who wrote that?",
        "How do they differ?",
        "Is it safe?",
        "Summarise that in two sentences.",
        "Is it the same for tables?",
        "What happens if it fails?",
        "OK, who wrote that?",
    ],
)
def test_a_follow_up_leans(question: str) -> None:
    assert leans(question)


@pytest.mark.parametrize(
    "question",
    [
        "What is a cross-encoder?",
        "Which model reads both texts that are given?",
        "How does the gate decide whether a passage is let through?",
        "Name the ports listed in the contract.",
        "Is it possible to use Ollama for answers?",
        "How long does it take to ingest a large folder?",
        "How do rerankers handle long passages when they do not fit?",
        "Which scorers give the same score to the same passage?",
        "So how do I add a hosted reranker?",
        "Are there rerankers for those who work offline?",
    ],
)
def test_a_whole_question_does_not_lean(question: str) -> None:
    assert not leans(question)


def test_without_a_model_the_topic_terms_are_carried_over() -> None:
    question = rewrite("Is it better than a weighted sum?", HISTORY, chat=None, system="")
    assert question.rewrite == "terms"
    assert question.text == "Is it better than a weighted sum?"
    for word in ("reciprocal", "rank", "fusion"):
        assert word in question.standalone


def test_terms_come_from_the_last_question_that_stood_alone() -> None:
    history = (
        Turn("user", "How are documents chunked?"),
        Turn("user", "What is reciprocal rank fusion?"),
        Turn("user", "And who proposed it?"),
    )
    question = rewrite("When was that?", history, chat=None, system="")
    assert "fusion" in question.standalone
    assert "chunked" not in question.standalone


@pytest.mark.parametrize(
    ("earlier", "carried"),
    [
        (["Hi! Can you help me understand how chunking works?"], "chunking works"),
        (["Hello", "Please tell me about late interaction.", "Thanks!"], "late interaction"),
        (["How much revenue did Adobe report in 2022?", "And in 2021?"], "revenue adobe report 2022 2021"),
    ],
)
def test_what_is_said_to_a_person_is_no_topic(earlier: list[str], carried: str) -> None:
    history = [turn for text in earlier for turn in (Turn("user", text), Turn("assistant", "Something."))]
    assert rewrite("Why?", history, chat=None, system="").standalone == f"Why? ({carried})"


def test_of_a_long_question_names_and_the_last_words_are_carried() -> None:
    long = "I am planning a trip with my family next summer: which visa for Japan suits a German passport holder?"
    carried = rewrite("How long is it valid?", [Turn("user", long)], chat=None, system="").standalone
    assert {"visa", "japan", "german", "passport"} <= set(carried.rstrip(")").replace("(", "").split())
    assert "planning" not in carried


def test_carried_terms_are_searched_for_and_need_not_be_covered() -> None:
    carried = rewrite("Who proposed it?", HISTORY, chat=None, system="")
    assert (carried.standalone, carried.asked) == ("Who proposed it? (reciprocal rank fusion)", "Who proposed it?")
    edited = rewrite("Who proposed it?", HISTORY, chat=None, system="", edited="Who proposed RRF?")
    assert edited.asked == "Who proposed RRF?"


def test_a_question_that_stands_alone_is_left_alone() -> None:
    question = rewrite("What is a cross-encoder?", HISTORY, chat=None, system="")
    assert (question.standalone, question.rewrite) == ("What is a cross-encoder?", "none")


def test_the_first_question_costs_no_chat_call() -> None:
    chat = ScriptedChat(["never"])
    assert rewrite("Is it good?", (), chat=chat, system="").rewrite == "none"
    assert chat.asked == []


def test_the_model_rewrites_and_its_label_is_taken_off() -> None:
    chat = ScriptedChat(['Standalone question: "Is reciprocal rank fusion better?"\nextra'])
    question = rewrite("Is it better?", HISTORY, chat=chat, system="s")
    assert (question.standalone, question.rewrite) == ("Is reciprocal rank fusion better?", "model")
    assert "What is reciprocal rank fusion?" in chat.asked[0][1]


class _Down(ScriptedChat):
    def complete(self, system: str, user: str, *, max_tokens: int) -> str:
        raise ProviderTimeout("The chat model did not answer.")

    def stream(self, system: str, user: str, *, max_tokens: int) -> Iterator[Delta]:
        raise ProviderTimeout("The chat model did not answer.")


def test_a_chat_model_that_is_down_is_said_and_terms_are_used() -> None:
    question = rewrite("Is it better?", HISTORY, chat=_Down([]), system="s")
    assert question.rewrite == "terms"
    assert "did not answer" in question.note


def test_a_persons_own_wording_wins() -> None:
    chat = ScriptedChat(["never"])
    question = rewrite("Is it better?", HISTORY, chat=chat, system="s", edited="Is RRF better?")
    assert (question.standalone, question.rewrite, chat.asked) == ("Is RRF better?", "edited", [])
