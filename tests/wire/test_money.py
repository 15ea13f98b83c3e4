"""What a question costs, over real HTTP: every amount is worked out from what the server says was used."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.compare import compare
from app.domain import Turn
from app.evaluation.playground import named_by_hand, play
from app.metering import metered
from app.providers.chat.openai import OpenAIChat
from app.providers.openai_embedding import OpenAIEmbedder
from app.providers.reranking.cohere import CohereScorer
from app.settings import load_settings
from app.trace_json import trace_to_json
from app.wiring import Sluice
from tests.wire.formats import KEY, words
from tests.wire.server import CHAT, RERANK, Recorded, WireServer
from tests.wire.test_whole_way import QUESTION, ask, wired

SEARCH, IN, CACHED, OUT = 2.00, 0.15, 0.075, 0.60
_UNITS = {
    "thousand searches": SEARCH,
    "million input tokens": IN,
    "million cached input tokens": CACHED,
    "million output tokens": OUT,
}


@pytest.fixture
def price_file(server: WireServer, tmp_path: Path) -> Path:
    """Prices of the server the tests talk to, whatever the model."""
    host = urlsplit(server.url).netloc
    rows = [f'[[price]]\nprovider = "{host}"\nmodel = "*"\nunit = "{u}"\nusd = {usd}\n' for u, usd in _UNITS.items()]
    path = tmp_path / "prices.toml"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def asked_words(request: Recorded) -> int:
    """The input tokens the server counts: distinct words of each message."""
    return sum(len(words(message["content"])) for message in request.body["messages"])


def chat_usd(request: Recorded, answer: str) -> float:
    return asked_words(request) / 1e6 * IN + len(answer.split()) / 1e6 * OUT


def test_a_question_costs_a_search_and_the_tokens_of_its_answer(
    server: WireServer, handbook_home: Path, prepared_models: Path, price_file: Path
) -> None:
    trace = ask(wired(server, handbook_home, prepared_models, price_file=price_file))
    [request] = [r for r in server.requests if r.path == CHAT]
    assert trace.answer is not None
    score, generate = trace.charges
    assert (score.usage.stage, score.usage.units, score.usd) == ("score", {"searches": 1.0}, pytest.approx(0.002))
    assert generate.usage.stage == "generate"
    assert generate.usd == pytest.approx(chat_usd(request, trace.answer.text))
    assert trace.cost_usd == pytest.approx(0.002 + chat_usd(request, trace.answer.text))
    told = json.loads(json.dumps(trace_to_json(trace)))
    assert told["cost_usd"] == pytest.approx(trace.cost_usd)
    assert [(c["stage"], c["model"]) for c in told["charges"]] == [
        ("score", "rerank-v3.5"),
        ("generate", "gpt-4o-mini"),
    ]


def test_the_list_knows_no_price_of_another_server(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    trace = ask(wired(server, handbook_home, prepared_models))
    host = urlsplit(server.url).netloc
    assert trace.cost_usd is None
    assert trace.charges[0].why == f"no price for searches of rerank-v3.5 ({host})"
    assert trace_to_json(trace)["charges"][0]["usd"] is None


def test_what_is_not_reported_is_not_known_whatever_the_prices(
    server: WireServer, handbook_home: Path, prepared_models: Path, price_file: Path
) -> None:
    server.reports = False
    trace = ask(wired(server, handbook_home, prepared_models, price_file=price_file))
    assert trace.answer is not None and trace.answer.text
    assert [charge.usage.units for charge in trace.charges] == [None, None]
    assert trace.cost_usd is None
    assert all("did not report" in charge.why for charge in trace.charges)


def test_without_reranking_no_search_is_paid_for_and_both_arms_pay_their_own_answer(
    server: WireServer, handbook_home: Path, prepared_models: Path, price_file: Path
) -> None:
    sluice = wired(server, handbook_home, prepared_models, price_file=price_file)
    options = sluice.options(library="handbook", gate=sluice.gate_choice(answer_above=0.0))
    judged = sluice.pipeline.judge(QUESTION, options)
    arms = compare(sluice.pipeline, judged, options.gate, arms=("off", "gated")).arms
    assert [c.usage.stage for c in arms["off"].charges] == ["generate"]
    assert [c.usage.stage for c in arms["gated"].charges] == ["score", "generate"]
    requests = [r for r in server.requests if r.path == CHAT]
    for trace, request, search in zip((arms["off"], arms["gated"]), requests, (0.0, 0.002), strict=True):
        assert trace.answer is not None
        assert trace.cost_usd == pytest.approx(search + chat_usd(request, trace.answer.text))
    without = compare(sluice.pipeline, judged, options.gate, arms=("off", "gated"), answers=False).arms
    assert (without["off"].cost_usd, without["gated"].cost_usd) == (0.0, pytest.approx(0.002))


def test_a_follow_up_pays_for_its_rewriting_and_its_vector_too(
    server: WireServer, handbook_home: Path, prepared_models: Path, price_file: Path
) -> None:
    standalone = "When does the gate rescue a passage?"
    server.answer = lambda messages: standalone if "Standalone question:" in messages[-1]["content"] else "So [1]."
    sluice = wired(server, handbook_home, prepared_models, price_file=price_file)
    history = (Turn("user", "What is a rescued passage?"), Turn("assistant", "One below the threshold."))
    question, _, used = sluice.pipeline.stand_alone("When does it do that?", history=history)
    [request] = [r for r in server.requests if r.path == CHAT]
    assert question.standalone == standalone
    [usage] = used
    assert usage.stage == "rewrite"
    assert sluice.pipeline.prices.charge(usage).usd == pytest.approx(chat_usd(request, standalone))
    trace = sluice.pipeline.ask("When does it do that?", sluice.options(library="handbook"), history=history)
    assert trace.charges[0].usage.stage == "rewrite"


def test_a_vector_is_paid_for_by_its_tokens(server: WireServer) -> None:
    settings = load_settings(openai_base_url=server.openai_url, openai_api_key=KEY)
    with metered() as used:
        OpenAIEmbedder("text-embedding-3-small", settings).embed_questions(["one", "two"])
    assert [u.units for u in used] == [{"input_tokens": 2}]
    server.reports = False
    with metered() as used:
        OpenAIEmbedder("text-embedding-3-small", settings).embed_questions(["one"])
    assert [u.units for u in used] == [None]


def test_many_and_long_passages_are_several_searches(server: WireServer) -> None:
    settings = load_settings(cohere_base_url=server.url, cohere_api_key=KEY)
    scorer = CohereScorer("rerank-v3.5", settings)
    counts = []
    for passages in (["planet"] * 100, ["planet"] * 101, ["planet " * 1001] * 40):
        with metered() as used:
            scorer.score("planet", passages)
        counts.append([u.units for u in used])
    # 100 documents; 101; 40 of 1,001 words are three documents each
    assert counts == [[{"searches": 1.0}], [{"searches": 2.0}], [{"searches": 2.0}]]


def test_a_reranker_that_failed_is_part_of_the_bill(
    server: WireServer, handbook_home: Path, prepared_models: Path, price_file: Path
) -> None:
    server.play(RERANK, "500", "500", "500")
    refused = ask(wired(server, handbook_home, prepared_models, price_file=price_file))
    assert refused.judged.run.status == "fallback"
    assert refused.cost_usd is not None  # an error is not charged for, and the fallback runs here
    server.play(RERANK, "timeout")
    late = ask(wired(server, handbook_home, prepared_models, price_file=price_file, reranker_timeout=0.5))
    assert (late.judged.run.status, late.cost_usd) == ("fallback", None)  # it may have been charged for


def test_what_runs_here_costs_nothing_and_says_nothing(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    local = {"openai_base_url": None, "openai_api_key": None, "reranker": "late-interaction"}
    first, again = (ask(wired(server, handbook_home, prepared_models, **local)) for _ in range(2))
    assert again.judged.run.cached  # from the score cache
    for trace in (first, again):
        assert (trace.cost_usd, trace.charges) == (0.0, ())
    assert server.requests == []


@pytest.mark.parametrize("stream", [True, False])
def test_cached_input_is_counted_apart(server: WireServer, stream: bool) -> None:
    server.cached_tokens = 4
    settings = load_settings(openai_base_url=server.openai_url, openai_api_key=KEY)
    model = OpenAIChat(settings)
    with metered() as used:
        if stream:
            last = list(model.stream("Be brief.", "Which planet is red?", max_tokens=9))[-1].used
            assert last is not None
            used.append(last)
        else:
            model.complete("Be brief.", "Which planet is red?", max_tokens=9)
    [usage] = used
    assert usage.units is not None
    assert (usage.units["cached_input_tokens"], usage.units["input_tokens"]) == (4, 2)


def test_the_playground_says_what_each_reranker_cost(
    server: WireServer, handbook_home: Path, prepared_models: Path, price_file: Path
) -> None:
    passages = ["The gate refuses.", "Bananas are yellow.", "A third."]

    def costs(sluice: Sluice) -> list[tuple[float | None, str]]:
        chosen = [named_by_hand(name, sluice.rerankers()) for name in ("late-interaction", "cohere:rerank-v3.5")]
        found = play(QUESTION, passages, chosen, sluice.open_judge, prices=sluice.prices)
        rankings = [result.ranking for result in found.results]
        return [(r.cost_usd, r.paid) for r in rankings if r is not None]

    priced = costs(wired(server, handbook_home, prepared_models, price_file=price_file))
    assert priced == [(0.0, "free, runs here"), (pytest.approx(0.002), "$0.0020")]
    assert costs(wired(server, handbook_home, prepared_models)) == [(0.0, "free, runs here"), (None, "not known")]
