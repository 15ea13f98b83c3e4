"""Yes or no with log-probabilities: what is asked, and how many calls at a time."""

from __future__ import annotations

import time

import pytest

from app.domain import Scale
from app.errors import ProviderNonsense, ProviderRejected, ProviderTimeout
from tests.passages import THOUSAND
from tests.wire.llm_formats import asked_about
from tests.wire.llm_rerankers import PASSAGES, QUESTION, YES_NO, raw, scorer
from tests.wire.server import WireServer


def test_what_yes_no_asks(server: WireServer) -> None:
    found = scorer(server, YES_NO)
    assert (found.profile.scale, found.profile.pointwise, found.profile.fixed_weights) == (Scale.BOUNDED, True, False)
    assert found.profile.id.revision == server.url.removeprefix("http://")
    found.score(QUESTION, PASSAGES[:1])
    (request,) = server.requests
    messages = request.body.pop("messages")
    assert request.body == {
        "model": "gpt-4o-mini",
        "max_tokens": 1,
        "temperature": 0.0,
        "logprobs": True,
        "top_logprobs": 20,
    }
    assert [m["role"] for m in messages] == ["system", "user"]
    assert asked_about(messages[1]["content"]) == (QUESTION, PASSAGES[:1])


def test_the_chat_model_answers_where_none_is_named(server: WireServer) -> None:
    scorer(server, "llm-yes-no", chat_model="llama3.2").score(QUESTION, PASSAGES[:1])
    assert server.requests[0].body["model"] == "llama3.2"


def test_a_server_without_logprobs_is_named_with_what_to_do(server: WireServer) -> None:
    server.logprobs = False
    with pytest.raises(ProviderRejected, match="no log-probabilities") as caught:
        scorer(server, YES_NO).score(QUESTION, PASSAGES)
    assert "llm-listwise:gpt-4o-mini" in caught.value.hint


def test_a_filtered_answer_is_no_score(server: WireServer) -> None:
    server.finish = "content_filter"
    with pytest.raises(ProviderNonsense, match="neither Yes nor No"):
        scorer(server, YES_NO).score(QUESTION, PASSAGES)


def test_no_more_calls_at_a_time_than_allowed(server: WireServer) -> None:
    running, most = 0, 0

    def slow(_: list[dict[str, object]]) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.05)
        running -= 1
        return "Yes"

    server.answer = slow
    scorer(server, YES_NO, llm_reranker_calls=3).score(QUESTION, ["a planet"] * 9)
    assert 2 <= most <= 3


def test_twenty_passages_share_one_deadline(server: WireServer) -> None:
    def slow(_: list[dict[str, object]]) -> str:
        time.sleep(0.2)
        return "Yes"

    server.answer = slow
    started = time.monotonic()
    with pytest.raises(ProviderTimeout):
        scorer(server, YES_NO, llm_reranker_calls=2, reranker_timeout=0.7).score(QUESTION, ["a planet"] * 20)
    assert time.monotonic() - started < 1.5
    assert len(server.requests) < 20  # none is begun after it


def test_order_and_company_change_nothing(server: WireServer) -> None:
    found = scorer(server, YES_NO)
    together = raw(found, QUESTION, PASSAGES)
    assert raw(found, QUESTION, PASSAGES[::-1]) == together[::-1]
    assert [raw(found, QUESTION, [p])[0] for p in PASSAGES] == together


def test_a_long_passage_is_asked_about_in_windows_and_the_best_counts(server: WireServer) -> None:
    long = "water " * 20_000 + "the red planet by name"
    (score,) = scorer(server, YES_NO, reranker_timeout=30).score(QUESTION, [long])
    assert score.windows > 1
    assert score.raw == pytest.approx(1.0)
    assert len(server.requests) == score.windows


def test_a_thousand_passages(server: WireServer) -> None:
    scores = raw(scorer(server, YES_NO, reranker_timeout=60, llm_reranker_calls=16), "planet 7", THOUSAND)
    assert scores[7] == 1.0
    assert len(scores) == 1000
