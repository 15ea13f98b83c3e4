"""OpenAI embeddings through the real client, against a server that holds to the wire format."""

from __future__ import annotations

import numpy as np
import pytest

from app.errors import (
    ProviderAuth,
    ProviderNonsense,
    SettingsError,
)
from app.ports import Embedder
from app.providers.embedding import open_embedder
from app.providers.openai_embedding import estimated_tokens, most_tokens
from app.settings import load_settings
from tests.wire.failing import any_failure, fails_as_it_should
from tests.wire.formats import KEY, vector
from tests.wire.server import EMBEDDINGS, WireServer


def embedder(server: WireServer, model: str = "text-embedding-3-small", **values: object) -> Embedder:
    given = {"openai_base_url": server.openai_url, "openai_api_key": KEY, "embedding_timeout": 5.0, **values}
    return open_embedder(load_settings(embedding=f"openai:{model}", **given))


def test_vectors_have_length_one_and_the_order_of_the_texts(server: WireServer) -> None:
    texts = ["b", "a", "c"]
    rows = embedder(server).embed_passages(texts)
    assert rows.shape == (3, 1536)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(rows, np.array([vector(t, 1536) for t in texts]) / 3, atol=1e-6)
    assert server.requests[0].body == {
        "model": "text-embedding-3-small",
        "input": texts,
        "encoding_format": "float",
    }


def test_items_may_come_in_any_order(server: WireServer) -> None:
    server.play(EMBEDDINGS, "reversed")
    rows = embedder(server).embed_questions(["b", "a"])
    np.testing.assert_allclose(rows[0], np.array(vector("b", 1536)) / 3, atol=1e-6)


def test_many_texts_go_in_several_requests(server: WireServer) -> None:
    rows = embedder(server, "nomic-embed-text").embed_passages([f"text {i}" for i in range(300)])
    assert rows.shape == (300, 768)
    sizes = [len(r.body["input"]) for r in server.requests if r.body["input"] != ["dimension"]]
    assert sizes == [256, 44]
    np.testing.assert_allclose(rows[299], np.array(vector("text 299", 768)) / 3, atol=1e-6)


def test_dimension_and_names(server: WireServer) -> None:
    assert embedder(server, "text-embedding-3-large").dimension == 3072
    assert server.requests == []  # known, not asked
    assert embedder(server, "nomic-embed-text").dimension == 768
    assert embedder(server).id != embedder(server, "text-embedding-3-large").id


def test_nothing_empty_and_too_long(server: WireServer) -> None:
    model = embedder(server)
    assert model.embed_passages([]).shape == (0, 1536)
    assert model.embed_passages(["", "é" * 100_000, "火星"]).shape == (3, 1536)
    for text in server.requests[-1].body["input"]:
        assert 0 < most_tokens(text) <= 8191


@any_failure
def test_failures_are_ours(server: WireServer, scenario: str) -> None:
    def ask(seconds: float) -> object:
        return embedder(server, embedding_timeout=seconds).embed_questions(["one", "two"])

    fails_as_it_should(server, EMBEDDINGS, scenario, ask)


@pytest.mark.parametrize(
    "scenario",
    ["no-items", "short", "repeated", "far-index", "nan", "zeros", "null-score", "text-score", "other-length"],
)
def test_wrong_vectors_are_a_failure(server: WireServer, scenario: str) -> None:
    server.play(EMBEDDINGS, *[scenario] * 3)
    with pytest.raises(ProviderNonsense) as caught:
        embedder(server).embed_questions(["one", "two"])
    assert caught.value.hint


def test_a_short_outage_is_waited_out(server: WireServer) -> None:
    server.play(EMBEDDINGS, "503", "429-after-0.1")
    assert embedder(server).embed_questions(["one"]).shape == (1, 1536)


def test_without_a_key_it_says_what_to_set() -> None:
    with pytest.raises(ProviderAuth) as caught:
        open_embedder(load_settings(embedding="openai:text-embedding-3-small"))
    assert "OPENAI_API_KEY" in caught.value.hint


@pytest.mark.parametrize("name", ["openai", "openai:", "word2vec", "bundled:x", "sentence-transformers"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="names no embedder"):
        open_embedder(load_settings(embedding=name))


@pytest.mark.parametrize(
    ("text", "at_least", "at_most"),
    [
        ("The quick brown fox jumps over the lazy dog.", 10, 15),  # a token a word, and the full stop
        ("2019,3401.55,-3\n", 11, 16),  # 201 9 , 340 1 . 55 , - 3 and the line end
        ("incomprehensibilities", 3, 8),
        ("火星は赤い惑星です", 9, 27),
        ("", 0, 0),
    ],
)
def test_the_estimate_errs_upwards_and_not_far(text: str, at_least: int, at_most: int) -> None:
    assert at_least <= estimated_tokens(text) <= at_most
    assert estimated_tokens(text) <= most_tokens(text)
