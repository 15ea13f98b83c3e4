"""A question through the whole pipeline and into its record."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from app.evaluation.measures_ranking import ranking
from app.evaluation.recording import question_record
from app.evaluation.records import QuestionRecord, record_from_dict, record_to_dict
from app.pipeline import Options, Pipeline
from tests.fakes import BrokenScorer
from tests.test_pipeline import OPTIONS, pipeline


def recorded(made: Pipeline, options: Options = OPTIONS) -> QuestionRecord:
    trace = made.ask("a b", options)
    relevant = {"two": 2, "never found": 1, "judged irrelevant": 0}
    return question_record(trace, id_="q", answerable=True, relevant=relevant, passage_of=lambda c: c.id)


def test_what_the_pipeline_did_is_in_the_record() -> None:
    record = recorded(pipeline())
    assert record.relevant == {"two": 2, "never found": 1}
    assert record.arms["reranked"] == ("two", "one", "three")
    assert sorted(record.arms) == ["evidence", "off", "reranked"]
    assert record.admitted_ids == ("two", "one")
    assert [c.rank_after for c in record.candidates] == [1, 2, 3]
    assert (record.status, record.basis, record.refused, record.p_answerable) == ("applied", "p", False, 0.9)
    assert record.scorer is not None and "table" in record.scorer
    assert record.tokens_sent > 0 and record.timings_ms["score"] >= 0.0
    assert record_from_dict(json.loads(json.dumps(record_to_dict(record)))) == record
    found = ranking([record], "reranked")
    assert found["MRR@10"]["q"] == 1.0
    assert found["Recall@20"]["q"] == pytest.approx(1 / 2)


def test_a_refused_question_sent_nothing() -> None:
    record = recorded(pipeline(p_answerable=0.1))
    assert record.refused and record.tokens_sent == 0 and record.admitted == ()
    assert not any(c.in_context for c in record.candidates)


def test_an_arm_that_did_not_run_is_absent() -> None:
    off = recorded(pipeline(), Options(library="fake", reranker="none", candidates=3))
    assert "reranked" not in off.arms and off.scorer is None and off.status == "skipped" and off.basis == "rank"
    broken = recorded(
        pipeline({"table": BrokenScorer({})}), Options(library="fake", reranker="table", reranker_policy="required")
    )
    assert broken.refused and broken.status == "failed" and "reranked" not in broken.arms
    trace = pipeline().ask("a b", OPTIONS)
    bare = replace(trace, judged=replace(trace.judged, evidence=()))
    record = question_record(bare, id_="q", answerable=None, relevant={}, passage_of=lambda c: c.id)
    assert sorted(record.arms) == ["off", "reranked"]
