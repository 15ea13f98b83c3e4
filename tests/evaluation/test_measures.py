"""Risk and coverage, calibration, failures, cost and answers, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.calibration.measure import expected_calibration_error
from app.domain import Answer, DecisionKind
from app.evaluation.cost import cost_of
from app.evaluation.failures import Failure, failure_of, failure_split
from app.evaluation.measures_answers import (
    answer_measures,
    answer_record,
    citation_measures,
    contains_answer,
    exact_match,
    normalised,
    token_f1,
)
from app.evaluation.measures_calibration import calibration_by_scorer, reliability
from app.evaluation.records import AnswerRecord, QuestionRecord
from app.evaluation.risk_coverage import aurc, losses_of_answering, risk_coverage
from tests.evaluation.cases import candidate, question

# -- risk and coverage -----------------------------------------------------------------------------


def test_the_risk_coverage_curve_by_hand() -> None:
    # most confident first: right, wrong, right, wrong
    found = risk_coverage([0.9, 0.7, 0.8, 0.6], [0.0, 0.0, 1.0, 1.0])
    assert found is not None
    assert found.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert found.risk.tolist() == pytest.approx([0.0, 1 / 2, 1 / 3, 2 / 4])
    assert found.area.value == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    # the best order has 0, 0, 1/3, 1/2
    assert found.excess == pytest.approx((1 / 2) / 4)
    assert risk_coverage([], []) is None


def test_equal_confidence_shares_its_losses() -> None:
    assert aurc(np.asarray([0.5, 0.5]), np.asarray([0.0, 1.0])) == pytest.approx(0.5)
    assert aurc(np.asarray([0.9, 0.5, 0.5]), np.asarray([1.0, 0.0, 1.0])) == pytest.approx((1 + 0.75 + 2 / 3) / 3)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([0.0, 1.0])), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_no_order_beats_the_one_that_knows(pairs: list[tuple[float, float]]) -> None:
    confidence, losses = (np.asarray(side) for side in zip(*pairs, strict=True))
    shuffled = np.random.default_rng(0).permutation(len(pairs))
    assert aurc(-losses, losses) <= aurc(confidence, losses) + 1e-12
    assert aurc(confidence, losses) == pytest.approx(aurc(confidence[shuffled], losses[shuffled]))


def test_what_answering_costs() -> None:
    records = [
        question("found", "abcdef", "b"),
        question("too far down", "abcdef", "f"),
        question("unanswerable", relevant=()),
        question("not labelled", relevant=(), answerable=True),
    ]
    assert losses_of_answering(records) == {"found": 0.0, "too far down": 1.0, "unanswerable": 1.0}


# -- calibration -----------------------------------------------------------------------------------


def test_reliability_by_hand() -> None:
    pairs = [(0.1, False)] * 8 + [(0.1, True)] * 2 + [(0.8, True)] * 5 + [(0.8, False)] * 5
    found = reliability(pairs, bins=2)
    assert found is not None
    assert [(round(b.said, 6), b.seen.value, b.seen.n) for b in found.bins] == [(0.1, 0.2, 10), (0.8, 0.5, 10)]
    assert found.ece == pytest.approx((0.1 + 0.3) / 2)
    # Brier (8 * .01 + 2 * .81 + 5 * .04 + 5 * .64) / 20 = .255; the constant .35: .2275
    assert found.brier_skill == pytest.approx(1 - 0.255 / 0.2275)
    assert found.n == 20
    assert [found.said, found.seen] == pytest.approx([0.45, 0.35])
    assert reliability([]) is None


@given(st.lists(st.tuples(st.sampled_from([0.05, 0.2, 0.2001, 0.6, 0.97]), st.booleans()), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_the_bins_are_those_of_the_calibration_error(pairs: list[tuple[float, bool]]) -> None:
    found = reliability(pairs)
    assert found is not None
    assert sum(b.seen.n for b in found.bins) == len(pairs)
    from_bins = sum(b.seen.n * abs(b.said - b.seen.value) for b in found.bins) / len(pairs)
    p, labels = (np.asarray(side, dtype=np.float64) for side in zip(*pairs, strict=True))
    assert from_bins == pytest.approx(expected_calibration_error(p, labels))


def test_scorers_are_never_mixed_and_rescue_is_told_apart() -> None:
    first = question("q1", "abc", "a", ps=[0.9, 0.5, 0.2], admitted="ab")
    rescued = replace(first.candidates[2], decision=DecisionKind.RESCUED)
    first = replace(first, candidates=(*first.candidates[:2], rescued))
    other = question("q2", "abc", "b", ps=[0.7, 0.6, 0.2], admitted="a", scorer="other/scorer")
    refused = question("q3", "abc", "c", ps=[0.3, 0.2, 0.1])
    found = calibration_by_scorer([first, other, refused, question("q4", relevant=(), admitted="a")])
    assert [*found] == ["fake/table", "other/scorer"]
    ours = found["fake/table"]
    assert ours.rank_1 is not None and (ours.rank_1.n, ours.rank_1.seen) == (2, 0.5)
    assert ours.admitted is not None and ours.admitted.n == 3
    assert ours.admitted.said == pytest.approx(1.6 / 3)
    assert ours.precision_with_rescue is not None and ours.precision_with_rescue.value == pytest.approx(1 / 3)
    assert ours.precision_without_rescue is not None and ours.precision_without_rescue.value == 1 / 2
    plain = calibration_by_scorer([question("q", "ab", "a", ps=[None, None], admitted="a", basis="rank")])
    assert plain["fake/table"].rank_1 is None


# -- failures --------------------------------------------------------------------------------------


def cause(record: QuestionRecord) -> Failure:
    found = failure_of(record)
    assert found is not None
    return found.failure


def with_answer(record: QuestionRecord, correct: bool | None) -> QuestionRecord:
    return replace(record, answers={"gated": AnswerRecord("text", correct=correct)})


def test_each_cause_by_hand() -> None:
    order = "abcdefg"
    right = question("q", order, "b", admitted="ab")
    assert cause(right) is Failure.NONE
    assert cause(with_answer(right, True)) is Failure.NONE
    assert cause(with_answer(right, None)) is Failure.NONE
    assert cause(with_answer(right, False)) is Failure.GENERATION_MISS
    assert cause(question("q", order, "z", admitted="ab")) is Failure.RETRIEVAL_MISS
    assert cause(question("q", order, "c", admitted="ab")) is Failure.GATE_DROP
    assert cause(question("q", order, "c")) is Failure.GATE_DROP  # refused
    assert cause(question("q", order, "g", admitted="ab")) is Failure.RERANKER_INVERSION
    assert cause(question("q", order, "g")) is Failure.RERANKER_INVERSION  # refused, but it was out before
    assert cause(with_answer(question("q", order, "g", admitted="ab"), True)) is Failure.NONE
    assert cause(with_answer(question("q", order, "z", admitted="ab"), True)) is Failure.NONE
    assert failure_of(question("q", relevant=(), answerable=None)) is None


def test_the_budget_drops_before_and_after_the_gate() -> None:
    too_large = replace(
        question("q", relevant="b", admitted="a"),
        candidates=(candidate("a", 1, 0.9, DecisionKind.KEPT), candidate("b", 2, 0.8, DecisionKind.OVER_BUDGET)),
    )
    assert cause(too_large) is Failure.BUDGET_DROP
    left_out = replace(
        too_large, candidates=(too_large.candidates[0], candidate("b", 2, 0.8, DecisionKind.KEPT, in_context=False))
    )
    assert cause(left_out) is Failure.BUDGET_DROP


def test_a_duplicate_of_what_is_in_the_context_is_not_lost() -> None:
    twin = candidate("b", 2, 0.8, DecisionKind.DUPLICATE, duplicate_of="a")
    record = replace(
        question("q", relevant="b", admitted="a"), candidates=(candidate("a", 1, 0.9, DecisionKind.KEPT), twin)
    )
    assert cause(record) is Failure.NONE
    lonely = replace(record, candidates=(candidate("a", 1, 0.9), replace(twin, duplicate_of="x")))
    assert cause(lonely) is Failure.GATE_DROP


def test_the_passage_that_got_farthest_counts() -> None:
    record = question("q", "abcdefg", "gc", before="gabcdef", admitted="ab")
    found = failure_of(record)
    assert found is not None
    assert (found.failure, found.chunk_id, found.rank_before, found.rank_after) == (Failure.GATE_DROP, "c", 4, 3)
    alone = failure_of(question("q", "abcdefg", "g", before="gabcdef", admitted="ab"))
    assert alone is not None and alone.failure is Failure.RERANKER_INVERSION and alone.demoted
    never = failure_of(question("q", "abcdefg", "g", admitted="ab"))
    assert never is not None and not never.demoted


def test_unanswerable_questions_and_the_split() -> None:
    answered = question("n1", relevant=(), admitted="a")
    records = [
        answered,
        with_answer(replace(answered, id="n2"), True),  # the answer itself declined
        question("n3", relevant=()),
        question("y1", "abcdefg", "z", admitted="a"),
        question("y2", "abcdefg", "a", admitted="a"),
        question("unknown", relevant=(), answerable=None),
    ]
    found = failure_split(records)
    assert found.questions == 5
    assert found.counts[Failure.LET_THROUGH] == 1 and found.counts[Failure.NONE] == 3
    assert found.counts[Failure.RETRIEVAL_MISS] == 1 and found.counts[Failure.GENERATION_MISS] == 0
    assert [f.id for f in found.examples[Failure.LET_THROUGH]] == ["n1"]
    assert sum(found.counts.values()) == found.questions


# -- cost ------------------------------------------------------------------------------------------


def test_cost_by_hand() -> None:
    records = [
        question(str(n), admitted="a" * (n % 2), timings_ms={"score": 100.0 * n, "total": 200.0}, cost_usd=0.001 * n)
        for n in range(5)
    ]
    found = cost_of(records)
    assert (found.stages["score"].p50, found.stages["score"].n) == (200.0, 5)
    assert found.stages["score"].p95 == pytest.approx(380.0)
    assert "generate" not in found.stages
    assert found.tokens == pytest.approx(20 / 5)
    assert found.usd_per_1000 == pytest.approx(2.0)


def test_unknown_money_is_none_and_free_is_nothing() -> None:
    known = question("1", cost_usd=0.5)
    assert cost_of([known, question("2")]).usd_per_1000 is None
    assert cost_of([question("1", cost_usd=0.0)]).usd_per_1000 == 0.0
    assert cost_of([]).usd_per_1000 is None and cost_of([]).tokens is None


# -- answers ---------------------------------------------------------------------------------------


def test_answers_as_squad_scores_them() -> None:
    assert normalised("The Eiffel  Tower, [3]") == "eiffel tower"
    assert exact_match("the Norse [1].", ["Norse", "Vikings"]) == 1.0
    assert exact_match("Norse people", ["Norse"]) == 0.0
    assert exact_match("Norse", []) is None
    # norse people came (3) against norse people (2): 2 * 2 / 5; the second known answer shares nothing
    assert token_f1("Norse people came", ["Norse people", "Vikings"]) == pytest.approx(4 / 5)
    assert token_f1("a b b", ["b b b"]) == pytest.approx(2 * 2 / (2 + 3))  # counted with repeats; "a" is an article
    assert token_f1("nothing shared", ["else"]) == 0.0
    assert token_f1("the", ["a"]) == 1.0 and token_f1("the", ["Norse"]) == 0.0


def test_an_answer_in_a_sentence_contains_the_known_one() -> None:
    assert contains_answer("It was built in 1,889 by the Norse people [2].", ["the Norse", "x"]) is True
    assert contains_answer("It cost 1,889 dollars.", ["1889"]) is True
    assert contains_answer("Norsemen", ["Norse"]) is False
    assert contains_answer("people of Norse", ["Norse people"]) is False
    assert contains_answer("anything", ["the"]) is False
    assert contains_answer("anything", []) is None
    assert contains_answer("首都是北京。", ["北京"]) is True


def test_citations_by_hand() -> None:
    # passages 1 to 4, of which 1 and 3 are relevant; cited 1, 2, 2 and a 9 that does not exist
    found = citation_measures([1, 2, 2], [9], [True, False, True, False])
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == 0.5
    assert citation_measures([], [], [True]).precision is None
    assert citation_measures([1], [], [False]).recall is None
    with pytest.raises(IndexError):
        citation_measures([5], [], [True])
    with pytest.raises(IndexError):
        citation_measures([0], [], [True])


def test_an_answer_into_a_record_and_a_set_of_them() -> None:
    said = Answer("chat", "m", "The Norse people [1].", citations=(1,), unknown_citations=(7,))
    good = answer_record(said, ["Norse people"], [True, True])
    assert (good.exact_match, good.f1, good.contains, good.correct) == (1.0, 1.0, True, True)
    assert (good.citation_precision, good.citation_recall) == (0.5, 0.5)
    assert answer_record(said, ["Vikings"], [True]).correct is False
    unknown = answer_record(said, [], [True])
    assert unknown.correct is None and unknown.f1 is None
    records = [
        replace(question("1"), answers={"gated": good, "off": unknown}),
        replace(question("2"), answers={"gated": replace(good, contains=False, faithful=0.5)}),
        question("refused"),
    ]
    found = answer_measures(records)
    assert found.answers == 2
    assert found.contains is not None and found.contains.value == 0.5
    assert found.faithful is not None and (found.faithful.value, found.faithful.n) == (0.5, 1)
    assert found.relevant is None
    assert answer_measures(records, "off").answers == 1 and answer_measures(records, "off").f1 is None
