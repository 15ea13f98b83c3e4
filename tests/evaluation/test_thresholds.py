"""Thresholds keep their promises: by hand, and over 1,000 simulated sets of labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import GatePolicy
from app.evaluation.conformal import keep_losing_at_most, labels_needed, refuse_all_but
from app.evaluation.records import QuestionRecord
from app.evaluation.separation import Separation, gate_plan, passage_separation, question_separation, separation
from app.evaluation.thresholds import (
    best_f1,
    false_answers_at_most,
    policy_numbers,
    precision_at_least,
    relevant_lost_at_most,
    with_proposal,
)
from tests.evaluation.cases import question

SETS = 1_000
PLAIN = GatePolicy(min_chunks=0)


def test_the_bound_is_split_conformal_with_one_passage_a_question() -> None:
    # 39 values, alpha .05: the floor(.05 * 40) = 2nd smallest
    assert keep_losing_at_most([[v / 100] for v in range(39, 0, -1)], 0.05) == 0.02
    assert keep_losing_at_most([[v / 100] for v in range(1, 20)], 0.05) == 0.01  # 19: none may be lost
    assert keep_losing_at_most([[v / 100] for v in range(1, 19)], 0.05) is None  # 18 promise nothing
    assert labels_needed(0.05) == 19 and labels_needed(0.1) == 9


def test_passages_of_one_question_share_its_weight() -> None:
    # ten questions, one of them with four passages: (11 * .1 - 1) = .1 of a question may be lost, and each of the
    # four is a quarter of one, so not even the lowest
    several = [[0.1, 0.2, 0.3, 0.4], *([[0.5]] * 9)]
    assert keep_losing_at_most(several, 0.1) == 0.1
    assert keep_losing_at_most(several, 0.13) == 0.2  # .43 may be lost: one quarter
    assert keep_losing_at_most([*several, []], 0.13) == 0.2  # a question without relevant candidates says nothing


@given(st.lists(st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.9]), min_size=1, max_size=3), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_the_bound_is_the_highest_threshold_that_keeps_the_promise(questions: list[list[float]]) -> None:
    def allowed(threshold: float) -> bool:
        lost = sum(sum(v < threshold for v in values) / len(values) for values in questions)
        return lost + 1.0 <= 0.2 * (len(questions) + 1) + 1e-9

    found = keep_losing_at_most(questions, 0.2)
    good = [v for v in {v for values in questions for v in values} if allowed(v)]
    assert found == (max(good) if good else None)


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_next_question_loses_no_more_than_promised(alpha: float) -> None:
    """Passages of a question are alike, and questions differ in how many they have."""
    rng = np.random.default_rng(7)
    counts = rng.integers(1, 5, 61)
    lost = []
    for _ in range(SETS):
        ease = rng.normal(0.0, 1.0, 61)
        questions = [ease[n] + rng.normal(0.0, 0.5, counts[n]) for n in rng.permutation(61)]
        threshold = keep_losing_at_most([q.tolist() for q in questions[:60]], alpha)
        assert threshold is not None
        lost.append(float((questions[60] < threshold).mean()))
    noise = 3 * np.std(lost) / SETS**0.5
    assert alpha - 1.5 / 61 - noise <= np.mean(lost) <= alpha + noise  # kept, and not by losing nothing


def test_the_next_unanswerable_question_is_let_through_no_more_than_promised() -> None:
    rng = np.random.default_rng(9)
    passed = []
    for _ in range(SETS):
        values = np.round(rng.random(50), 2)  # ties included
        threshold = refuse_all_but(values[:49].tolist(), 0.1)
        assert threshold is not None
        passed.append(values[49] >= threshold)
    assert 0.05 <= np.mean(passed) <= 0.1 + 3 * (0.09 / SETS) ** 0.5


def test_refusing_by_hand() -> None:
    # 19 values, .1: floor(2) = the 2nd largest must be refused, the largest may pass
    values = [v / 100 for v in range(1, 20)]
    found = refuse_all_but(values, 0.1)
    assert found is not None and 0.18 < found < 0.19
    assert refuse_all_but(values[:8], 0.1) is None
    assert refuse_all_but(values, 1.0) == 0.0


def labelled(count: int = 40) -> list[QuestionRecord]:
    """The relevant passage a has p from .41 to .80, the others .6 and .1; half as many questions are unanswerable."""
    yes = [
        question(f"y{n}", "abc", "a", ps=[0.41 + 0.01 * n, 0.6, 0.1], admitted="ab", p_answerable=0.5 + 0.4 * n / count)
        for n in range(count)
    ]
    no = [
        question(f"n{n}", "abc", "", ps=[0.6, 0.5, 0.1], admitted="a", p_answerable=0.1 + 0.5 * n / count)
        for n in range(count // 2)
    ]
    return yes + no


def test_best_f1_by_hand() -> None:
    # keeping all three: F1 2/4 each. From .41 to .6 on: a and b: 2/3. Above .6: a alone, 1, for those above (20 of 40
    # at .61): F1 falls with every question lost, so .61 gives 20/40 and .41 gives 2/3
    found = best_f1(labelled(), PLAIN)
    assert found.sets == "keep_above" and found.threshold is not None and found.reached is not None
    assert found.threshold.value == pytest.approx(0.41)
    assert found.reached.value == pytest.approx(2 / 3)
    assert found.threshold.low is not None and found.threshold.low >= 0.41 - 1e-9
    assert found.questions == 40
    moved = policy_numbers(labelled(), with_proposal(PLAIN, found))
    assert moved.f1 is not None and moved.f1.value == pytest.approx(2 / 3)


def test_questions_the_gate_refuses_count_as_nothing_found() -> None:
    # p_answerable rises from .5 to .89 with n: from .7 on, the last twenty are let through
    found = best_f1(labelled(), replace(PLAIN, answer_above=0.7))
    # their a's p is .61 or more, above b's .6: sending a alone gives each of them 1
    assert found.threshold is not None and found.threshold.value == pytest.approx(0.61)
    assert found.reached is not None and found.reached.value == pytest.approx(20 / 40)
    precise = precision_at_least(labelled(), replace(PLAIN, answer_above=0.7), 0.5)
    assert precise.threshold is not None and precise.threshold.value == pytest.approx(0.41)
    assert precise.reached is not None and precise.reached.value == pytest.approx(0.5)


def test_precision_by_hand() -> None:
    found = precision_at_least(labelled(), PLAIN, 0.5)
    assert found.threshold is not None and found.threshold.value == pytest.approx(0.41)
    sure = precision_at_least(labelled(), PLAIN, 0.95)
    assert sure.threshold is not None and sure.threshold.value == pytest.approx(0.61)
    assert sure.reached is not None and sure.reached.value == 1.0
    never = precision_at_least([replace(r, relevant={"z": 1}) for r in labelled()], PLAIN, 0.5)
    assert never.threshold is None and "0.50" in never.note
    assert with_proposal(PLAIN, never) == PLAIN


def test_targets_with_a_promise() -> None:
    records = labelled()
    lost = relevant_lost_at_most(records, 0.1)
    # floor(.1 * 41) = the 4th smallest of .41, .42, ...
    assert lost.threshold is not None and lost.threshold.value == pytest.approx(0.44)
    assert lost.reached is not None and lost.reached.value == pytest.approx(3 / 40)
    assert lost.threshold.low is not None and lost.threshold.high is not None
    assert lost.threshold.low <= 0.44 <= lost.threshold.high
    false = false_answers_at_most(records, 0.1)
    # floor(.1 * 21) = the 2nd largest of twenty
    assert false.threshold is not None and false.threshold.value == pytest.approx(0.1 + 0.5 * 18 / 40)
    assert false.reached is not None and false.reached.value == pytest.approx(1 / 20)
    assert with_proposal(PLAIN, false).answer_above == false.threshold.value
    few = relevant_lost_at_most(records[:10], 0.05)
    assert few.threshold is None and "19 labelled" in few.note and "10" in few.note
    assert "9 unanswerable" in false_answers_at_most(records[:40], 0.1).note


def test_keeping_everything_is_a_proposal_too() -> None:
    # everything is relevant: F1 is best with everything kept
    records = [question(str(n), "abc", "abc", admitted="a", ps=[0.5, 0.4, 0.3]) for n in range(5)]
    found = best_f1(records, GatePolicy(keep_above=0.45, min_chunks=0))
    assert found.threshold is not None and found.threshold.value == 0.0
    assert with_proposal(GatePolicy(keep_above=0.45), found).keep_above == 0.0
    raw = [replace(question(str(n), "abc", "abc", ps=[-1.0, -2.0, -3.0]), basis="raw") for n in range(5)]
    lowest = best_f1(raw, GatePolicy(min_chunks=0)).threshold
    assert lowest is not None and lowest.value == -3.0


def test_a_target_that_some_sets_miss_has_an_open_bound() -> None:
    # one question in five can reach it: of five drawn with repeats, none of that kind in 33 of 100 sets
    records = [question(str(n), "ab", "a" if n == 0 else "z", ps=[0.9 if n == 0 else 0.5, 0.1]) for n in range(5)]
    found = precision_at_least(records, PLAIN, 1.0)
    assert found.threshold is not None and found.threshold.value == pytest.approx(0.9)
    assert found.threshold.high is None and found.threshold.low == pytest.approx(0.9)


def test_raw_scores_move_their_own_threshold() -> None:
    records = [replace(r, basis="raw") for r in labelled()]
    found = best_f1(records, PLAIN)
    assert found.sets == "raw_keep_above"
    policy = with_proposal(PLAIN, found)
    assert policy.keep_above is None
    assert policy.raw_keep_above == pytest.approx(0.41)
    moved = policy_numbers(records, policy)
    assert moved.f1 is not None and moved.f1.value == pytest.approx(2 / 3)


def test_clean_separation_by_hand() -> None:
    clean = separation([0.5, 0.7, 0.8, 0.9] * 5, [0.1, 0.2, 0.3, 0.4] * 5)
    assert clean is not None and clean.kind == "clean" and (clean.threshold, clean.worst) == (0.5, 0.0)
    overlap = separation([0.3, 0.6, 0.7, 0.8] * 10, [0.1, 0.2, 0.4, 0.65] * 10)
    # at .6: one of four yes below, one of four no at or above
    assert overlap is not None and overlap.kind == "overlap" and overlap.worst == 0.25
    assert overlap.errors_at(0.6) == (0.25, 0.25)
    assert overlap.errors_at(0.3) == (0.0, 0.5)
    none = separation([0.1, 0.5, 0.9], [0.2, 0.4, 0.8])
    assert none is not None and none.kind == "none"
    assert separation([0.5], [0.1, 0.2]) is None


def test_a_score_that_says_nothing_is_called_so() -> None:
    rng = np.random.default_rng(4)
    kinds = []
    for _ in range(100):
        found = separation(rng.random(40).tolist(), rng.random(40).tolist())
        assert found is not None
        kinds.append(found.kind)
    assert kinds.count("none") >= 93  # 97.5 expected: only the lower end of the interval matters
    assert "clean" not in kinds


def test_what_the_gate_will_do_in_words() -> None:
    policy = GatePolicy(answer_above=0.6, keep_above=0.25)
    overlap = separation([0.3, 0.6, 0.7, 0.8] * 10, [0.1, 0.2, 0.4, 0.65] * 10)
    none = separation([0.1, 0.5, 0.9], [0.2, 0.4, 0.8])
    kept, (questions, passages) = gate_plan(policy, overlap, overlap)
    assert kept == policy
    assert (
        questions.startswith("No clean separation") and "at any threshold one error is at least 25 of 100" in questions
    )
    assert "25 of 100 answerable questions are refused and 25 of 100 unanswerable ones let through" in questions
    assert "0 of 100 relevant ones fall below" in passages
    dropped, (questions, passages) = gate_plan(policy, none, none)
    assert (dropped.answer_above, dropped.keep_above) == (None, None)
    assert "will not refuse" in questions and "first 5 through by rank" in passages
    unknown, words = gate_plan(policy, None, None)
    assert unknown == policy and all(w.startswith("Too few") for w in words)
    unset = gate_plan(GatePolicy(), overlap, overlap)[1]
    assert all("No threshold is set" in w for w in unset)


def test_separation_of_records() -> None:
    records = labelled()
    questions, passages = question_separation(records), passage_separation(records)
    assert questions is not None and passages is not None
    assert (len(questions.yes), len(questions.no)) == (40, 20)
    assert (len(passages.yes), len(passages.no)) == (40, 80)
    # a above b (.6) in 20 of 40, and above c (.1) always
    assert passages.auroc.value == pytest.approx((19 / 40 + 1.0) / 2 + 0.5 / 40 / 2 + 0.5 / 40, abs=0.02)


def test_values_of_one_question_are_drawn_together() -> None:
    # twenty questions with the same ten pairs each: as many values as 200 questions, as much evidence as 20
    rng = np.random.default_rng(1)
    yes, no = rng.normal(0.6, 1.0, 20), rng.normal(0.0, 1.0, 20)
    units = [n for _ in range(2) for n in range(20) for _ in range(10)]
    together = separation(np.repeat(yes, 10).tolist(), np.repeat(no, 10).tolist(), units=units)
    apart = separation(yes.tolist(), no.tolist())
    mistaken = separation(np.repeat(yes, 10).tolist(), np.repeat(no, 10).tolist())
    assert together is not None and apart is not None and mistaken is not None
    assert together.auroc.value == apart.auroc.value

    def width(found: Separation) -> float:
        assert found.auroc.low is not None and found.auroc.high is not None
        return found.auroc.high - found.auroc.low

    assert width(together) == pytest.approx(width(apart), rel=0.3)
    assert width(mistaken) < 0.5 * width(together)


def test_many_values_are_cut_into_steps_without_harm() -> None:
    rng = np.random.default_rng(2)
    yes, no = rng.normal(1.0, 1.0, 600), rng.normal(0.0, 1.0, 600)
    found = separation(yes.tolist(), no.tolist())
    assert found is not None and found.auroc.low is not None and found.auroc.high is not None
    # Hanley and McNeil 1982: the standard error of an AUROC of .76 with 600 of each kind is .0137
    assert (found.auroc.high - found.auroc.low) / 3.92 == pytest.approx(0.0137, rel=0.12)
    assert found.auroc.low < found.auroc.value < found.auroc.high
