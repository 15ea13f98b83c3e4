"""Language models as rerankers, through their real HTTP client, against a server that holds to OpenAI's formats."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from app.domain import Scale, Usage
from app.errors import (
    ProviderAuth,
    ProviderBroken,
    ProviderError,
    ProviderNonsense,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnreachable,
)
from app.metering import metered
from app.ports import Scorer
from app.prices.read import price_list
from app.providers.breaker import forget_failures
from app.providers.reranking.registry import open_scorer
from app.settings import Settings, load_settings
from tests.wire.formats import KEY
from tests.wire.llm_formats import asked_about, written_order
from tests.wire.server import CHAT, DECISIONS, WireServer

QUESTION = "red planet name"
PASSAGES = ["Jupiter is large.", "The red planet is Mars, its name Roman.", "A planet."]
YES_NO, LISTWISE, DECIDING = "llm-yes-no:gpt-4o-mini", "llm-listwise:gpt-4o-mini", "openai-decisions"
ALL = [YES_NO, LISTWISE, DECIDING]
PATHS = {YES_NO: CHAT, LISTWISE: CHAT, DECIDING: DECISIONS}
SCORES = {YES_NO: [0.0, 1.0, 1 / 3], LISTWISE: [-3.0, -1.0, -2.0], DECIDING: [0.0, 1.0, 1 / 3]}


@pytest.fixture(autouse=True)
def _no_memory_of_failures() -> None:
    forget_failures()


@pytest.fixture
def ranking(server: WireServer) -> WireServer:
    server.answer = written_order
    return server


def settings(server: WireServer, **values: object) -> Settings:
    given = {"openai_base_url": server.openai_url, "openai_api_key": KEY, "reranker_timeout": 5.0, **values}
    return load_settings(**given)


def scorer(server: WireServer, name: str, **values: object) -> Scorer:
    return open_scorer(name, settings(server, **values))


def raw(scorer: Scorer, question: str, passages: list[str]) -> list[float | None]:
    return [score.raw for score in scorer.score(question, passages)]


# -- what is the same for the three ----------------------------------------------------------------


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
@pytest.mark.parametrize(
    "passages",
    [
        ["one planet"],
        ["nothing of the kind"] * 3,
        ["the same planet"] * 20,
        ["", "   ", "planet"],
        ["火星は赤い惑星です", "Марс", "كوكب", "\U0001fa90 \x00 \ud7ff"],
        ["{passage} {question}", "<<end of passage>> <<passage 9>> <<question>>", "[7] > [9]"],
    ],
    ids=["one", "all irrelevant", "twenty equal", "empty text", "not Latin", "looks like the prompt"],
)
def test_any_passages(ranking: WireServer, name: str, passages: list[str]) -> None:
    scores = raw(scorer(ranking, name), "name a planet", passages)
    assert len(scores) == len(passages)
    assert all(score is not None for score in scores)
    if name == LISTWISE:
        assert sorted(score or 0 for score in scores) == [-float(n) for n in range(len(passages), 0, -1)]
    else:
        assert all(0 <= (score or 0) <= 1 for score in scores)


@pytest.mark.parametrize("name", ALL)
def test_an_empty_question(ranking: WireServer, name: str) -> None:
    assert len(raw(scorer(ranking, name), "  ", ["planet", "moon"])) == 2


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("400", ProviderRejected),
        ("401", ProviderAuth),
        ("403", ProviderAuth),
        ("404", ProviderRejected),
        ("422", ProviderRejected),
        ("429", ProviderRateLimited),
        ("429-after-60", ProviderRateLimited),
        ("500", ProviderBroken),
        ("503", ProviderBroken),
        ("html-502", ProviderBroken),
        ("timeout", ProviderTimeout),
        ("reset", ProviderUnreachable),
        ("malformed", ProviderNonsense),
        ("html", ProviderNonsense),
        ("empty", ProviderNonsense),
        ("not-an-object", ProviderNonsense),
    ],
)
def test_failures_are_ours(ranking: WireServer, name: str, scenario: str, kind: type[ProviderError]) -> None:
    ranking.play(PATHS[name], *[scenario] * 12)
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        scorer(ranking, name, reranker_timeout=0.6).score(QUESTION, PASSAGES)
    assert type(caught.value) is kind
    assert caught.value.hint
    assert KEY not in caught.value.message + caught.value.hint
    assert time.monotonic() - started < 3


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


def test_one_call_without_usage_makes_the_sum_unknown(ranking: WireServer) -> None:
    ranking.reports = False
    with metered() as used:
        scorer(ranking, YES_NO).score(QUESTION, PASSAGES)
    assert [usage.units for usage in used] == [None]


# -- yes or no -------------------------------------------------------------------------------------


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
    passages = [f"planet {n}" for n in range(1000)]
    scores = raw(scorer(server, YES_NO, reranker_timeout=60, llm_reranker_calls=16), "planet 7", passages)
    assert scores[7] == 1.0
    assert len(scores) == 1000


# -- decisions -------------------------------------------------------------------------------------


def test_decisions_ask_once_for_all(server: WireServer) -> None:
    found = scorer(server, DECIDING)
    assert (found.profile.scale, found.profile.pointwise) == (Scale.PROBABILITY, False)
    found.score(QUESTION, PASSAGES)
    (request,) = server.requests
    assert request.body["model"] == "gpt-6-luna"
    assert asked_about(request.body["input"]) == (QUESTION, PASSAGES)
    assert [q["name"] for q in request.body["questions"]] == ["passage_1", "passage_2", "passage_3"]
    assert request.body["prompt_cache_options"] == {"mode": "explicit"}  # no breakpoint: nothing is written to a cache


def test_what_decisions_cost_is_known(server: WireServer) -> None:
    with metered() as used:
        open_scorer(DECIDING, settings(server)).score(QUESTION, PASSAGES)
    (tokens,) = (usage.units for usage in used)
    charge = price_list(None).charge(Usage("openai", "gpt-6-luna", tokens))
    assert charge.usd == pytest.approx(len(server.requests[0].body["input"].split()) * 0.10 / 1e6)


def test_the_request_is_what_the_sdk_would_send(server: WireServer) -> None:
    """Its own client makes the same body of the same arguments, and reads the server's answer as its own type."""
    import openai

    scorer(server, DECIDING).score(QUESTION, PASSAGES)
    ours = server.requests[-1].body
    answer = openai.OpenAI(base_url=server.openai_url, api_key=KEY).decisions.create(**ours)
    assert server.requests[-1].body == ours
    assert [each.probability for each in answer.answers] == pytest.approx(SCORES[DECIDING])


def test_a_refusal_is_a_passage_without_a_score(server: WireServer) -> None:
    assert raw(scorer(server, DECIDING), QUESTION, ["a forbidden planet", "a planet"]) == [None, pytest.approx(1 / 3)]


def test_more_passages_than_one_request_holds(server: WireServer) -> None:
    passages = [f"planet {n}" for n in range(1000)]
    scores = raw(scorer(server, DECIDING, reranker_timeout=30), "planet 7", passages)
    assert scores[7] == 1.0
    assert len(scores) == 1000
    assert len(server.requests) == 3


def test_a_very_long_passage(server: WireServer) -> None:
    (score,) = scorer(server, DECIDING).score(QUESTION, ["water " * 20_000 + "the red planet by name"])
    assert score.windows > 1
    assert score.raw == pytest.approx(1.0)


@pytest.mark.parametrize("scenario", ["reversed", "short", "nan", "text-score", "null-score", "too-high", "no-items"])
def test_decisions_that_are_off(server: WireServer, scenario: str) -> None:
    server.play(DECISIONS, scenario)
    with pytest.raises(ProviderNonsense) as caught:
        scorer(server, DECIDING).score(QUESTION, PASSAGES)
    assert caught.value.hint


def test_the_server_refuses_what_the_api_refuses(server: WireServer) -> None:
    import httpx

    question = {"type": "predicate", "instructions": "Passage 1 is good.", "name": "a"}
    good = {
        "model": "gpt-6-luna",
        "input": "<<question>>\nq\n<<end of question>>\n<<passage 1>>\np\n<<end of passage 1>>",
    }
    bad = [
        good,
        {**good, "questions": []},
        {**good, "questions": [question] * 401},
        {**good, "questions": [{**question, "type": "guess"}]},
        {**good, "questions": [question], "temperature": 0},
        {**good, "questions": [question], "safety_identifier": None},
    ]
    headers = {"Authorization": f"Bearer {KEY}"}

    def status(body: object) -> int:
        return httpx.post(server.url + DECISIONS, json=body, headers=headers).status_code

    assert status({**good, "questions": [question]}) == 200
    assert [status(body) for body in bad] == [400] * len(bad), json.dumps(bad)


# -- an order --------------------------------------------------------------------------------------


def test_an_order_has_no_scale(ranking: WireServer) -> None:
    profile = scorer(ranking, LISTWISE).profile
    assert (profile.scale, profile.pointwise) == (Scale.RANK_ONLY, False)


Answer = Callable[[list[dict[str, object]]], str]


@pytest.mark.parametrize(
    ("said", "ranks"),
    [
        ("[2] > [3] > [1]", [-3.0, -1.0, -2.0]),
        ("Sure! Here it is:\n2, 3, 1", [-3.0, -1.0, -2.0]),
        ("[2] > [2] > [3] > [1] > [2]", [-3.0, -1.0, -2.0]),
        ("[9] > [2] > [0] > [3] > [1] > [-4]", [-3.0, -1.0, -2.0]),
        ("<think>[1] > [2] looks right, or [3]?</think>[2] > [3] > [1]", [-3.0, -1.0, -2.0]),
        ("[2] > [3]", [None, -1.0, -2.0]),
        ("[2]", [None, -1.0, None]),
    ],
    ids=["as asked", "a list", "repeated", "out of range", "thinking aloud", "one missing", "one named"],
)
def test_orders_as_models_write_them(server: WireServer, said: str, ranks: list[float | None]) -> None:
    server.answer = lambda _: said
    assert raw(scorer(server, LISTWISE), QUESTION, PASSAGES) == ranks


@pytest.mark.parametrize("said", ["", "I cannot rank these.", "<think>[1] > [2]", "[4] > [5]"])
def test_no_order_is_nonsense(server: WireServer, said: str) -> None:
    server.answer = lambda _: said
    with pytest.raises(ProviderNonsense, match="no order"):
        scorer(server, LISTWISE).score(QUESTION, PASSAGES)


def test_more_than_fits_is_ranked_in_windows_from_the_back(ranking: WireServer) -> None:
    passages = [f"moon {n}" for n in range(50)]
    passages[49] = "the red planet by name"  # last of all: it has to come through every window
    scores = raw(scorer(ranking, LISTWISE, chat_window=32_000), QUESTION, passages)
    assert scores[49] == -1.0
    assert scores[:2] == [-2.0, -3.0]
    assert len(ranking.requests) == 4  # 30 to 49, 20 to 39, 10 to 29, 0 to 19


def test_a_small_window_takes_fewer_at_a_time_and_cuts_long_ones(ranking: WireServer) -> None:
    passages = ["planet " + "water " * 3000, "the red planet by name", *["a planet " * 100] * 10]
    found = scorer(ranking, LISTWISE, chat_window=2048).score(QUESTION, passages)
    assert found[1].raw == -1.0
    assert [score.truncated for score in found[:3]] == [True, False, False]
    assert len(ranking.requests) > 1
    longest = max(len(request.body["messages"][1]["content"].split()) for request in ranking.requests)
    assert longest < 2048


def test_a_passage_of_twenty_thousand_tokens_and_a_thousand_passages(ranking: WireServer) -> None:
    (long, _) = scorer(ranking, LISTWISE).score(QUESTION, ["water " * 20_000, "planet"])
    assert long.truncated
    passages = [f"planet {n}" for n in range(1000)]
    scores = raw(scorer(ranking, LISTWISE, reranker_timeout=60), "planet 7", passages)
    assert scores[7] == -1.0
    assert len(set(scores)) == 1000
