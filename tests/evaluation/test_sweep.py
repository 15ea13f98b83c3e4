"""Moving the gate over records decides as the gate itself does, at every threshold at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import DecisionKind, GatePolicy, GateResult, Scored
from app.evaluation.curves import gate_curves, let_through, threshold_grid
from app.evaluation.measures_gate import gate_measures, refusal_errors, set_counts
from app.evaluation.recording import candidate_records
from app.evaluation.records import QuestionRecord
from app.evaluation.sweep import sweep
from app.evaluation.thresholds import policy_numbers
from app.stages.context import build_context
from app.stages.gate import basis_of, decide
from tests.evaluation.cases import candidate, question
from tests.fakes import run, scored

WORDS = "amber birch cedar delta ember flint grove heath"
RUN = run()


def asked(
    id_: str, judged: list[Scored], policy: GatePolicy, p_answerable: float | None
) -> tuple[QuestionRecord, GateResult]:
    """A question through the real gate and into a record. Passages are named by the chunk id's first letter."""
    gate = decide(judged, policy, run=RUN, p_answerable=p_answerable, cost=lambda c: len(c.text.split()))
    candidates = candidate_records(gate, None, lambda c: c.id[0], cost=lambda c: len(c.text.split()))
    order = tuple(s.candidate.chunk.id for s in judged)
    record = QuestionRecord(
        id=id_,
        text=id_,
        answerable=True,
        relevant={"a": 1, "c": 1},
        candidates=candidates,
        arms={"reranked": order},
        p_answerable=p_answerable,
        refused=gate.outcome == "refused",
        scorer="fake/table",
        status="applied",
        basis=basis_of(judged, policy, RUN.scale),
    )
    return record, gate


@st.composite
def judged_questions(draw: st.DrawFn) -> list[Scored]:
    """Up to eight candidates in falling p (None last), with texts that often say the same."""
    count = draw(st.integers(1, 8))
    values = draw(
        st.lists(st.none() | st.sampled_from([0.02, 0.1, 0.2, 0.3, 0.5, 0.8, 0.9]), min_size=count, max_size=count)
    )
    falling = sorted(values, key=lambda p: (p is None, -(p or 0.0)))
    texts = [" ".join(draw(st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=4))) for _ in range(count)]
    letters = draw(st.permutations("abcdefgh"))
    passages = [draw(st.sampled_from(letters[:count])) for _ in range(count)]
    return [scored(f"{passages[n]}{n}", n + 1, falling[n], text=texts[n]) for n in range(count)]


@given(
    st.lists(judged_questions(), min_size=1, max_size=4),
    st.sampled_from([None, 0.3, 0.6]),
    st.sampled_from([None, 6, 12]),
    st.sampled_from([None, 0.5]),
    st.integers(0, 3),
)
@settings(max_examples=120, deadline=None)
def test_the_sweep_decides_as_the_gate(
    questions: list[list[Scored]], answer_above: float | None, budget: int | None, ratio: float | None, least: int
) -> None:
    policy = GatePolicy(
        answer_above=answer_above, token_budget=budget, ratio_to_top=ratio, min_chunks=least, max_chunks=4
    )
    records = [asked(str(n), judged, policy, 0.2 + 0.3 * n)[0] for n, judged in enumerate(questions)]
    grid = [-np.inf, 0.1, 0.25, 0.5, 0.9]
    swept = sweep(records, grid, policy)
    through = let_through(swept, -np.inf if answer_above is None else answer_above)
    for at, threshold in enumerate(grid):
        moved = GatePolicy(
            answer_above=answer_above,
            keep_above=None if at == 0 else threshold,
            token_budget=budget,
            ratio_to_top=ratio,
            min_chunks=least,
            max_chunks=4,
        )
        for n, judged in enumerate(questions):
            expected, gate = asked(str(n), judged, moved, 0.2 + 0.3 * n)
            assert through[n, at] == (gate.outcome != "refused")
            if gate.outcome == "refused":
                continue
            counts = set_counts(expected, expected.passages("gated"))
            assert (swept.sent[n, at], swept.hits[n, at]) == (counts.sent, counts.hits)
            assert swept.chunks[n, at] == len(gate.admitted)
            assert swept.tokens[n, at] == sum(len(d.scored.candidate.chunk.text.split()) for d in gate.admitted)
            assert swept.rescued[n, at] == sum(d.kind == "RESCUED" for d in gate.admitted)


def test_records_say_what_reached_the_context() -> None:
    judged = [scored("a", 1, 0.9, text="amber birch"), scored("b", 2, 0.8, text="amber birch"), scored("c", 3, 0.7)]
    gate = decide(judged, GatePolicy(keep_above=0.5), run=RUN, p_answerable=None, cost=lambda c: 10)
    whole = candidate_records(gate, None, lambda c: c.id, cost=lambda c: 10)
    assert [c.in_context for c in whole] == [True, False, True]
    assert [c.same_as for c in whole] == [(), ("a",), ()]
    assert whole[1].duplicate_of == "a"
    small = build_context(gate, budget=60, window=100, window_known=True)
    assert len(small.passages) == 1  # the other one did not fit
    assert [c.in_context for c in candidate_records(gate, small, lambda c: c.id)] == [True, False, False]


def test_curves_by_hand() -> None:
    # q1: relevant a at p .9, others .8 and .2; q2: relevant c at p .3 behind .6 and .5, z missed; q3 unanswerable
    records = [
        question("q1", "abc", "a", ps=[0.9, 0.8, 0.2], p_answerable=0.9),
        question("q2", "abc", "cz", ps=[0.6, 0.5, 0.3], p_answerable=0.4),
        question("q3", "abc", "", ps=[0.7, 0.2, 0.1], p_answerable=0.5),
    ]
    policy = GatePolicy(min_chunks=0)
    found = gate_curves(sweep(records, [-np.inf, 0.55, 0.95], policy), [-np.inf, 0.45])
    # no thresholds: three passages each; at .55: ab, a, a; at .95 nothing, so all are refused
    assert found.precision[:, 0].tolist() == pytest.approx([1 / 3, 1 / 4, 0.0])
    assert found.recall[:, 0].tolist() == pytest.approx([3 / 4, 1 / 2, 0.0])
    assert found.f1[:, 0].tolist() == pytest.approx([(2 / 4 + 2 / 5) / 2, (2 / 3 + 0) / 2, 0.0])
    assert found.pooled_precision[:2, 0].tolist() == pytest.approx([2 / 6, 1 / 3])
    assert np.isnan(found.pooled_precision[2, 0])
    assert found.tokens[:, 0].tolist() == pytest.approx([30.0, 40 / 3, 0.0])
    assert found.wrong_refusals[:, 0].tolist() == [0.0, 0.0, 1.0]
    assert found.wrong_answers[:, 0].tolist() == [1.0, 1.0, 0.0]
    # asking for .45 refuses q2 (.4), and not the unanswerable q3 (.5)
    assert found.wrong_refusals[:, 1].tolist() == [0.5, 0.5, 1.0]
    assert found.wrong_answers[:, 1].tolist() == [1.0, 1.0, 0.0]
    assert found.f1[0, 1] == pytest.approx((2 / 4) / 2)
    assert np.isnan(gate_curves(sweep(records[:2], [0.5], policy), [0.0]).wrong_answers).all()


def test_questions_kept_by_rank_and_failed_scorers_do_not_move() -> None:
    by_rank = question("rank", "abcdef", "a", ps=[None] * 6, basis="rank", p_answerable=None)
    failed = question("failed", "ab", "a", status="failed")
    swept = sweep([by_rank, failed], [-np.inf, 0.99], GatePolicy(answer_above=0.5))
    assert swept.chunks[0].tolist() == [5, 5]
    assert let_through(swept, 0.5).tolist() == [[True, True], [False, False]]


def test_raw_scores_are_compared_where_nothing_is_calibrated() -> None:
    record = question("raw", "abc", "a", ps=[-1.0, -2.0, -3.0], basis="raw")
    assert sweep([record], [-2.5], GatePolicy(min_chunks=0)).chunks.tolist() == [[2]]


def test_the_grid_holds_the_values_that_occur() -> None:
    assert threshold_grid(np.asarray([0.2, np.nan, 0.1, 0.2])).tolist() == [-np.inf, 0.1, 0.2]
    many = threshold_grid(np.linspace(0.0, 1.0, 1001), most=11)
    assert len(many) == 12 and many[-1] == 1.0


def test_the_gate_as_it_decided_by_hand() -> None:
    records = [
        question("q1", "abcd", "a", admitted="ab"),  # precision 1/2, recall 1, F1 2/3
        question("q2", "abcd", "cz", admitted="abc"),  # 1/3, 1/2, 2/5
        question("q3", "abcd", "a"),  # refused: 0, 0, 0
        question("q4", "abcd", "", admitted="a"),  # unanswerable, let through
        question("q5", "abcd", ""),  # unanswerable, refused
        question("q6", "abcd", "", answerable=None, admitted="a"),
    ]
    found = gate_measures(records)
    assert found.labelled == 3
    for measure, value in (
        (found.precision, (1 / 2 + 1 / 3) / 3),
        (found.recall, 1.5 / 3),
        (found.f1, (2 / 3 + 2 / 5) / 3),
        (found.pooled_precision, 2 / 5),
        (found.pooled_recall, 2 / 4),
        (found.pooled_f1, 4 / 9),
        (found.tokens, 70 / 6),
        (found.passages, 7 / 6),
    ):
        assert measure is not None and measure.value == pytest.approx(value)
    errors = found.refusals
    assert (errors.answerable, errors.unanswerable) == (3, 2)
    assert errors.wrong_refusals is not None and errors.wrong_refusals.value == pytest.approx(1 / 3)
    assert errors.wrong_answers is not None and errors.wrong_answers.value == 0.5
    assert refusal_errors(records[:3]).wrong_answers is None


def test_duplicates_are_counted_where_the_gate_let_something_through() -> None:
    twin = candidate("b", 2, 0.8, DecisionKind.DUPLICATE, duplicate_of="a")
    kept = question("q1", "a", "a", admitted="a", ps=[0.9])
    kept = replace(kept, candidates=(*kept.candidates, twin))
    assert gate_measures([kept, replace(kept, id="q2", refused=True)]).duplicates == 1


def test_policy_numbers_agree_with_what_the_gate_did() -> None:
    policy = GatePolicy(keep_above=0.25, answer_above=0.3)
    rng = np.random.default_rng(0)
    records = []
    for n in range(30):
        ps = np.sort(rng.random(6))[::-1]
        judged = [scored(f"{'abcdef'[i]}", i + 1, float(p)) for i, p in enumerate(ps)]
        records.append(asked(str(n), judged, policy, float(rng.random()))[0])
    expected, found = gate_measures(records), policy_numbers(records, policy)
    assert found.refusals == expected.refusals
    assert found.f1 == expected.f1
    assert found.precision is not None and expected.pooled_precision is not None
    assert found.precision.value == pytest.approx(expected.pooled_precision.value)
