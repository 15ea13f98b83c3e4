"""The gate's rules, one by one, with their boundaries at, just below and just above."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import DecisionKind, GatePolicy, GateResult, RefusalCode, Scale, Scored
from app.errors import ProviderNonsense
from app.stages.gate import decide, first, force
from tests.fakes import run, scored

POLICY = GatePolicy(answer_above=0.3, keep_above=0.2, min_chunks=0)
EPSILON = 1e-9


def gate(
    items: list[Scored], policy: GatePolicy = POLICY, *, p: float | None = 0.9, status: str = "applied", **kw
) -> GateResult:  # type: ignore[no-untyped-def]
    scale = kw.pop("scale", Scale.LOGIT)
    return decide(items, policy, run=run(status, scale), p_answerable=p, cost=lambda c: c.tokens, **kw)


def kinds(result: GateResult) -> list[str]:
    return [d.kind.value for d in result.decisions]


@pytest.mark.parametrize(
    ("p", "kept"), [(0.2, True), (0.2 - EPSILON, False), (0.2 + EPSILON, True)], ids=["at", "below", "above"]
)
def test_keep_above_is_inclusive(p: float, kept: bool) -> None:
    result = gate([scored("a", 1, 0.9), scored("b", 2, p)])
    assert kinds(result)[1] == ("KEPT" if kept else "BELOW_THRESHOLD")


@pytest.mark.parametrize(("p", "answered"), [(0.3, True), (0.3 - EPSILON, False), (0.3 + EPSILON, True)])
def test_answer_above_is_inclusive(p: float, answered: bool) -> None:
    assert (gate([scored("a", 1, 0.9)], p=p).outcome == "admitted") is answered


def test_the_reason_shows_digits_enough_to_tell_them_apart() -> None:
    reasons = [d.reason for d in gate([scored("a", 1, 0.9), scored("b", 2, 0.1), scored("c", 3, 0.1986)]).decisions]
    assert reasons[1:] == ["p 0.10 is below 0.20", "p 0.199 is below 0.200"]


def test_a_threshold_of_zero_is_a_value_and_keeps_everything() -> None:
    policy = replace(POLICY, keep_above=0.0, answer_above=0.0)
    assert kinds(gate([scored("a", 1, 0.0)], policy, p=0.0)) == ["KEPT"]


def test_unset_thresholds_check_nothing() -> None:
    policy = replace(POLICY, keep_above=None, answer_above=None)
    assert kinds(gate([scored("a", 1, 0.01)], policy, p=0.01)) == ["KEPT"]


def test_refusal_shows_three_nearest_misses_and_marks_all_below() -> None:
    result = gate([scored(x, n, 0.9) for n, x in enumerate("abcd", 1)], p=0.1)
    assert result.outcome == "refused"
    assert result.refusal is not None and result.refusal.code is RefusalCode.BELOW_THRESHOLD
    assert [s.candidate.chunk.id for s in result.refusal.nearest] == ["a", "b", "c"]
    assert set(kinds(result)) == {"BELOW_THRESHOLD"}
    assert result.admitted == ()


def test_empty_library_and_no_candidates_are_told_apart() -> None:
    assert gate([], library_empty=True).refusal.code is RefusalCode.EMPTY_LIBRARY  # type: ignore[union-attr]
    assert gate([]).refusal.code is RefusalCode.NO_CANDIDATES  # type: ignore[union-attr]


def test_a_failed_scorer_lets_nothing_through() -> None:
    result = gate([scored("a", 1, None)], status="failed")
    assert result.refusal is not None and result.refusal.code is RefusalCode.RERANKER_UNAVAILABLE
    assert kinds(result) == ["NOT_SCORED"]


def test_a_passage_without_a_score_is_never_admitted_among_scored_ones() -> None:
    assert kinds(gate([scored("a", 1, 0.9), scored("b", 2, None)])) == ["KEPT", "NOT_SCORED"]


def test_over_max_comes_before_below_threshold() -> None:
    items = [scored(x, n, 0.9) for n, x in enumerate("abc", 1)] + [scored("d", 4, 0.01)]
    assert kinds(gate(items, replace(POLICY, max_chunks=2))) == ["KEPT", "KEPT", "OVER_MAX", "OVER_MAX"]


def test_over_budget_lets_a_smaller_later_passage_through() -> None:
    big = scored("big", 2, 0.8)
    big = replace(big, candidate=replace(big.candidate, chunk=replace(big.candidate.chunk, tokens=100)))
    items = [scored("a", 1, 0.9), big, scored("c", 3, 0.7)]
    assert kinds(gate(items, replace(POLICY, token_budget=20))) == ["KEPT", "OVER_BUDGET", "KEPT"]


def test_the_budget_is_inclusive() -> None:
    assert kinds(gate([scored("a", 1, 0.9)], replace(POLICY, token_budget=10))) == ["KEPT"]
    assert gate([scored("a", 1, 0.9)], replace(POLICY, token_budget=9)).outcome == "refused"


def test_the_same_words_are_a_duplicate_but_another_year_is_not() -> None:
    text = "Revenue in {} was high in every region of the company and in every quarter"
    same = [scored("a", 1, 0.9, text=text.format(2022)), scored("b", 2, 0.8, text=text.format(2022))]
    other = [scored("a", 1, 0.9, text=text.format(2022)), scored("b", 2, 0.8, text=text.format(2023))]
    assert kinds(gate(same)) == ["KEPT", "DUPLICATE"]
    assert gate(same).decisions[1].duplicate_of == "a"
    assert kinds(gate(other)) == ["KEPT", "KEPT"]


def test_duplicate_limit_is_exclusive_at_its_value() -> None:
    items = [scored("a", 1, 0.9, text="red green blue grey"), scored("b", 2, 0.8, text="red green blue pink")]
    assert kinds(gate(items, replace(POLICY, duplicate_above=0.75))) == ["KEPT", "KEPT"]  # 3 of 4 words: not above
    assert kinds(gate(items, replace(POLICY, duplicate_above=0.74))) == ["KEPT", "DUPLICATE"]


@pytest.mark.parametrize(("p", "kind"), [(0.45, "KEPT"), (0.45 - EPSILON, "BELOW_RATIO"), (0.45 + EPSILON, "KEPT")])
def test_ratio_to_top(p: float, kind: str) -> None:
    assert kinds(gate([scored("a", 1, 0.9), scored("b", 2, p)], replace(POLICY, ratio_to_top=0.5)))[1] == kind


@pytest.mark.parametrize(
    ("p", "kind"), [(0.1, "RESCUED"), (0.1 - EPSILON, "BELOW_THRESHOLD"), (0.1 + EPSILON, "RESCUED")]
)
def test_rescue_ratio_is_inclusive(p: float, kind: str) -> None:
    policy = replace(POLICY, min_chunks=3, rescue_ratio=0.25)
    assert kinds(gate([scored("a", 1, 0.4), scored("b", 2, p)], policy))[1] == kind


def test_rescue_fills_up_to_min_chunks_and_is_listed_last() -> None:
    items = [scored("a", 1, 0.9), scored("b", 2, 0.19), scored("c", 3, 0.18), scored("d", 4, 0.17)]
    result = gate(items, replace(POLICY, min_chunks=3, rescue_ratio=0.1))
    assert kinds(result) == ["KEPT", "RESCUED", "RESCUED", "BELOW_THRESHOLD"]
    assert [d.scored.candidate.chunk.id for d in result.admitted] == ["a", "b", "c"]


def test_rescue_does_not_bring_back_duplicates() -> None:
    items = [scored("a", 1, 0.9, text="one two three"), scored("b", 2, 0.19, text="one two three")]
    assert kinds(gate(items, replace(POLICY, min_chunks=3, rescue_ratio=0.1))) == ["KEPT", "DUPLICATE"]


def test_a_rank_only_scorer_keeps_the_first_and_says_so() -> None:
    items = [scored(x, n, None) for n, x in enumerate("abc", 1)]
    result = gate(items, replace(POLICY, max_chunks=2), scale=Scale.RANK_ONLY)
    assert kinds(result) == ["KEPT_BY_RANK", "KEPT_BY_RANK", "OVER_MAX"]
    assert "rank" in result.decisions[0].reason


def test_refusal_still_works_for_a_rank_only_scorer() -> None:
    assert gate([scored("a", 1, None)], p=0.1, scale=Scale.RANK_ONLY).outcome == "refused"


def test_an_uncalibrated_scorer_takes_a_threshold_on_its_raw_score() -> None:
    policy = replace(POLICY, raw_keep_above=2.0)
    items = [scored("a", 1, None, raw=3.1), scored("b", 2, None, raw=2.0), scored("c", 3, None, raw=1.9)]
    result = gate(items, policy, scale=Scale.ORDINAL)
    assert kinds(result) == ["KEPT", "KEPT", "BELOW_THRESHOLD"]
    assert "raw, uncalibrated" in result.decisions[0].reason


def test_skipped_scoring_is_ungated_and_says_so() -> None:
    result = gate([scored("a", 1, None)], status="skipped", scale=Scale.RANK_ONLY)
    assert (result.outcome, kinds(result)) == ("ungated", ["KEPT_BY_RANK"])


@pytest.mark.parametrize("where", ["p", "raw", "answerable"])
def test_nan_is_refused(where: str) -> None:
    nan = math.nan
    item = scored("a", 1, nan if where == "p" else 0.5, raw=nan if where == "raw" else 0.5)
    with pytest.raises(ProviderNonsense):
        gate([item], p=nan if where == "answerable" else 0.9)


def test_force_lets_the_nearest_misses_through_and_marks_them() -> None:
    refused = gate([scored(x, n, 0.1) for n, x in enumerate("abcd", 1)], p=0.1)
    forced = force(refused, cost=lambda c: c.tokens)
    assert forced.outcome == "forced"
    assert kinds(forced) == ["FORCED", "FORCED", "FORCED", "BELOW_THRESHOLD"]
    assert len(forced.admitted) == 3


def test_order_unchanged_is_noticed() -> None:
    assert not gate([scored("a", 1, 0.9, before=1), scored("b", 2, 0.8, before=2)]).changed_order
    assert gate([scored("a", 1, 0.9, before=2), scored("b", 2, 0.8, before=1)]).changed_order


def test_an_ungated_arm_takes_the_first_n() -> None:
    result = first(
        [scored(x, n, 0.0) for n, x in enumerate("abc", 1)], 2, POLICY, cost=lambda c: c.tokens, reason="first"
    )
    assert [d.kind for d in result.decisions] == [DecisionKind.KEPT_BY_RANK] * 2 + [DecisionKind.OVER_MAX]
    assert result.outcome == "ungated"


@given(
    ps=st.lists(st.floats(0, 1), min_size=0, max_size=25),
    keep=st.floats(0, 1),
    answer=st.floats(0, 1),
    p=st.floats(0, 1),
    low=st.integers(0, 5),
    high=st.integers(1, 8),
    budget=st.integers(0, 120),
)
def test_whatever_comes_every_candidate_gets_one_decision_and_the_limits_hold(
    ps: list[float], keep: float, answer: float, p: float, low: int, high: int, budget: int
) -> None:
    items = [scored(str(n), n, value) for n, value in enumerate(sorted(ps, reverse=True), 1)]
    policy = GatePolicy(answer_above=answer, keep_above=keep, min_chunks=low, max_chunks=high, token_budget=budget)
    result = gate(items, policy, p=p)
    assert [d.scored for d in result.decisions] == items
    assert len(result.admitted) <= high
    assert sum(d.scored.candidate.chunk.tokens for d in result.admitted) <= budget or not result.admitted
    assert all(d.reason for d in result.decisions)
    if p < answer:
        assert not result.admitted
    assert (result.outcome == "refused") == (not result.admitted)
