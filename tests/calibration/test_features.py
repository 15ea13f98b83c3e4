"""The numbers the maps look at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.calibration.copies import copies
from app.calibration.features import (
    PASSAGE_FEATURES,
    QUESTION_FEATURES,
    ahead,
    evidence_of,
    over_field,
    passage_features,
    question_features,
)
from app.calibration.neighbours import neighbours
from app.domain import Chunk
from tests.calibration.questions import retrieved

TWO = retrieved([0.6, 0.36], [0.5, 0.14], matched=[frozenset({0}), frozenset({0, 1})])


def test_passage_features_by_hand() -> None:
    features = passage_features(evidence_of(TWO, [2.0, -2.0]))

    assert features["score"].tolist() == [2.0, -2.0]
    assert features["score_ahead"].tolist() == [2.0, -2.0]  # root of 4, behind it negative
    assert features["cosine"] == pytest.approx([0.5, 0.2])  # (.6 - .2) / (1 - .2)
    assert features["bm25_idf_ahead"] == pytest.approx([1.2, -1.2])  # root of 4 x .36: the question's IDF weight is 4
    assert features["cover_idf_ahead"] == pytest.approx([-1.0, 1.0])  # one word of weight 1
    assert features["cover"] == pytest.approx([0.75, 1.0])  # weights 3 and 1


def test_question_features_by_hand() -> None:
    features = question_features(evidence_of(TWO, [2.0, -2.0]))

    assert features["score_best"] == 2.0
    assert features["score_lead"] == 2.0
    assert features["score_over_rest"] == 4.0
    assert features["cosine_best"] == pytest.approx(0.5)
    assert features["cover_best"] == 1.0
    assert features["cover_three"] == 1.0
    assert features["cover_scored"] == 0.75  # of the passage the scorer puts first


@pytest.mark.parametrize(
    ("cosines", "shares", "raw", "view"),
    [
        ([0.6], [0.5], [1.0], "full"),
        ([0.6], None, [1.0], "dense"),
        ([None], None, [1.0], "score"),
        ([0.6], [0.5], None, "evidence"),
        ([0.6], None, None, "evidence_dense"),
        ([0.6, None], [0.5, 0.4], [1.0, 2.0], "score"),
        ([0.6], [0.5], [None], "evidence"),
        ([None], None, None, None),
        ([None], None, [None], None),
    ],
)
def test_the_view_follows_what_is_at_hand(
    cosines: list[float | None], shares: list[float] | None, raw: list[float | None] | None, view: str | None
) -> None:
    evidence = evidence_of(retrieved(cosines, shares), raw)

    assert evidence.view() == view
    if view is not None:
        assert set(PASSAGE_FEATURES[view]) <= set(passage_features(evidence))  # type: ignore[index]
        assert set(QUESTION_FEATURES[view]) <= set(question_features(evidence))  # type: ignore[index]


def test_a_question_of_stop_words_has_no_lexical_evidence() -> None:
    assert evidence_of(replace(TWO, term_weights=())).view() == "evidence_dense"


def test_how_far_ahead_with_ties_alone_and_with_missing_values() -> None:
    none = np.zeros((3, 3), dtype=bool)
    assert ahead(np.array([1.0, 1.0, 0.0]), none).tolist() == [0.0, 0.0, -1.0]
    assert ahead(np.array([5.0]), none[:1, :1]).tolist() == [0.0]
    unknown = ahead(np.array([np.nan, 4.0, 0.0]), none)
    assert np.isnan(unknown[0])
    assert unknown[1:].tolist() == [2.0, -2.0]


def test_a_near_copy_is_no_rival() -> None:
    twins = np.zeros((3, 3), dtype=bool)
    twins[0, 1] = twins[1, 0] = True
    assert ahead(np.array([5.0, 4.0, 1.0]), twins).tolist() == pytest.approx([2.0, 3**0.5, -2.0])
    assert ahead(np.array([5.0, 4.0]), twins[:2, :2]).tolist() == [1.0, 0.0]  # nothing else: against the lowest


def test_what_is_a_copy() -> None:
    rain = "Rain fell on the hills of Wales for 9 days in March."
    cut = "Rain fell on the hills of Wales for 9 days."
    texts = [rain, cut, rain.replace("9", "10"), rain.replace("March", "May"), "Something else entirely."]
    assert copies(texts)[1].tolist() == [True, False, False, True, False]
    assert not copies(texts)[0, 3]  # another month
    assert (copies(texts) == copies(texts).T).all()


def piece(ordinal: int, **place: object) -> Chunk:
    made = Chunk(f"c{ordinal}", "d", f"text {ordinal}", "Manual", ordinal, 3, section=("Care",))
    return replace(made, **place)  # type: ignore[arg-type]


def test_who_stands_beside_whom() -> None:
    chunks = [piece(4), piece(9), piece(5), piece(3, section=("Safety",)), piece(5, document_id="e")]
    assert neighbours(chunks)[0].tolist() == [False, False, True, False, False]
    assert (neighbours(chunks) == neighbours(chunks).T).all()
    rows = [piece(n, section=(), metadata={"row": n // 2}) for n in range(4)]
    assert neighbours(rows).tolist() == [
        [False, True, False, False], [True, False, False, False],
        [False, False, False, True], [False, False, True, False],
    ]  # fmt: skip
    pasted = [piece(n, document_id="", section=()) for n in range(2)]
    assert not neighbours(pasted).any()


def test_passages_that_came_cut_with_an_overlap_follow_each_other() -> None:
    told = [f"Sentence {n} tells of the harvest in the year {1900 + n}." for n in range(6)]
    rows = [piece(n * 5, text=" ".join(told[n : n + 3]), metadata={"row": n}) for n in (0, 1, 3)]
    assert neighbours(rows).tolist() == [[False, True, False], [True, False, False], [False, False, False]]
    elsewhere = [rows[0], replace(rows[1], title="Another manual")]
    assert not neighbours(elsewhere).any()
    by_a_word = [piece(0, text="They reap in May"), piece(5, text="May is a month")]
    assert not neighbours(by_a_word).any()


def test_pieces_of_one_answer_lead_together() -> None:
    """Two pieces of one section against a third passage: apart they are each other's rivals, together they lead."""
    found = retrieved([0.9, 0.9, 0.2], [0.5, 0.5, 0.1])

    def lead(*places: int) -> float:
        chunks = [piece(place) for place in places]
        laid = tuple(replace(c, chunk=chunk) for c, chunk in zip(found.candidates, chunks, strict=True))
        return question_features(evidence_of(replace(found, candidates=laid), [3.0, 3.0, -1.0]))["score_lead"]

    assert lead(0, 1, 7) == 2.0
    assert lead(0, 2, 7) == 0.0


def test_a_question_answered_twice_leads_over_the_rest() -> None:
    twice = retrieved([0.9, 0.9, 0.2], [0.5, 0.5, 0.1])
    said = tuple(
        replace(c, chunk=replace(c.chunk, text=text))
        for c, text in zip(twice.candidates, ["a b", "a b", "c"], strict=True)
    )
    features = question_features(evidence_of(replace(twice, candidates=said), [3.0, 3.0, -1.0]))
    assert features["score_lead"] == 2.0


def test_the_field_is_the_sixth_best_or_the_last_of_fewer() -> None:
    assert over_field(np.array([9.0, 0.0, 5.0, 4.0, 3.0, 2.0, 1.0])).tolist() == pytest.approx(
        [8.0**0.5, -1.0, 2.0, 3.0**0.5, 2.0**0.5, 1.0, 0.0]
    )
    assert over_field(np.array([4.0, 0.0])).tolist() == [2.0, 0.0]
    assert over_field(np.array([3.0])).tolist() == [0.0]


def test_asking_for_more_candidates_changes_no_question_feature() -> None:
    falling = [0.9 - 0.01 * i for i in range(40)]
    twenty, forty = (question_features(evidence_of(retrieved(falling[:n], falling[:n]), falling[:n])) for n in (20, 40))
    assert twenty == pytest.approx(forty)
