"""Language models as rerankers, through their real HTTP client, against a server that holds to OpenAI's formats.

What the three ways of asking have in common; what is one's own is in a file of its name.
"""

from __future__ import annotations

import pytest

from app.domain import Usage
from app.errors import ProviderAuth, ProviderUnreachable, SettingsError
from app.metering import metered
from app.providers.reranking.registry import choices, open_scorer
from app.settings import load_settings
from tests.passages import any_passages, each_scored_alike
from tests.wire.failing import any_failure, fails_as_it_should
from tests.wire.formats import KEY
from tests.wire.llm_formats import written_order
from tests.wire.llm_rerankers import (
    ALL,
    DECIDING,
    LISTWISE,
    PASSAGES,
    PATHS,
    QUESTION,
    SCORES,
    YES_NO,
    raw,
    scorer,
    settings,
)  # fmt: skip
from tests.wire.server import WireServer


@pytest.fixture
def ranking(server: WireServer) -> WireServer:
    server.answer = written_order
    return server


@pytest.mark.parametrize("name", ALL)
def test_scores_come_back_in_the_order_asked(ranking: WireServer, name: str) -> None:
    assert raw(scorer(ranking, name), QUESTION, PASSAGES) == pytest.approx(SCORES[name])
    assert {request.path for request in ranking.requests} == {PATHS[name]}
    assert len(ranking.requests) == (3 if name == YES_NO else 1)


@pytest.mark.parametrize("name", ALL)
def test_no_passages_ask_nothing(ranking: WireServer, name: str) -> None:
    assert scorer(ranking, name).score(QUESTION, []) == []
    assert ranking.requests == []


@pytest.mark.parametrize("name", ALL)
@any_passages
def test_any_passages(ranking: WireServer, name: str, passages: list[str]) -> None:
    scores = scorer(ranking, name, reranker_timeout=30).score("name a planet", passages)
    if name == LISTWISE:
        assert sorted(score.raw or 0 for score in scores) == [-float(n) for n in range(len(passages), 0, -1)]
    else:
        each_scored_alike(scores, passages)
        assert all(0 <= (score.raw or 0) <= 1 for score in scores)


@pytest.mark.parametrize("name", [YES_NO, DECIDING])
def test_a_score_of_zero_is_a_score(ranking: WireServer, name: str) -> None:
    assert raw(scorer(ranking, name), "name a planet", ["nothing", "whatsoever"]) == [0.0, 0.0]


@pytest.mark.parametrize("name", ALL)
def test_an_empty_question(ranking: WireServer, name: str) -> None:
    assert len(raw(scorer(ranking, name), "  ", ["planet", "moon"])) == 2


@pytest.mark.parametrize("name", ALL)
@any_failure
def test_failures_are_ours(ranking: WireServer, name: str, scenario: str) -> None:
    def ask(seconds: float) -> object:
        return scorer(ranking, name, reranker_timeout=seconds).score(QUESTION, PASSAGES)

    fails_as_it_should(ranking, PATHS[name], scenario, ask)


@pytest.mark.parametrize("name", ALL)
def test_a_short_outage_is_waited_out(ranking: WireServer, name: str) -> None:
    ranking.play(PATHS[name], "503", "429-after-0.1")
    assert raw(scorer(ranking, name), QUESTION, PASSAGES) == pytest.approx(SCORES[name])


@pytest.mark.parametrize("name", ALL)
def test_nobody_there(name: str) -> None:
    nobody = load_settings(openai_base_url="http://127.0.0.1:9", openai_api_key=KEY, reranker_timeout=0.3)
    with pytest.raises(ProviderUnreachable, match="cannot be reached"):
        open_scorer(name, nobody).score(QUESTION, PASSAGES)


@pytest.mark.parametrize("name", ALL)
def test_without_key_and_server_it_says_what_to_set(name: str) -> None:
    with pytest.raises(ProviderAuth) as caught:
        open_scorer(name, load_settings())
    assert "OPENAI_API_KEY" in caught.value.hint


@pytest.mark.parametrize("name", ALL)
def test_a_server_of_its_own_never_gets_the_chats_key(ranking: WireServer, name: str) -> None:
    elsewhere = {"llm_reranker_base_url": ranking.openai_url, "openai_base_url": None}
    with pytest.raises(ProviderAuth) as caught:
        scorer(ranking, name, **elsewhere).score(QUESTION, PASSAGES)
    assert "LLM_RERANKER_API_KEY" in caught.value.hint
    assert all("Authorization" not in request.headers for request in ranking.requests)
    own = scorer(ranking, name, **elsewhere, llm_reranker_api_key=KEY)
    assert raw(own, QUESTION, PASSAGES) == pytest.approx(SCORES[name])


@pytest.mark.parametrize("name", ALL)
def test_many_calls_are_one_item_of_the_bill(ranking: WireServer, name: str) -> None:
    with metered() as used:
        scorer(ranking, name).score(QUESTION, PASSAGES)
    (usage,) = used
    assert isinstance(usage, Usage)
    assert usage.units is not None
    asked = [request.body for request in ranking.requests]
    if name == DECIDING:
        assert usage.units == {"input_tokens": len(asked[0]["input"].split())}
    else:
        assert usage.units["input_tokens"] > 50 * len(asked)
        assert usage.units["output_tokens"] >= len(asked)


@pytest.mark.parametrize("name", ALL)
def test_a_key_of_its_own_is_the_one_to_correct(ranking: WireServer, name: str) -> None:
    with pytest.raises(ProviderAuth) as caught:
        scorer(ranking, name, llm_reranker_api_key="sk-another-key-0123").score(QUESTION, PASSAGES)
    assert "LLM_RERANKER_API_KEY" in caught.value.hint
    assert "another-key-0123" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("name", [YES_NO, LISTWISE])
def test_who_answers_may_be_somebody_elses_model(ranking: WireServer, name: str) -> None:
    """The chat model's own name would mean nothing at a server with OpenAI's interface."""
    chat = {"chat_model": "anthropic:claude-sonnet-4-5"}
    assert raw(scorer(ranking, name, **chat), QUESTION, PASSAGES) == pytest.approx(SCORES[name])
    kind = name.partition(":")[0]
    assert kind not in {choice.name for choice in choices(settings(ranking, **chat))}
    with pytest.raises(SettingsError, match="CHAT_MODEL=anthropic:claude-sonnet-4-5 is not") as caught:
        scorer(ranking, kind, **chat)
    assert f"RERANKER={kind}:MODEL" in caught.value.hint


def test_one_call_without_usage_makes_the_sum_unknown(ranking: WireServer) -> None:
    ranking.reports = False
    with metered() as used:
        scorer(ranking, YES_NO).score(QUESTION, PASSAGES)
    assert [usage.units for usage in used] == [None]
