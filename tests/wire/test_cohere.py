"""The Cohere adapter through its real client, against a server that holds to the wire format."""

from __future__ import annotations

import json
import time

import pytest

from app.domain import Scale
from app.errors import (
    ProviderAuth,
    ProviderBroken,
    ProviderError,
    ProviderNonsense,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnreachable,
)
from app.providers.reranking.cohere import CohereScorer
from app.settings import Settings, load_settings
from tests.wire.formats import KEY
from tests.wire.server import RERANK, WireServer

QUESTION = "red planet name"
PASSAGES = ["The red planet is Mars, its name Roman.", "Jupiter is large.", "A planet."]
SCORES = [1.0, 0.0, 1 / 3]


def settings(server: WireServer, **values: object) -> Settings:
    given = {"cohere_base_url": server.url, "cohere_api_key": KEY, "reranker_timeout": 5.0, **values}
    return load_settings(**given)


def scorer(server: WireServer, model: str = "rerank-v3.5", **values: object) -> CohereScorer:
    return CohereScorer(model, settings(server, **values))


def test_scores_come_back_in_the_order_asked(server: WireServer) -> None:
    scores = scorer(server).score(QUESTION, PASSAGES)
    assert [s.raw for s in scores] == pytest.approx(SCORES)
    (request,) = server.requests
    assert request.path == RERANK
    assert request.body == {"model": "rerank-v3.5", "query": QUESTION, "documents": PASSAGES, "top_n": 3}


def test_what_it_says_of_itself(server: WireServer) -> None:
    profile = scorer(server).profile
    assert profile.scale is Scale.BOUNDED
    assert profile.pointwise
    assert profile.id.model == "rerank-v3.5"
    assert profile.id.revision == server.url.removeprefix("http://")  # another server is another scorer


@pytest.mark.parametrize(
    ("scenario", "kind"), [("498", ProviderAuth), ("499", ProviderBroken), ("501", ProviderRejected)]
)
def test_statuses_of_its_own(server: WireServer, scenario: str, kind: type[ProviderError]) -> None:
    server.play(RERANK, *[scenario] * 3)
    with pytest.raises(ProviderError) as caught:
        scorer(server, reranker_timeout=0.6).score(QUESTION, PASSAGES)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "scenario",
    ["no-items", "short", "repeated", "far-index", "negative-index", "nan", "text-score", "null-score", "too-high"],
)
def test_a_wrong_answer_is_a_failure(server: WireServer, scenario: str) -> None:
    """Its SDK reads some of them first, and stumbles."""
    server.play(RERANK, *[scenario] * 3)
    with pytest.raises(ProviderNonsense) as caught:
        scorer(server).score(QUESTION, PASSAGES)
    assert caught.value.hint
    assert len(server.requests) == 1


def test_a_refused_request_is_not_repeated(server: WireServer) -> None:
    server.play(RERANK, "400", "happy")
    with pytest.raises(ProviderRejected):
        scorer(server).score(QUESTION, PASSAGES)
    assert len(server.requests) == 1


def test_an_unknown_model_is_named(server: WireServer) -> None:
    with pytest.raises(ProviderRejected, match="rerank-v99"):
        scorer(server, model="rerank-v99").score(QUESTION, PASSAGES)


def test_without_key_and_server_it_says_what_to_set() -> None:
    with pytest.raises(ProviderAuth, match="key"):
        CohereScorer("rerank-v3.5", load_settings())


def test_the_server_refuses_what_the_api_refuses(server: WireServer) -> None:
    import httpx

    good = {"model": "rerank-v3.5", "query": "q", "documents": ["d"]}
    headers = {"Authorization": f"Bearer {KEY}"}
    bad = [
        {**good, "max_tokens_per_doc": None},
        {**good, "return_documents": False},
        {**good, "documents": []},
        {**good, "documents": [{"text": "d"}]},
        {**good, "top_n": "3"},
        {"model": "rerank-v3.5", "documents": ["d"]},
    ]
    assert httpx.post(server.url + RERANK, json=good, headers=headers).status_code == 200
    for body in bad:
        answer = httpx.post(server.url + RERANK, json=body, headers=headers)
        assert answer.status_code == 422, json.dumps(body)


# -- the fifth generation marks what mattered ------------------------------------------------------------------------


def test_what_mattered_in_a_passage_is_asked_for_and_handed_on(server: WireServer) -> None:
    passages = ["\U0001fa90 The red planet.", "Jupiter is large."]
    marked, plain = scorer(server, model="rerank-v5.0-pro").score(QUESTION, passages)
    assert [passages[0][s.start : s.end] for s in marked.spans] == ["red", "planet"]  # counted in characters
    assert (plain.spans, marked.truncated) == ((), False)
    assert server.requests[0].body["relevant_spans"] == {"mode": "enabled", "threshold": 0.1, "max_spans": 3}


@pytest.mark.parametrize("model", ["rerank-v3.5", "rerank-english-v3.0", "rerank-v4.0-pro", "Cohere-rerank-v4.0-pro"])
def test_earlier_models_are_not_asked_for_it(server: WireServer, model: str) -> None:
    assert all(score.spans == () for score in scorer(server, model=model).score(QUESTION, PASSAGES))
    assert "relevant_spans" not in server.requests[0].body


@pytest.mark.parametrize("scenario", ["span-beyond", "span-backwards", "span-text", "span-nan"])
def test_a_mark_that_cannot_be_is_a_wrong_answer(server: WireServer, scenario: str) -> None:
    server.play(RERANK, scenario)
    with pytest.raises(ProviderNonsense, match="marked stretch"):
        scorer(server, model="rerank-v5.0-pro").score(QUESTION, PASSAGES)


@pytest.mark.parametrize(
    ("model", "window", "cut"),
    [("rerank-v3.5", 4096, 4095), ("rerank-v4.0-fast", 32768, 4097), ("rerank-v5.0-fast", 32768, 4097)],
)
def test_a_passage_longer_than_it_reads_is_said_to_be_cut(
    server: WireServer, model: str, window: int, cut: int
) -> None:
    cohere = scorer(server, model=model)
    assert cohere.profile.id.window == window
    scores = cohere.score("red planet", ["planet " * cut, "planet " * (cut - 1)])
    assert [score.truncated for score in scores] == [True, False]


def test_a_deployment_behind_a_path_is_reached(server: WireServer) -> None:
    """Azure AI Foundry: .../providers/cohere, to which the SDK adds /v2/rerank; the name is the deployment's."""
    deployed = scorer(server, model="Cohere-rerank-v4.0-pro", cohere_base_url=f"{server.url}/providers/cohere")
    with pytest.raises(ProviderRejected, match="/providers/cohere/v2/rerank"):  # this server has no such path
        deployed.score(QUESTION, PASSAGES)
    assert deployed.profile.id.window == 32768


def test_many_passages_are_split(server: WireServer) -> None:
    scores = scorer(server, reranker_timeout=10).score("planet", [f"planet {n}" for n in range(1001)])
    assert [len(r.body["documents"]) for r in server.requests] == [1000, 1]
    assert len(scores) == 1001


@pytest.mark.parametrize("scenario", ["drip", "part"])
def test_a_body_that_never_ends_is_not_waited_for(server: WireServer, scenario: str) -> None:
    server.play(RERANK, *[scenario] * 3)
    started = time.monotonic()
    with pytest.raises((ProviderTimeout, ProviderUnreachable)):
        scorer(server, reranker_timeout=0.4).score(QUESTION, PASSAGES)
    assert time.monotonic() - started < 2


def test_the_scale_of_a_server_that_imitates_cohere_can_be_declared(server: WireServer) -> None:
    server.play(RERANK, "too-high", "too-high")
    with pytest.raises(ProviderNonsense, match="not between 0 and 1") as caught:
        scorer(server).score(QUESTION, PASSAGES)
    assert "RERANKER_SCALE" in caught.value.hint
    declared = scorer(server, reranker_scale="logit")
    assert declared.score(QUESTION, PASSAGES)[0].raw == 1.5
    assert declared.profile.scale is Scale.LOGIT
    assert declared.profile.id != scorer(server).profile.id
