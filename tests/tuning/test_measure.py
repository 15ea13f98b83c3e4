"""Metrics and candidates against numbers worked out by hand."""

import math

import numpy as np
import pytest

from app.tuning.candidates import Task, build
from app.tuning.measure import auroc, interval, ndcg, overlap
from app.tuning.mining import Bm25, hybrid
from app.tuning.sources import Asked, Passage, QuestionSet


def _task(relevant: list[bool], missed: int = 0) -> Task:
    n = len(relevant)
    return Task(
        "q", "1", True, tuple(range(n)), np.array(relevant), missed, np.zeros(n, np.float32), np.zeros(n, np.float32)
    )


def test_ndcg_counts_what_retrieval_missed() -> None:
    task = _task([False, True, False], missed=1)
    assert ndcg(task, None) == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    assert ndcg(task, np.array([0.0, 5.0, 1.0])) == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_ties_keep_the_retrieval_order() -> None:
    task = _task([False, True])
    assert ndcg(task, np.zeros(2)) == ndcg(task, None) == pytest.approx(1 / math.log2(3))


def test_auroc_counts_pairs_and_halves_ties() -> None:
    assert auroc(np.array([3.0, 2.0]), np.array([1.0, 2.0])) == pytest.approx(3.5 / 4)
    assert math.isnan(auroc(np.array([]), np.array([1.0])))


def test_overlap_is_the_share_of_common_top_passages() -> None:
    assert overlap(np.array([9, 8, 7, 6, 5, 0.0]), np.array([9, 8, 7, 6, 0, 5.0])) == pytest.approx(0.8)


def test_the_interval_holds_the_mean_and_narrows_with_more_questions() -> None:
    mean, low, high = interval([0.0, 1.0] * 20)
    assert low < mean == 0.5 < high
    _, low4, high4 = interval([0.0, 1.0] * 80)
    assert high4 - low4 < high - low


def test_bm25_follows_the_formula() -> None:
    index = Bm25(["red apple pie", "green apple", "blue sky tonight"])
    scores, ceiling = index.scores("red apple")
    idf_red, idf_apple = math.log(1 + 2.5 / 1.5), math.log(1 + 1.5 / 2.5)
    length = 0.9 * (1 - 0.4 + 0.4 * 3 / (8 / 3))
    assert scores[0] == pytest.approx((idf_red + idf_apple) * 1.9 / (1 + length), rel=1e-5)
    assert scores[2] == 0.0
    assert ceiling == pytest.approx((idf_red + idf_apple) * 1.9, rel=1e-5)


def test_hybrid_merges_both_legs_by_reciprocal_rank() -> None:
    cosine = np.array([0.9, 0.1, 0.5, 0.0], np.float32)
    bm25 = np.array([0.0, 4.0, 2.0, 0.0], np.float32)
    found = hybrid(cosine, bm25, 8.0, 3)
    # passage 2 is second in both legs (2/62), 1 first and third (1/61 + 1/63), 0 first in one only
    assert found.passages.tolist() == [1, 2, 0]
    assert found.bm25_share.tolist() == [0.5, 0.25, 0.0]


def test_scoped_sets_rank_within_their_group_only() -> None:
    passages = {f"p{i}": Passage(f"p{i}", "", f"text number {i}", group="a" if i < 2 else "b") for i in range(4)}
    asked = Asked("q", "text number", True, (), ("p3",), group="b")
    vectors = np.eye(4, dtype=np.float32)
    tasks = build(QuestionSet("x", passages, (asked,), True), vectors, [asked], vectors[:1])
    assert set(tasks.tasks[0].passages) == {2, 3}
    assert tasks.tasks[0].relevant.sum() == 1
    assert tasks.tasks[0].missed == 0
