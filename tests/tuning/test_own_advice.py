"""What is said before anything is trained: retrieval, ranking, or labels."""

from __future__ import annotations

import pytest

from app.tuning.own.advice import Advice, advise
from tests.tuning.searched import fillers, searched

WRONG = 120


def _advice(
    place: int, *, questions: int = 250, reranker: str | None = "late interaction", best: bool = False
) -> Advice:
    """Every question's relevant passage stands at this place (1-based) of the search; `best`: the order is perfect."""
    names = [*fillers(WRONG)[: place - 1], "yes", *fillers(WRONG)[place - 1 :]][:100]
    made = [searched(f"q{i}", {"yes": 1}, names) for i in range(questions)]
    orders = {s.question.id: ("yes", *fillers(9)) if best else s.order() for s in made}
    return advise(made, orders, reranker=reranker)


def test_what_is_not_found_is_no_rerankers_work() -> None:
    advice = _advice(101)
    assert advice.kinds[0] == "retrieval"
    assert advice.recall[100].value == 0.0
    assert "100 of 100 relevant passages are out of any reranker's reach" in advice.words[0]


def test_what_is_found_and_stands_low_is() -> None:
    advice = _advice(12)
    assert advice.kinds == ("tune",)
    assert (advice.recall[10].value, advice.recall[20].value) == (0.0, 1.0)
    assert advice.words[0].startswith("Tuning may help: recall@100 is 1.00")


def test_without_a_reranker_one_is_tried_first() -> None:
    assert _advice(12, reranker=None).kinds == ("rerank",)


def test_passages_between_the_candidates_and_a_hundred_ask_for_more_candidates() -> None:
    advice = _advice(40)
    assert advice.kinds[0] == "candidates"
    assert "100 of 100 relevant passages stand between 20 and 100" in advice.words[0]


def test_a_perfect_order_leaves_nothing_to_win() -> None:
    advice = _advice(3, best=True)
    assert advice.kinds == ("nothing",)
    assert "nDCG@10 1.00 of 1.00" in advice.words[0]


@pytest.mark.parametrize(("questions", "words"), [(30, "40 are needed"), (60, "with about 200")])
def test_few_labels_are_said_with_about_how_many_would_do(questions: int, words: str) -> None:
    advice = _advice(12, questions=questions)
    assert advice.kinds == ("tune", "label")
    assert words in advice.words[1]


def test_nothing_labelled_is_nothing_to_measure() -> None:
    advice = advise([searched("q", {}, fillers(5))], {"q": ()}, reranker=None)
    assert advice.kinds == ("label",) and advice.order is None


def test_a_passage_the_search_missed_counts_against_recall_and_the_best_order() -> None:
    made = searched("q", {"yes": 1, "gone": 1}, ["yes", *fillers(30)])
    advice = advise([made], {"q": made.order()}, reranker="x")
    assert advice.recall[100].value == 0.5
    assert advice.best is not None and advice.best.value < 1.0
