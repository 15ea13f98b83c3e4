"""A question over real HTTP: the pipeline with a hosted reranker and a chat model, as settings wire it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain import RefusalCode, Trace, Turn
from app.errors import ProviderTimeout
from app.settings import load_settings
from app.trace_json import trace_to_json
from app.wiring import Sluice, build
from tests.wire.formats import KEY
from tests.wire.server import CHAT, RERANK, WireServer

QUESTION = "Why does the gate refuse a question?"


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer() as running:
        yield running


def wired(server: WireServer, home: Path, models: Path, **settings: object) -> Sluice:
    given: dict[str, object] = {
        "sluice_home": home,
        "sluice_models": models,
        "openai_base_url": server.openai_url,
        "openai_api_key": KEY,
        "cohere_base_url": server.url,
        "cohere_api_key": KEY,
        "reranker": "cohere:rerank-v3.5",
        "reranker_timeout": 2.0,
        **settings,
    }
    return build(load_settings(**given))


def ask(sluice: Sluice, **options: object) -> Trace:
    chosen = sluice.options(library="handbook", gate=sluice.gate_choice(answer_above=0.0), **options)  # type: ignore[arg-type]
    return sluice.pipeline.ask(QUESTION, chosen)


def test_cohere_reranks_and_openai_streams_a_cited_answer(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    said: list[str] = []
    sluice = wired(server, handbook_home, prepared_models)
    options = sluice.options(library="handbook", gate=sluice.gate_choice(answer_above=0.0))
    trace = sluice.pipeline.ask(QUESTION, options, on_text=said.append)
    assert (trace.judged.run.status, trace.judged.run.label) == ("applied", "Cohere rerank-v3.5")
    assert all(s.raw_score is not None for s in trace.judged.scored)
    assert trace.answer is not None and trace.answer.mode == "chat"
    assert len(said) > 1 and "".join(said) == trace.answer.text
    assert trace.answer.citations == (1,) and trace.answer.usage
    [chat] = [r for r in server.requests if r.path == CHAT]
    assert "<<passage 1 from" in chat.body["messages"][-1]["content"]


def test_an_uncalibrated_scorer_keeps_by_rank_or_by_its_raw_score(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    sluice = wired(server, handbook_home, prepared_models)
    judged = sluice.pipeline.judge(QUESTION, sluice.options(library="handbook"))
    by_rank = sluice.pipeline.decide(judged, sluice.gate_choice(answer_above=0.0))
    assert {d.kind.value for d in by_rank.admitted} == {"KEPT_BY_RANK"}
    best = max(s.raw_score for s in judged.scored if s.raw_score is not None)
    by_score = sluice.pipeline.decide(judged, sluice.gate_choice(answer_above=0.0, raw_keep_above=best, min_chunks=0))
    assert {d.kind.value for d in by_score.admitted} == {"KEPT"}
    assert all("raw, uncalibrated" in d.reason for d in by_score.admitted)


@pytest.mark.parametrize("scenario", ["500", "timeout", "html", "short"])
def test_when_cohere_fails_the_fallback_runs_with_its_own_calibration(
    server: WireServer, handbook_home: Path, prepared_models: Path, scenario: str
) -> None:
    server.play(RERANK, *[scenario] * 6)
    trace = ask(wired(server, handbook_home, prepared_models))
    assert trace.judged.run.status == "fallback"
    assert trace.judged.run.reason
    assert trace.judged.run.calibration == "general"
    assert any(s.p is not None for s in trace.judged.scored)


def test_every_attempt_is_in_the_trace_and_a_dead_service_is_left_alone(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    server.play(RERANK, "503-after-0", "happy", *["500-after-0"] * 9)
    sluice = wired(server, handbook_home, prepared_models)
    told = trace_to_json(ask(sluice))["scorer"]
    assert (told["status"], told["attempts"]) == ("applied", 2)
    assert [one["outcome"] == "answered" for one in told["tries"]] == [False, True]
    for _ in range(3):
        told = trace_to_json(ask(sluice))["scorer"]
        assert (told["status"], told["attempts"]) == ("fallback", 4)  # three requests, and the one on this machine
    asked = len(server.requests)
    told = trace_to_json(ask(sluice))["scorer"]
    assert "failed 3 times in a row and is not asked for now; it will be tried again at" in told["reason"]
    assert [request for request in server.requests[asked:] if request.path == RERANK] == []


def test_skip_goes_on_in_the_order_of_search_and_says_so(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    server.play(RERANK, *["500-after-0"] * 3)
    trace = ask(wired(server, handbook_home, prepared_models), reranker_policy="skip")
    assert (trace.judged.run.status, trace.gate.outcome) == ("skipped", "ungated")
    assert " failed: " in (trace.judged.run.reason or "")
    assert trace.judged.run.attempts == 3
    assert trace.answer is not None
    order = [passage.chunk.id for passage in trace.context.passages] if trace.context else []
    assert order == [c.chunk.id for c in trace.judged.retrieved.candidates][: len(order)]


def test_the_questions_time_is_for_all_services_together(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    server.play(RERANK, "timeout")
    sluice = wired(server, handbook_home, prepared_models, question_timeout=1.0, reranker_timeout=30.0)
    sluice.pipeline.judge("warm up", sluice.options(library="handbook", reranker="none"))
    server.requests.clear()
    judged = sluice.pipeline.judge(QUESTION, sluice.options(library="handbook"))
    assert judged.run.status == "fallback"
    assert judged.timings_ms["score"] < 3000
    gate = sluice.pipeline.decide(judged, sluice.gate_choice(answer_above=0.0))
    stream = sluice.pipeline.answer(judged.question, sluice.pipeline.context(gate), after=judged)
    with pytest.raises(ProviderTimeout, match="no time left to ask The chat model"):
        list(stream)
    assert [request.path for request in server.requests] == [RERANK]


def test_required_refuses_and_pays_for_no_answer(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    server.play(RERANK, *["500"] * 6)
    trace = ask(wired(server, handbook_home, prepared_models), reranker_policy="required")
    assert trace.refusal is not None and trace.refusal.code is RefusalCode.RERANKER_UNAVAILABLE
    assert not [r for r in server.requests if r.path == CHAT]


def test_a_follow_up_is_rewritten_by_the_chat_model(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    server.answer = lambda messages: (
        "When does the gate rescue a passage?" if "Standalone question:" in messages[-1]["content"] else "So [1]."
    )
    sluice = wired(server, handbook_home, prepared_models)
    history = (Turn("user", "What is a rescued passage?"), Turn("assistant", "One below the threshold."))
    trace = sluice.pipeline.ask("When does it do that?", sluice.options(library="handbook"), history=history)
    assert (trace.question.rewrite, trace.question.standalone) == ("model", "When does the gate rescue a passage?")


def test_no_key_reaches_the_trace(server: WireServer, handbook_home: Path, prepared_models: Path) -> None:
    assert KEY not in json.dumps(trace_to_json(ask(wired(server, handbook_home, prepared_models))))
