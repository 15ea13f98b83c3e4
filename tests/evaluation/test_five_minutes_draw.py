"""Thirty answers: which passages and which questions they are asked about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.evaluation.five_minutes.borderline import chances, choose, log_odds
from app.evaluation.five_minutes.own_questions import own_questions
from app.evaluation.questions.kept import set_path
from app.evaluation.questions.model import LabelledQuestion, QuestionSet
from app.evaluation.questions.write import write_questions
from tests.evaluation.libraries import contents
from tests.evaluation.thirty import KEEP, log_odds_of, pairs_of


def test_chances_add_up_and_leave_nothing_out() -> None:
    pairs = pairs_of(np.random.default_rng(1))
    each = chances(pairs, KEEP)
    assert each.sum() == pytest.approx(30)
    assert each.min() > 0.0 and each.max() <= 1.0
    assert np.bincount([pair.question for pair in pairs], each).max() <= 3.0 + 1e-6
    x = log_odds_of(pairs)
    border = np.abs(x - log_odds(KEEP)) < 0.5
    unsure = np.abs(x) < 0.5
    far = x < -7.0
    assert each[far].mean() < 0.3 * each[border].mean() < 0.3 * each[unsure].mean()


def test_few_passages_are_all_asked_about() -> None:
    pairs = pairs_of(np.random.default_rng(1), questions=2, candidates=5)
    asked = choose(pairs, KEEP)
    assert sorted(one.pair for one in asked) == list(range(10))
    assert {one.chance for one in asked} == {1.0}
    assert choose([], KEEP) == ()


def test_each_passage_is_drawn_as_often_as_its_chance_says() -> None:
    pairs = pairs_of(np.random.default_rng(2), questions=6, candidates=6)
    each = chances(pairs, KEEP, 8)
    drawn = np.zeros(len(pairs))
    for seed in range(600):
        asked = choose(pairs, KEEP, count=8, seed=seed)
        assert len(asked) == 8
        drawn[[one.pair for one in asked]] += 1
    off = (drawn / 600 - each) / np.sqrt(np.maximum(each * (1 - each), 1e-3) / 600)
    assert np.abs(off).max() < 4.5
    assert np.sqrt((off**2).mean()) < 1.5


def test_the_draw_is_spread_over_questions_and_documents() -> None:
    pairs = pairs_of(np.random.default_rng(3))
    asked = [pairs[one.pair] for one in choose(pairs, KEEP)]
    assert len({pair.question for pair in asked}) >= 18
    assert len({pair.document_id for pair in asked}) == 7
    assert len({pair.rank for pair in asked}) >= 6


def test_own_questions_come_before_drafted_ones(tmp_path: Path) -> None:
    text = "Green tea is a drink that is steeped at 80 degrees for two minutes before it is poured."
    library = contents({"tea.md": [text], "coffee.md": [text.replace("Green tea", "Black coffee")]})
    drafted = own_questions(tmp_path, "made", library)
    assert drafted.counts == {"drafted from headings and sentences": 2}
    own = tuple(LabelledQuestion(f"q{n}", f"Question {n}?", answers=("x",)) for n in range(10))
    write_questions(QuestionSet("own", own), set_path(tmp_path, "made", "own"))
    found = own_questions(tmp_path, "made", library, [LabelledQuestion("t", "question 3?", answerable=None)])
    assert found.counts == {"typed": 1, "from question sets": 9}
    assert found.questions[0].text == "question 3?"
    more = tuple(LabelledQuestion(f"m{n}", f"More {n}?", answers=("x",)) for n in range(40))
    write_questions(QuestionSet("more", more), set_path(tmp_path, "made", "more"))
    assert len(own_questions(tmp_path, "made", library).questions) == 24
