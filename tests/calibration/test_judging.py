"""What a calibration makes of one question."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
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


def test_with_a_level_a_passage_is_measured_from_the_last() -> None:
    features = {"a": np.array([3.0, 1.0, np.nan, 2.0]), "b": np.array([0.0, 0.5, 1.0, 1.0])}
    plain = LogisticMap(("a", "b"), (0.0, 0.0), (1.0, 2.0), (1.0, 4.0), 0.25)  # log-odds .25 + a + 2 b
    level = replace(plain, level=0.5)

    assert plain.log_odds(features) == pytest.approx([3.25, 2.25, np.nan, 4.25], nan_ok=True)
    # the last is the second: a gives it 1 and b another 1, and half of either is taken from all
    assert level.contributions(features)[0] == pytest.approx([2.5, -0.5])
    assert level.log_odds(features) == pytest.approx([2.25, 1.25, np.nan, 3.25], nan_ok=True)


def test_asking_for_a_hundred_candidates_does_not_move_the_level() -> None:
    level = LogisticMap(("a",), (0.0,), (1.0,), (1.0,), 0.0, level=0.5)
    twenty = np.arange(40.0, 20.0, -1.0)
    hundred = np.concatenate([twenty, np.arange(20.0, -60.0, -1.0)])
    assert level.log_odds({"a": hundred})[:20] == pytest.approx(level.log_odds({"a": twenty}))
    assert np.isnan(level.log_odds({"a": np.full(3, np.nan)})).all()


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
