"""Cohere's embeddings through the real SDK, and what all embedding services share, against the wire format."""

from __future__ import annotations

import numpy as np
import pytest

from app.errors import (
    ProviderAuth,
    ProviderNonsense,
    ProviderRejected,
    SettingsError,
)
from app.metering import metered
from app.ports import Embedder
from app.providers.embedding import open_embedder, runs_here
from app.settings import load_settings
from tests.wire.chat_formats import COHERE_EMBED
from tests.wire.failing import any_failure, fails_as_it_should
from tests.wire.formats import KEY, vector
from tests.wire.server import EMBEDDINGS, WireServer


def embedder(server: WireServer, model: str = "embed-v4.0", **values: object) -> Embedder:
    given = {"cohere_base_url": server.url, "cohere_api_key": KEY, "embedding_timeout": 2.0, **values}
    return open_embedder(load_settings(embedding=f"cohere:{model}", **given))


def test_questions_and_passages_are_embedded_as_such_and_have_length_one(server: WireServer) -> None:
    model = embedder(server)
    with metered() as used:
        passages, questions = model.embed_passages(["b", "a"]), model.embed_questions(["a"])
    assert passages.shape == (2, 1536)
    assert passages.dtype == np.float32
    np.testing.assert_allclose(passages[1], np.array(vector("search_document a", 1536)) / 3, atol=1e-6)
    np.testing.assert_allclose(questions[0], np.array(vector("search_query a", 1536)) / 3, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(passages, axis=1), 1, atol=1e-6)
    assert server.requests[0].body == {
        "model": "embed-v4.0",
        "texts": ["b", "a"],
        "input_type": "search_document",
        "embedding_types": ["float"],
        "truncate": "END",
    }
    assert [usage.units for usage in used] == [{"input_tokens": 2}, {"input_tokens": 1}]


def test_many_texts_go_ninety_six_at_a_time(server: WireServer) -> None:
    assert embedder(server, "embed-english-v3.0").embed_passages([f"text {i}" for i in range(200)]).shape == (200, 1024)
    assert [len(request.body["texts"]) for request in server.requests] == [96, 96, 8]


def test_shorter_vectors_are_another_embedder(server: WireServer) -> None:
    short = embedder(server, embedding_dimensions=256)
    assert short.embed_passages(["a"]).shape == (1, 256)
    assert short.dimension == 256
    assert short.id != embedder(server).id
    assert "embed-v4.0@256" in short.id
    with pytest.raises(ProviderRejected, match="output_dimension"):
        embedder(server, "embed-english-v3.0", embedding_dimensions=256).embed_passages(["a"])


def test_windows_and_lengths_are_known(server: WireServer) -> None:
    assert embedder(server).max_tokens == 128_000
    assert embedder(server, "embed-multilingual-v3.0").max_tokens == 512
    assert embedder(server, "embed-multilingual-v3.0").dimension == 1024
    assert server.requests == []


def test_nothing_and_blank(server: WireServer) -> None:
    assert embedder(server).embed_passages([]).shape == (0, 1536)
    assert embedder(server).embed_passages(["", " ", "火星"]).shape == (3, 1536)


@any_failure
def test_failures_are_ours(server: WireServer, scenario: str) -> None:
    def ask(seconds: float) -> object:
        return embedder(server, embedding_timeout=seconds).embed_questions(["one", "two"])

    fails_as_it_should(server, COHERE_EMBED, scenario, ask, but={"501": ProviderRejected})


@pytest.mark.parametrize("scenario", ["no-items", "short", "shorter", "nan", "zeros", "other-length"])
def test_wrong_vectors_are_a_failure(server: WireServer, scenario: str) -> None:
    server.play(COHERE_EMBED, *[scenario] * 3)
    with pytest.raises(ProviderNonsense) as caught:
        embedder(server).embed_questions(["one", "two"])
    assert caught.value.hint


def test_a_short_outage_is_waited_out(server: WireServer) -> None:
    server.play(COHERE_EMBED, "503-after-0", "429-after-0.1")
    assert embedder(server).embed_questions(["one"]).shape == (1, 1536)


def test_without_a_key_it_says_what_to_set() -> None:
    with pytest.raises(ProviderAuth) as caught:
        open_embedder(load_settings(embedding="cohere:embed-v4.0"))
    assert "COHERE_API_KEY" in caught.value.hint


def test_shorter_vectors_from_openai(server: WireServer) -> None:
    given = {"openai_base_url": server.openai_url, "openai_api_key": KEY, "embedding_dimensions": 256}
    model = open_embedder(load_settings(embedding="openai:text-embedding-3-large", **given))
    assert model.dimension == 256
    assert "text-embedding-3-large@256" in model.id
    with pytest.raises(ProviderNonsense, match="vectors of length 3072 instead of 256"):
        model.embed_passages(["a"])  # this server does as those do that do not know the option
    assert server.requests[0].body["dimensions"] == 256


def test_a_server_for_embeddings_alone_never_gets_the_key_of_the_chat(server: WireServer) -> None:
    server.play(EMBEDDINGS, "happy")
    with WireServer() as other:
        given = {"openai_api_key": KEY, "openai_base_url": other.openai_url, "embedding_base_url": server.openai_url}
        settings = load_settings(embedding="openai:nomic-embed-text", **given)
        with pytest.raises(ProviderAuth) as caught:
            open_embedder(settings).embed_questions(["a"])
        assert KEY not in str(server.requests[0].headers)
        assert "EMBEDDING_API_KEY" in caught.value.hint
        keyed = settings.model_copy(update={"embedding_api_key": settings.openai_api_key})
        assert open_embedder(keyed).embed_questions(["a"]).shape == (1, 768)
        assert other.requests == []


def test_prompts_of_ones_own_stand_before_the_texts_and_in_the_id(server: WireServer) -> None:
    given = {"embedding_base_url": server.openai_url, "embedding_api_key": KEY}
    plain = open_embedder(load_settings(embedding="openai:nomic-embed-text", **given))
    prompts = {"embedding_question_prompt": "search_query: ", "embedding_passage_prompt": "search_document: "}
    model = open_embedder(load_settings(embedding="openai:nomic-embed-text", **given, **prompts))
    model.embed_questions(["a"])
    model.embed_passages(["b"])
    sent = [request.body["input"] for request in server.requests]
    assert [texts for texts in sent if "dimension" not in texts[0]] == [["search_query: a"], ["search_document: b"]]
    assert model.id != plain.id
    assert model.max_tokens < plain.max_tokens


def test_what_the_bundled_embedder_does_not_have_is_refused() -> None:
    with pytest.raises(SettingsError, match="EMBEDDING_DIMENSIONS is not for EMBEDDING=bundled"):
        open_embedder(load_settings(embedding="bundled", embedding_dimensions=256))


def test_who_is_paid() -> None:
    assert [runs_here(load_settings(embedding=name)) for name in ("bundled", "openai:x", "cohere:x")] == [
        True, False, False,
    ]  # fmt: skip
