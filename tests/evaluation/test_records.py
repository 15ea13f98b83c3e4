"""A record survives its line of JSON, and knows its passages."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import DecisionKind
from app.evaluation.records import (
    AnswerRecord,
    CandidateRecord,
    QuestionRecord,
    RecordDamaged,
    by_id,
    record_from_dict,
    record_to_dict,
)
from tests.evaluation.cases import candidate, question

_numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
_ids = st.text(min_size=1, max_size=5)
_candidates = st.builds(
    CandidateRecord,
    chunk_id=_ids,
    passage=_ids,
    rank_before=st.integers(1, 100),
    rank_after=st.integers(1, 100),
    raw=_numbers,
    p=_numbers,
    decision=st.sampled_from(DecisionKind),
    tokens=st.integers(0, 500),
    in_context=st.booleans(),
    duplicate_of=st.none() | _ids,
    same_as=st.lists(_ids, max_size=2).map(tuple),
)
_records = st.builds(
    QuestionRecord,
    id=_ids,
    text=st.text(max_size=20),
    answerable=st.none() | st.booleans(),
    relevant=st.dictionaries(_ids, st.integers(1, 3), max_size=3),
    candidates=st.lists(_candidates, max_size=3).map(tuple),
    arms=st.dictionaries(_ids, st.lists(_ids, max_size=3).map(tuple), max_size=2),
    p_answerable=_numbers,
    refused=st.booleans(),
    scorer=st.none() | _ids,
    status=st.sampled_from(["applied", "fallback", "skipped", "failed"]),
    basis=st.sampled_from(["p", "raw", "rank"]),
    tokens_sent=st.integers(0, 9999),
    timings_ms=st.dictionaries(_ids, st.floats(0, 1e6), max_size=2),
    cost_usd=st.none() | st.floats(0, 1),
    answers=st.dictionaries(_ids, st.builds(AnswerRecord, text=st.text(max_size=9), f1=_numbers), max_size=2),
)


@given(_records)
@settings(max_examples=60, deadline=None)
def test_the_same_record_comes_back_from_json(record: QuestionRecord) -> None:
    assert record_from_dict(json.loads(json.dumps(record_to_dict(record)))) == record


@pytest.mark.parametrize(
    "damage",
    [
        {"candidates": [{"chunk_id": "a"}]},
        {"relevant": None},
        {"relevant": {"a": "high"}},
        {"unheard_of": 1},
        {"candidates": [{**record_to_dict(question())["candidates"][0], "decision": "MAYBE"}]},
    ],
)
def test_a_damaged_line_says_what_to_do(damage: dict[str, object]) -> None:
    with pytest.raises(RecordDamaged) as caught:
        record_from_dict({**record_to_dict(question()), **damage})
    assert caught.value.hint


def test_a_missing_field_is_damage_too() -> None:
    values = record_to_dict(question())
    del values["arms"]
    with pytest.raises(RecordDamaged):
        record_from_dict(values)


def test_a_passage_counts_once_at_its_best_chunk() -> None:
    candidates = (
        candidate("a1", 1, passage="A", decision=DecisionKind.KEPT),
        candidate("b1", 2, passage="B", decision=DecisionKind.RESCUED),
        candidate("a2", 3, passage="A", decision=DecisionKind.KEPT),
    )
    record = replace(question(admitted="a"), candidates=candidates, arms={"off": ("b1", "a2", "a1")})
    assert record.passages("off") == ("B", "A")
    assert record.passages("off", 1) == ("B",)
    assert record.admitted_ids == ("a1", "a2", "b1")  # rescued passages come last
    assert record.passages("gated") == ("A", "B")
    assert replace(record, refused=True).passages("gated") == ()


def test_two_records_of_one_question_are_refused() -> None:
    assert [*by_id([question("q1"), question("q2")])] == ["q1", "q2"]
    with pytest.raises(ValueError, match="q1"):
        by_id([question("q1"), question("q1")])


def test_a_question_is_named_with_its_scope_and_what_a_follow_up_was_searched_for() -> None:
    plain = question(text="And the rest?")
    assert plain.words == "And the rest?"
    carried = replace(plain, searched="And the rest? (vpn firewall)", within="a.md, year 2020 or more")
    assert carried.words == "And the rest? (asked within a.md, year 2020 or more; searched with: vpn firewall)"
    reworded = replace(plain, searched="What is the rest of the cost?")
    assert reworded.words == "And the rest? (searched for: What is the rest of the cost?)"
    assert len(replace(plain, searched="x" * 900).words) < 240
    assert record_from_dict(json.loads(json.dumps(record_to_dict(carried)))) == carried
    older = {k: v for k, v in record_to_dict(plain).items() if k not in ("within", "searched")}
    assert record_from_dict(older) == plain  # a run of an earlier version
