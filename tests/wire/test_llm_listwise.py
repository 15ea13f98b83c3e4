"""An order written by a language model: how it is read, and windows over more than fits."""

from __future__ import annotations

import pytest

from app.domain import Scale
from app.errors import ProviderNonsense
from tests.passages import LONG, THOUSAND
from tests.wire.llm_formats import written_order
from tests.wire.llm_rerankers import LISTWISE, PASSAGES, QUESTION, raw, scorer
from tests.wire.server import WireServer


@pytest.fixture
def ranking(server: WireServer) -> WireServer:
    server.answer = written_order
    return server


def test_an_order_has_no_scale(ranking: WireServer) -> None:
    profile = scorer(ranking, LISTWISE).profile
    assert (profile.scale, profile.pointwise) == (Scale.RANK_ONLY, False)


@pytest.mark.parametrize(
    ("said", "ranks"),
    [
        ("[2] > [3] > [1]", [-3.0, -1.0, -2.0]),
        ("Sure! Here it is:\n2, 3, 1", [-3.0, -1.0, -2.0]),
        ("1. Passage 2\n2. Passage 3\n3. Passage 1", [-3.0, -1.0, -2.0]),
        ("1) [2]\n2) [3]\n3) [1]", [-3.0, -1.0, -2.0]),
        ("2.\n3.\n1.", [-3.0, -1.0, -2.0]),
        ("[2] > [2] > [3] > [1] > [2]", [-3.0, -1.0, -2.0]),
        ("[9] > [2] > [0] > [3] > [1] > [-4]", [-3.0, -1.0, -2.0]),
        ("<think>[1] > [2] looks right, or [3]?</think>[2] > [3] > [1]", [-3.0, -1.0, -2.0]),
        ("[2] > [3]", [None, -1.0, -2.0]),
        ("[2]", [None, -1.0, None]),
    ],
    ids=[
        "as asked",
        "a list",
        "a numbered list",
        "brackets in a numbered list",
        "one a line",
        "repeated",
        "out of range",
        "thinking aloud",
        "one missing",
        "one named",
    ],
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
    (long, _) = scorer(ranking, LISTWISE).score(QUESTION, ["water " * LONG, "planet"])
    assert long.truncated
    scores = raw(scorer(ranking, LISTWISE, reranker_timeout=60), "planet 7", THOUSAND)
    assert scores[7] == -1.0
    assert len(set(scores)) == 1000
