"""The numbers of the fusion benchmark, by hand."""

from __future__ import annotations

import pytest

from tests.benchmarks.fusion import as_text, measure, reciprocal_ranks, report, stratified


def test_reciprocal_ranks_prefer_agreement_to_a_single_first_place() -> None:
    # the worked example of docs/hybrid-search-and-fusion.md: A 1 and 12, B 3 and 4, C only first by words
    dense = ["A", "x", "B"]
    lexical = ["C", "y", "z", "B", *"defghij", "A"]
    assert [i for i in reciprocal_ranks([dense, lexical]) if i in "ABC"] == ["B", "A", "C"]


def test_a_tie_goes_to_the_better_single_rank_then_to_the_id() -> None:
    assert reciprocal_ranks([["b", "a"], ["a", "b"]]) == ["a", "b"]
    assert reciprocal_ranks([["z"], ["y"]]) == ["y", "z"]


def test_measures_count_passages_and_give_zero_where_nothing_was_found() -> None:
    values = measure({"q": {"p"}, "r": {"p", "q"}, "none": {"p"}}, {"q": ["x", "p"], "r": ["p"], "none": []})
    assert values["nDCG@10"]["q"] == pytest.approx(0.6309, abs=1e-4)  # 1 / log2(3)
    assert values["recall@20"] == {"q": 1.0, "r": 0.5, "none": 0.0}


def test_sets_weigh_alike_however_many_questions_they_have() -> None:
    mean, low, high = stratified([[1.0], [0.0] * 99]) or (0.0, 0.0, 0.0)
    assert (mean, low, high) == (0.5, 0.5, 0.5)


def test_the_report_subtracts_rank_fusion_question_by_question() -> None:
    def values(first: float, second: float) -> dict[str, dict[str, float]]:
        return {"nDCG@10": {"a": first, "b": second}, "recall@20": {"a": 1.0, "b": 1.0}}

    low = values(0.0, 0.5)
    result = report({"one": {"dense": low, "lexical": low, "rrf": low, "weighted": values(1.0, 0.5)}})
    assert result["sets"]["one"]["weighted - rrf"]["nDCG@10"][0] == 0.5
    assert result["mean"]["weighted - rrf"]["recall@20"] == (0.0, 0.0, 0.0)
    assert "+0.500" in as_text(result)
