"""A question over real HTTP with each hosted reranker: applied or failed, and never with a key in what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.domain import RefusalCode, Trace
from app.providers.reranking.hosted.table import HOSTED
from app.settings import load_settings
from app.trace_json import trace_to_json
from app.wiring import build
from tests.wire.formats import KEY
from tests.wire.rerankers import PASSAGE_ROWS, Row
from tests.wire.server import WireServer

QUESTION = "Why does the gate refuse a question?"
ROWS = {row.name.partition(":")[0]: row for row in PASSAGE_ROWS}
each = pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)


def asked(row: Row, server: WireServer, home: Path, models: Path, **more: object) -> Trace:
    settings = {
        **row.settings,
        row.url_setting: f"{server.url}{row.prefix}",
        "sluice_home": home,
        "sluice_models": models,
        "reranker": row.name,
        "reranker_timeout": 5.0,
        **more,
    }
    sluice = build(load_settings(**settings))
    options = sluice.options(library="handbook", gate=sluice.gate_choice(answer_above=0.0))
    return sluice.pipeline.ask(QUESTION, options)


@each
def test_it_reranks_twenty_candidates(server: WireServer, row: Row, handbook_home: Path, prepared_models: Path) -> None:
    trace = asked(row, server, handbook_home, prepared_models)
    run = trace.judged.run
    assert (run.status, run.scale, run.reason) == ("applied", row.scale, None)
    assert all(s.raw_score is not None for s in trace.judged.scored)
    raw = [s.raw_score for s in trace.judged.scored]
    assert raw == sorted(raw, reverse=True)  # type: ignore[type-var]
    for one, next_one in zip(trace.judged.scored, trace.judged.scored[1:], strict=False):
        if one.raw_score == next_one.raw_score:  # ties keep the order of retrieval
            assert one.candidate.rank_before < next_one.candidate.rank_before
    assert KEY not in json.dumps(trace_to_json(trace))


@pytest.mark.parametrize(
    ("row", "scenario"),
    [(ROWS["voyage"], "short"), (ROWS["tei"], "html"), (ROWS["pinecone"], "401")],
    ids=["voyage-short", "tei-html", "pinecone-401"],
)
def test_a_wrong_answer_hands_over_to_the_fallback_and_says_so(
    server: WireServer, row: Row, scenario: str, handbook_home: Path, prepared_models: Path
) -> None:
    server.play(row.posts_to, *[scenario] * 3)
    trace = asked(row, server, handbook_home, prepared_models)
    [hosted] = [h for h in HOSTED if h.name == row.name.partition(":")[0]]
    assert trace.judged.run.status == "fallback"
    assert str(trace.judged.run.used).startswith("late-interaction/")
    assert hosted.title in str(trace.judged.run.reason)
    assert KEY not in json.dumps(trace_to_json(trace))


def test_required_refuses_where_the_server_is_not_even_there(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    gone = {"vllm_base_url": "http://127.0.0.1:9", "reranker_policy": "required"}
    trace = asked(ROWS["vllm"], server, handbook_home, prepared_models, **gone)
    assert trace.refusal is not None and trace.refusal.code is RefusalCode.RERANKER_UNAVAILABLE
    assert "cannot be reached" in str(trace.judged.run.reason)
