"""Question variants, passage cuts and near-misses."""

import random

import pytest

from app.tuning.variants import cut, holds, hurried, stands_alone, swapped, target_tokens, without_answer

PASSAGE = (
    "The bridge was opened in 1932 by Premier Jack Lang. It carries eight lanes of road traffic across the harbour. "
    "Painting the steel arch takes a crew of thirty about ten years. The engineer John Bradfield drew the first plans "
    "in 1912. Tolls are collected southbound only, and pedestrians walk along the eastern side for free."
)


@pytest.mark.parametrize(
    ("question", "alone"),
    [
        ("What color is it?", False),
        ("What did he do next?", False),
        ("How does the author describe the battery life?", False),
        ("Who opened the harbour bridge in 1932?", True),
        ("Where did Darwin publish his theory?", True),
        ("how long does it take to get a passport", False),
    ],
)
def test_questions_that_point_at_their_page_are_told_from_those_that_stand_alone(question: str, alone: bool) -> None:
    assert stands_alone(question) is alone


def test_answers_are_found_as_whole_words_whatever_the_case() -> None:
    assert holds(PASSAGE, ["premier jack lang"])
    assert not holds(PASSAGE, ["arc"])
    assert not holds(PASSAGE, [""])


def test_taking_the_answer_out_leaves_the_rest_of_the_paragraph() -> None:
    gap = without_answer(PASSAGE, ["Premier Jack Lang", "Lang"])
    assert gap is not None
    assert gap.startswith("It carries eight lanes")
    assert "John Bradfield" in gap
    assert not holds(gap, ["Lang"])


def test_nothing_is_taken_out_where_the_answer_cannot_be_told_or_too_little_would_remain() -> None:
    assert without_answer(PASSAGE, ["a drawbridge"]) is None
    assert without_answer("The bridge opened in 1932. It is grey.", ["1932"]) is None


def test_a_cut_keeps_whole_sentences_around_the_answer() -> None:
    for seed in range(20):
        short = cut(PASSAGE, ["John Bradfield"], 40, random.Random(seed))
        assert "The engineer John Bradfield drew the first plans in 1912." in short
        assert len(short.split()) <= 40
        assert short in PASSAGE


def test_lengths_span_60_to_350_tokens() -> None:
    rng = random.Random(3)
    drawn = [target_tokens(rng) for _ in range(2000)]
    assert min(drawn) >= 60
    assert max(drawn) <= 350
    assert max(drawn) > 300


def test_swaps_change_a_number_a_name_or_a_direction_and_nothing_else() -> None:
    numbers = {swapped("How many lanes opened in 1932?", PASSAGE, random.Random(s)) for s in range(30)}
    assert "How many lanes opened in 1912?" in numbers
    names = {swapped("When did Jack Lang open the bridge?", PASSAGE, random.Random(s)) for s in range(30)}
    assert "When did John Bradfield open the bridge?" in names
    directions = {swapped("who drew the first plans", PASSAGE, random.Random(s)) for s in range(30)}
    assert directions == {"who drew the last plans"}
    assert swapped("why paint steel", PASSAGE, random.Random(0)) is None


def test_hurried_questions_are_seeded_and_of_several_kinds() -> None:
    question = "Where did Jack Lang open the harbour bridge?"
    drawn = [hurried(question, random.Random(seed)) for seed in range(200)]
    assert drawn == [hurried(question, random.Random(seed)) for seed in range(200)]
    assert 70 < drawn.count(question) < 130
    assert "where did jack lang open the harbour bridge" in drawn
    assert "jack lang open harbour bridge" in drawn
    typos = [d for d in drawn if d[0] == "W" and d != question]
    assert typos
    assert all(abs(len(t) - len(question)) <= 1 for t in typos)
