"""The errors in a calibration file, against questions one can count by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.calibration.observed import Kind, Unseen
from app.domain import GatePolicy, Judgement
from app.tuning.calibration_errors import errors_of, measured_errors
from tests.calibration.questions import observation

POLICY = GatePolicy(answer_above=0.5, keep_above=0.2, min_chunks=2, rescue_ratio=0.1)


def judged(
    group: str, p: tuple[float, ...], relevant: tuple[bool, ...], p_answerable: float, kind: Kind = "answerable"
) -> Unseen:
    """Candidates whose p falls in the order given."""
    seen = observation(group, [0.0] * len(p), relevant, kind)
    return Unseen(seen, Judgement(p, (None,) * len(p), tuple(range(len(p))), p_answerable))


FOUR = [
    judged("a", (0.9, 0.15), (True, False), 0.9),  # admitted: .9, and .15 rescued
    judged("a", (0.6, 0.4), (False, True), 0.8),  # admitted: both
    judged("a", (0.7, 0.1), (True, False), 0.3),  # refused, wrongly
    judged("a", (0.5, 0.3), (False, False), 0.6, "near_miss"),  # answered, wrongly
]


def test_errors_by_hand() -> None:
    errors = errors_of(FOUR, POLICY)

    assert errors["rank_1_precision"] == pytest.approx(2 / 3, abs=1e-4)
    assert errors["rank_1_mean_p"] == pytest.approx((0.9 + 0.6 + 0.7) / 3, abs=1e-4)
    assert errors["admitted_passages"] == 2.0
    assert [errors[f"admitted_{count}"] for count in range(1, 6)] == [0.0, 1.0, 0.0, 0.0, 0.0]
    assert errors["admitted_precision"] == 0.5  # two of four, the rescued one included
    assert errors["admitted_precision_without_rescue"] == pytest.approx(2 / 3, abs=1e-4)
    assert errors["keeps_relevant"] == 1.0
    assert errors["wrong_refusals"] == pytest.approx(1 / 3, abs=1e-4)
    assert errors["wrong_answers_near_miss"] == 1.0
    assert errors["wrong_answers_off_topic"] is None
    assert errors["auroc_near_miss"] == pytest.approx(2 / 3, abs=1e-4)


def test_questions_for_p_answerable_only_say_nothing_about_p() -> None:
    only = [Unseen(replace(u.observation, for_p=False), u.judgement) for u in FOUR]
    errors = errors_of(only, POLICY)
    assert errors["rank_1_precision"] is None
    assert errors["admitted_precision"] is None
    assert errors["wrong_refusals"] == pytest.approx(1 / 3, abs=1e-4)


def test_questions_asked_at_once_are_reported_on_their_own() -> None:
    several = [Unseen(replace(u.observation, at_once=2), u.judgement) for u in FOUR[1:]]
    others = [judged("b", (0.8, 0.1), (True, False), 0.9), judged("b", (0.7, 0.1), (False, True), 0.9)]
    errors, _ = measured_errors([FOUR[0], *several, *others], POLICY)

    by_count = errors["at_once"]
    assert isinstance(by_count, dict)
    assert list(by_count) == ["1", "2"]
    assert [by_count[n]["questions"] for n in ("1", "2")] == [3, 3]
    assert by_count["1"]["rank_1_precision"] == pytest.approx(np.mean([1.0, 0.5]))  # of a and of b
    assert by_count["2"]["rank_1_precision"] == 0.5
    assert "at_once" not in measured_errors([*FOUR, *others], POLICY)[0]


def test_a_group_is_measured_with_thresholds_set_on_the_others() -> None:
    # group b's p's are far lower: thresholds set on b would keep everything of b, those set on a keep nothing
    group_a = [judged("a", (0.9,), (True,), 0.9) for _ in range(40)]
    group_b = [judged("b", (0.1,), (True,), 0.1) for _ in range(40)]
    errors, policy = measured_errors([*group_a, *group_b], POLICY)

    sets = errors["sets"]
    assert isinstance(sets, dict)
    assert (sets["a"]["keeps_relevant"], sets["b"]["keeps_relevant"]) == (1.0, 0.0)
    assert (sets["a"]["wrong_refusals"], sets["b"]["wrong_refusals"]) == (0.0, 1.0)
    assert policy.keeps_relevant == 0.5
    assert policy.answer_note.startswith("refuses 50 of 100 questions the library answers")
    assert policy.keep_above == POLICY.keep_above


def test_what_refusing_more_buys_by_hand() -> None:
    unseen = [
        judged(group, (0.9, 0.1), (True, False), place / 20)
        for group in ("a", "b")
        for place in range(1, 21)  # the second smallest of twenty is .1, the third .15
    ]
    unseen += [judged(group, (0.5, 0.1), (False, False), p, "near_miss") for group in ("a", "b") for p in (0.12, 0.8)]
    trade = measured_errors(unseen, POLICY)[0]["trade"]

    assert isinstance(trade, list)
    rows = {row["aimed_at"]: row for row in trade}
    assert (rows[0.1]["wrong_refusals"], rows[0.1]["through_near_miss"]) == (0.05, 1.0)  # .05 is below .1
    assert (rows[0.15]["wrong_refusals"], rows[0.15]["through_near_miss"]) == (0.1, 0.5)  # .05, .1 and the near miss
    assert rows[0.15]["answer_above"] == 0.15
