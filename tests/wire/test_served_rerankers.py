"""What servers say of the model they serve, and Google's credentials: asked once, before the first question."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from app.calibration.uncalibrated import NoCalibration
from app.domain import Scale
from app.errors import (
    ProviderAuth,
    ProviderError,
    ProviderNonsense,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnreachable,
)
from app.ports import Scorer
from app.providers.reranking.hosted.service import OPENING
from app.providers.reranking.registry import open_scorer
from app.settings import load_settings
from tests.wire.formats import KEY
from tests.wire.rerank_checks import PROJECT, SERVED
from tests.wire.rerank_formats import SAID
from tests.wire.rerankers import LOGITS, PASSAGES, QUESTION, SHARES, retrieved_of
from tests.wire.server import TOKEN, WireServer

INFO, VLLM_MODELS, LLAMA_MODELS = "/tei/info", "/vllm/v1/models", "/llamacpp/v1/models"


def opened(server: WireServer, name: str, **settings: object) -> Scorer:
    given = {
        "tei_base_url": f"{server.url}/tei",
        "tei_api_key": KEY,
        "vllm_base_url": f"{server.url}/vllm",
        "vllm_api_key": KEY,
        "llamacpp_base_url": f"{server.url}/llamacpp",
        "llamacpp_api_key": KEY,
        "reranker_timeout": 5.0,
        **settings,
    }
    return open_scorer(name, load_settings(**given))


def posted(server: WireServer) -> list[dict[str, object]]:
    return [request.body for request in server.requests if request.body is not None]


# -- Text Embeddings Inference -----------------------------------------------------------------------------------------


def test_tei_is_named_by_its_weights_and_asked_for_logits(server: WireServer) -> None:
    scorer = opened(server, "tei")
    identity = scorer.profile.id
    assert (identity.model, identity.revision, identity.precision) == (SERVED, "953dc6f6f85a", "float16")
    assert (identity.activation, identity.window) == ("raw", 512)
    assert [s.raw for s in scorer.score(QUESTION, PASSAGES)] == pytest.approx(LOGITS)
    [body] = posted(server)
    assert (body["raw_scores"], body["truncate"]) == (True, True)


@pytest.mark.parametrize(("batch", "calls"), [(8, [8, 8, 4]), (32, [20])])
def test_tei_gets_as_many_passages_as_it_says_it_takes(server: WireServer, batch: int, calls: list[int]) -> None:
    server.said[INFO] = {**SAID[INFO], "max_client_batch_size": batch}
    opened(server, "tei").score("planet", [f"planet {n}" for n in range(20)])
    assert [len(body["texts"]) for body in posted(server)] == calls  # type: ignore[arg-type]


def test_tei_gets_bodies_it_can_hold(server: WireServer) -> None:
    opened(server, "tei", reranker_timeout=10).score("planet", ["planet " * 20_000] * 20)
    sizes = [len(json.dumps(body)) for body in posted(server)]
    assert len(sizes) > 1 and max(sizes) < 2_000_000


@pytest.mark.parametrize("said", ["404", "not-an-object"])
def test_tei_without_info_is_taken_at_its_default(server: WireServer, said: str) -> None:
    server.play(INFO, said)
    scorer = opened(server, "tei:my-model")
    assert (scorer.profile.id.model, scorer.profile.id.window) == ("my-model", 0)
    scorer.score("planet", [f"planet {n}" for n in range(33)])
    assert [len(body["texts"]) for body in posted(server)] == [32, 1]  # type: ignore[arg-type]


def test_another_model_than_the_one_named_is_refused(server: WireServer) -> None:
    with pytest.raises(ProviderRejected, match=f"serves {SERVED}, not BAAI/bge-reranker-base") as caught:
        opened(server, "tei:BAAI/bge-reranker-base")
    assert caught.value.hint == f"Set RERANKER=tei:{SERVED}"


def test_an_embedding_model_is_no_reranker(server: WireServer) -> None:
    server.said[INFO] = {**SAID[INFO], "model_type": {"embedding": {"pooling": "cls"}}}
    with pytest.raises(ProviderRejected, match="for embeddings"):
        opened(server, "tei")


@pytest.mark.parametrize("name", ["tei", "vllm", "llama-cpp"])
def test_a_server_that_is_not_there_is_said_when_it_is_opened(name: str, server: WireServer) -> None:
    nowhere = dict.fromkeys(("tei_base_url", "vllm_base_url", "llamacpp_base_url"), "http://127.0.0.1:9")
    with pytest.raises(ProviderUnreachable):
        opened(server, name, reranker_timeout=0.8, **nowhere)


@pytest.mark.parametrize(("name", "path"), [("tei", INFO), ("vllm", VLLM_MODELS), ("llama-cpp", LLAMA_MODELS)])
def test_a_server_that_hangs_holds_up_nobody_for_long(server: WireServer, name: str, path: str) -> None:
    """Opening a scorer keeps the whole process waiting, so it has less time than a question."""
    server.play(path, *["drip"] * 3)
    started = time.monotonic()
    with pytest.raises(ProviderTimeout):
        opened(server, name, reranker_timeout=0.5)
    assert time.monotonic() - started < 2
    assert load_settings().reranker_timeout > OPENING


# -- vLLM and llama.cpp ------------------------------------------------------------------------------------------------


def test_vllm_is_asked_what_it_serves_and_for_raw_scores(server: WireServer) -> None:
    scorer = opened(server, "vllm")
    assert (scorer.profile.id.model, scorer.profile.id.window, scorer.profile.scale) == (SERVED, 512, Scale.LOGIT)
    scorer.score(QUESTION, PASSAGES)
    [body] = posted(server)
    assert (body["use_activation"], body["truncate_prompt_tokens"]) == (False, -1)


def test_a_model_that_is_not_served_is_refused_with_what_is(server: WireServer) -> None:
    with pytest.raises(ProviderRejected, match=f"has no model other; it lists: {SERVED}"):
        opened(server, "vllm:other")


def test_one_of_several_has_to_be_named(server: WireServer) -> None:
    server.said[VLLM_MODELS] = {"data": [{"id": "b"}, {"id": SERVED}]}
    with pytest.raises(ProviderRejected, match="several models, or none") as caught:
        opened(server, "vllm")
    assert "RERANKER" in caught.value.hint
    assert opened(server, f"vllm:{SERVED}").profile.id.model == SERVED


def test_without_a_list_a_name_is_taken_as_it_is(server: WireServer) -> None:
    server.play(VLLM_MODELS, "404", "404")
    assert opened(server, f"vllm:{SERVED}").profile.id.model == SERVED
    with pytest.raises(ProviderRejected):
        opened(server, "vllm")


@pytest.mark.parametrize("said", [{"data": "all of them"}, {"models": []}])
def test_a_list_of_another_shape_is_a_wrong_answer(server: WireServer, said: object) -> None:
    server.said[LLAMA_MODELS] = said
    with pytest.raises(ProviderNonsense):
        opened(server, "llama-cpp")


def test_what_llama_cpp_answers_with_is_declared_and_checked(server: WireServer) -> None:
    declared = opened(server, "llama-cpp:qwen3-reranker", reranker_scale="bounded")
    assert [s.raw for s in declared.score(QUESTION, PASSAGES)] == pytest.approx(SHARES)
    wrong = opened(server, "llama-cpp:bge-reranker", reranker_scale="bounded")
    with pytest.raises(ProviderNonsense, match="not between 0 and 1"):
        wrong.score(QUESTION, PASSAGES)
    assert declared.profile.id != opened(server, "llama-cpp:qwen3-reranker").profile.id


def test_the_scale_of_a_server_that_imitates_jina_can_be_declared(server: WireServer) -> None:
    own: dict[str, object] = {"jina_base_url": f"{server.url}/jina", "jina_api_key": KEY, "reranker_scale": "logit"}
    assert opened(server, "jina:bge-reranker", **own).profile.scale is Scale.LOGIT
    assert opened(server, "jina:jina-reranker-v3", **own).profile.scale is Scale.RANK_ONLY
    own["jina_base_url"] = None  # Jina itself needs no telling
    assert opened(server, "jina:jina-reranker-m0", **own).profile.scale is Scale.BOUNDED


def test_voyage_keys_of_atlas_go_to_an_address_with_a_version(server: WireServer) -> None:
    atlas = {"voyage_base_url": f"{server.url}/voyage/v1", "voyage_api_key": KEY}
    assert opened(server, "voyage:rerank-3", **atlas).score(QUESTION, PASSAGES)
    assert server.requests[0].path == "/voyage/v1/rerank"


@pytest.mark.parametrize(
    ("base", "path"), [("/vllm", "/vllm/v1/rerank"), ("/vllm/v1", "/vllm/v1/rerank"), ("/vllm/v1/", "/vllm/v1/rerank")]
)
def test_an_address_with_or_without_the_version_is_the_same(server: WireServer, base: str, path: str) -> None:
    opened(server, "vllm", vllm_base_url=f"{server.url}{base}").score(QUESTION, PASSAGES)
    assert [request.path for request in server.requests] == [VLLM_MODELS, path]


# -- Google's credentials ----------------------------------------------------------------------------------------------


def _account(folder: Path, server: WireServer) -> Path:
    """A service account's file, with a key of its own, whose tokens this server gives."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": key.private_bytes(*form).decode(),
        "client_email": f"test@{PROJECT}.iam.gserviceaccount.com",
        "token_uri": f"{server.url}{TOKEN}",
    }
    path = folder / "account.json"
    path.write_text(json.dumps(account), encoding="utf-8")
    return path


@pytest.fixture
def vertex(server: WireServer) -> Scorer:
    given = {"vertex_project": PROJECT, "vertex_base_url": f"{server.url}/vertex", "reranker_timeout": 5.0}
    return open_scorer("vertex:semantic-ranker-default-004", load_settings(**given))


def test_the_credentials_of_this_machine_are_used_and_renewed_when_needed(
    server: WireServer, vertex: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("google.auth", reason="the extra `vertex` is not installed")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(_account(tmp_path, server)))
    for _ in range(2):
        assert [s.raw for s in vertex.score(QUESTION, PASSAGES)] == pytest.approx((1.0, 0.0001, 0.33))
    assert len([r for r in server.requests if r.path == TOKEN]) == 1


def test_without_credentials_it_is_said_how_to_get_some(
    server: WireServer, vertex: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(ProviderAuth) as caught:
        vertex.score(QUESTION, PASSAGES)
    assert "VERTEX_ACCESS_TOKEN" in caught.value.hint
    assert not server.requests


def test_a_renewal_that_hangs_is_not_waited_for(
    server: WireServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("google.auth", reason="the extra `vertex` is not installed")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(_account(tmp_path, server)))
    server.play(TOKEN, *["timeout"] * 9)
    given = {"vertex_project": PROJECT, "vertex_base_url": f"{server.url}/vertex", "reranker_timeout": 0.5}
    started = time.monotonic()
    with pytest.raises(ProviderError):
        open_scorer("vertex:semantic-ranker-default-004", load_settings(**given)).score(QUESTION, PASSAGES)
    assert time.monotonic() - started < 2.5


def test_equal_scores_keep_the_order_of_retrieval(server: WireServer) -> None:
    """Two decimals make many of them; the order is the uncalibrated one that every question gets."""
    given = {"vertex_project": PROJECT, "vertex_base_url": f"{server.url}/vertex", "vertex_access_token": KEY}
    scorer = open_scorer("vertex:semantic-ranker-default-004", load_settings(**given))
    passages = ["red", "planet", "red planet", "name", "moon"]
    judged = NoCalibration().judge(retrieved_of(passages), scorer.score(QUESTION, passages))
    assert judged.order == (2, 0, 1, 3, 4)
