"""The benchmark's own numbers, against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from tests.benchmarks.quality_numbers import Judged, bootstrap, difference, distinct, probabilities, ranking, refusals


def judged(
    name: str,
    ranked: list[str],
    *,
    relevant: dict[str, float] | None = None,
    answerable: bool | None = True,
    p: float = 0.5,
    refused: bool = False,
) -> Judged:
    return Judged(name, answerable, {"a": 1.0} if relevant is None else relevant, {"off": ranked}, p, refused)


def test_ranking_measures_by_hand() -> None:
    found = ranking([judged("1", ["b", "a"]), judged("2", ["c"]), judged("3", ["a"])], "off")

    assert found["MRR@10"] == pytest.approx({"1": 0.5, "2": 0.0, "3": 1.0})
    assert found["nDCG@10"] == pytest.approx({"1": 1 / math.log2(3), "2": 0.0, "3": 1.0})
    assert found["P@5"] == pytest.approx({"1": 0.2, "2": 0.0, "3": 0.2})


def test_a_question_that_found_nothing_counts_as_nothing_and_one_without_relevance_not_at_all() -> None:
    found = ranking([judged("1", []), judged("2", ["a"], relevant={})], "off")
    assert found["nDCG@10"] == {"1": 0.0}


def test_a_passage_stands_where_its_best_chunk_does() -> None:
    assert distinct(["b", "a", "b", "c", "a"]) == ["b", "a", "c"]


def test_refusals_tell_the_groups_apart() -> None:
    asked = [
        judged("1", [], p=0.9),
        judged("2", [], p=0.2, refused=True),
        judged("3", [], answerable=False, p=0.1, refused=True),
        judged("4", [], answerable=False, p=0.5),
        judged("5", [], answerable=None, p=0.0, refused=True),
    ]
    numbers = refusals(asked)
    assert (numbers["refused_answerable"], numbers["refused_unanswerable"]) == (0.5, 0.5)
    assert numbers["auroc"] == pytest.approx(0.75)


def test_bootstrap_holds_the_mean_and_repeats() -> None:
    values = [0.0, 1.0] * 50
    mean, low, high = bootstrap(values) or (0.0, 0.0, 0.0)
    assert mean == 0.5
    assert 0.38 < low < 0.45 < 0.55 < high < 0.62
    assert bootstrap(values) == (mean, low, high)
    assert bootstrap([]) is None
    assert difference({"1": 0.75}, {"1": 0.5}) == (0.25, 0.25, 0.25)


def test_probabilities_of_nothing_are_nothing() -> None:
    assert probabilities([])["ece"] is None
    assert probabilities([(1.0, 1.0), (0.0, 0.0)])["brier_skill"] == 1.0
