"""Answers and their grading, before an evaluation starts: two switches, and what each of them takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from app.counting import counted
from app.domain import LibraryInfo
from app.evaluation.grader import REPLY_TOKENS, most_calls
from app.evaluation.grader_votes import voted_pairs
from app.evaluation.questions.model import QuestionSet
from app.ui import safe
from app.ui.parts import verdict
from app.ui.words import help_of

if TYPE_CHECKING:
    from app.settings import Settings
    from app.wiring import Sluice

NO_GRADER = (
    "Grading needs a chat model, and none is set: set OPENAI_API_KEY or OPENAI_BASE_URL in .env, and start the app "
    "again."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is measured beside the passages."""

    answers: bool
    grade: bool


def show(sluice: Sluice, info: LibraryInfo, questions: QuestionSet | None, most_answers: int) -> Wanted:
    """Draw the switches. `most_answers` is one for each question that is asked under each configuration."""
    settings = sluice.settings
    answers: bool = st.checkbox(
        "Write and measure answers too",
        key="evaluate.answers",
        help=help_of("answer measures"),
        persist_state="session",
    )
    if answers:
        st.html(f'<p class="muted small">{safe.text(writing(settings, questions, most_answers))}</p>')
    ticked: bool = st.checkbox(
        "Have a chat model grade them",
        key="evaluate.grade",
        help=help_of("grader"),
        disabled=not answers or not settings.chat_configured,
        persist_state="session",
    )
    wanted = Wanted(answers, answers and ticked and settings.chat_configured)
    if not settings.chat_configured:
        st.caption(NO_GRADER)
    elif not answers:
        st.caption("Grading needs answers.")
    if wanted.grade:
        pairs = len(voted_pairs(sluice.votes.read(info.name)))
        st.html(verdict.note("rescued", cost(settings, most_answers, pairs)))
    return wanted


def writing(settings: Settings, questions: QuestionSet | None, most_answers: int) -> str:
    """Who writes the answers, what that takes, and what cannot be measured of them."""
    if settings.chat_configured:
        said = (
            f"{settings.chat_model} writes at most {counted(most_answers, 'answer')}, for what your provider charges."
        )
    else:
        said = "Without a chat model answers are quoted from the passages: nothing is paid for, it only takes longer."
    if questions is not None and not any(q.answers for q in questions.questions):
        said += " No question of this set has a known answer, so whether they are right cannot be measured."
    return said


def cost(settings: Settings, most_answers: int, pairs: int) -> str:
    """How often the grader is called, in words."""
    name = settings.chat_model if settings.grader_model is None else settings.grader_model
    most = most_calls(most_answers, pairs)
    voted = (
        f"Among them are {counted(pairs, 'pair')} of answers that you voted on, to see how far it agrees with you."
        if pairs
        else "There are no votes yet to hold it against, so how far it agrees with you will not be known."
    )
    return (
        f"Grading makes at most {counted(most, 'call')} to {name}, for what your provider charges: each writes at most "
        f"{REPLY_TOKENS:,} tokens. This is not in the cost of a question. {voted}"
    )
