"""The level of off-topic questions, and what it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.calibration.floor import USUAL_LEVEL, floor_level, lift, measure_floor, off_topic_questions
from tests.fakes import LetterEmbedder, MemoryReader, chunk


def test_about_thirty_different_questions_are_shipped() -> None:
    questions = off_topic_questions()
    assert 25 <= len(questions) == len(set(questions)) <= 35
    assert all(question.endswith("?") for question in questions)


def test_the_floor_is_the_best_cosine_of_each_question() -> None:
    embedder = LetterEmbedder()
    reader = MemoryReader([chunk("1", "abc"), chunk("2", "a")])
    floor = measure_floor(reader, embedder)

    vectors = embedder.embed_questions(off_topic_questions())
    library = embedder.embed_passages(["abc", "a"])
    assert floor == pytest.approx(tuple((vectors @ library.T).max(axis=1)), abs=1e-6)


def test_an_empty_library_has_no_floor() -> None:
    reader = MemoryReader([chunk("1", "a")])
    reader.info = replace(reader.info, chunks=0)
    assert measure_floor(reader, LetterEmbedder()) == ()
    assert floor_level(()) == USUAL_LEVEL


def test_a_few_answered_questions_do_not_move_the_level() -> None:
    asked = [0.20 + 0.002 * i for i in range(30)]
    with_answers = [*asked[:25], 0.9, 0.9, 0.9, 0.9, 0.9]
    assert floor_level(with_answers) == pytest.approx(floor_level(asked), abs=0.01)


def test_lift_reads_two_embedding_models_alike() -> None:
    # one whose senseless matches reach .2, one whose reach .75
    assert lift(np.array([0.2, 0.6, 1.0]), 0.2) == pytest.approx([0.0, 0.5, 1.0])
    assert lift(np.array([0.75, 0.875, 1.0]), 0.75) == pytest.approx([0.0, 0.5, 1.0])
    assert np.isfinite(lift(np.array([0.5]), 1.0)).all()
