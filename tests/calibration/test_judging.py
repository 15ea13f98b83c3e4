"""What a calibration makes of one question."""

from __future__ import annotations

import math

import pytest

from app.calibration.features import PASSAGE_FEATURES, QUESTION_FEATURES, View
from app.calibration.fitted import FittedCalibration, FittedOn
from app.calibration.maps import LogisticMap
from app.calibration.uncalibrated import NoCalibration
from app.domain import GatePolicy, Score, ScorerId
from app.errors import ProviderNonsense
from tests.calibration.questions import retrieved

ON = FittedOn(("set",), None, "chunks", "fake/letters", 10, 200, "2026-01-01")


def linear(names: tuple[str, ...], weight: float = 1.0, intercept: float = 0.0) -> LogisticMap:
    count = len(names)
    return LogisticMap(names, (0.0,) * count, (1.0,) * count, (weight,) * count, intercept)


def calibration(scorer: ScorerId | None = None) -> FittedCalibration:
    views: tuple[View, ...] = ("full", "dense", "score", "evidence", "evidence_dense")
    return FittedCalibration(
        scorer=scorer,
        fitted_on=ON,
        passage={view: linear(PASSAGE_FEATURES[view]) for view in views},
        question={view: linear(QUESTION_FEATURES[view]) for view in views},
        policy=GatePolicy(answer_above=0.4, keep_above=0.1, answer_note="both errors"),
    )


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def scores(*raw: float | None) -> list[Score]:
    return [Score(r) for r in raw]


def test_p_is_the_logistic_of_the_weighted_features() -> None:
    judgement = calibration().judge(retrieved([None, None]), scores(1.0, 5.0))

    assert judgement.p == pytest.approx(
        (sigmoid(1.0 - 2.0 + 0.0), sigmoid(5.0 + 2.0 + 2.0))
    )  # itself, margin, over the last
    assert judgement.order == (1, 0)
    assert judgement.p_answerable == pytest.approx(sigmoid(5.0 + 2.0 + 4.0))


def test_shares_add_up_to_the_log_odds() -> None:
    judgement = calibration().judge(retrieved([0.6, 0.4], [0.5, 0.2]), scores(1.0, 2.0))

    for p, shares in zip(judgement.p, judgement.shares, strict=True):
        assert p is not None
        assert shares is not None
        assert sigmoid(shares.score + shares.cosine + shares.bm25) == pytest.approx(p)


def test_evidence_leaves_the_scorer_out() -> None:
    found = retrieved([0.4, 0.6], [0.2, 0.5])
    judgement = calibration().evidence(found)

    assert judgement.order == (1, 0)
    assert judgement.shares[0] is not None
    assert judgement.shares[0].score == 0.0
    assert judgement == calibration().judge(found, scores(None, None))


def test_ties_keep_the_retrieval_order_and_missing_scores_come_last() -> None:
    judgement = calibration().judge(retrieved([None] * 4), scores(1.0, None, 3.0, 1.0))

    assert judgement.order == (2, 0, 3, 1)
    assert judgement.p[1] is None
    assert judgement.shares[1] is None


def test_scores_too_large_for_a_probability_still_have_an_order() -> None:
    judgement = calibration().judge(retrieved([None] * 3), scores(800.0, 900.0, 1000.0))

    assert judgement.order == (2, 1, 0)
    assert all(p is not None and 0.0 <= p <= 1.0 for p in judgement.p)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("judge", [calibration().judge, NoCalibration().judge])
def test_scores_that_are_no_numbers_are_refused(bad: float, judge: object) -> None:
    with pytest.raises(ProviderNonsense, match="not a number"):
        judge(retrieved([0.5, 0.4]), scores(1.0, bad))  # type: ignore[operator]


def test_a_wrong_count_of_scores_is_refused() -> None:
    with pytest.raises(ProviderNonsense, match="1 scores for 2 passages"):
        calibration().judge(retrieved([0.5, 0.4]), scores(1.0))


def test_no_candidates_is_no_judgement() -> None:
    for each in (calibration().judge(retrieved([]), []), NoCalibration(calibration()).judge(retrieved([]), [])):
        assert (each.p, each.order, each.p_answerable) == ((), (), None)


def test_without_scores_or_evidence_the_retrieval_order_stays() -> None:
    judgement = calibration().evidence(retrieved([None, None]))

    assert judgement.order == (0, 1)
    assert judgement.p == (None, None)
    assert judgement.p_answerable is None


def test_uncalibrated_scores_give_an_order_and_the_evidence_says_whether_to_answer() -> None:
    found = retrieved([0.6, 0.4], [0.5, 0.2])
    from_evidence = calibration()
    judgement = NoCalibration(from_evidence).judge(found, scores(-3.0, 7.0))

    assert judgement.order == (1, 0)
    assert judgement.p == (None, None)
    assert judgement.p_answerable == from_evidence.evidence(found).p_answerable
    policy = NoCalibration(from_evidence).policy
    assert (policy.answer_above, policy.keep_above, policy.answer_note) == (0.4, None, "both errors")
