"""OpenAI's Decisions API: one request for all passages, refusals, and the format that its SDK holds to."""

from __future__ import annotations

import json

import pytest

from app.domain import Scale, Usage
from app.errors import ProviderNonsense
from app.metering import metered
from app.prices.read import price_list
from app.providers.reranking.registry import open_scorer
from tests.passages import THOUSAND
from tests.wire.formats import KEY
from tests.wire.llm_formats import asked_about
from tests.wire.llm_rerankers import DECIDING, PASSAGES, QUESTION, SCORES, raw, scorer, settings
from tests.wire.server import DECISIONS, WireServer


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
    scores = raw(scorer(server, DECIDING, reranker_timeout=30), "planet 7", THOUSAND)
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
