"""Any sentence-transformers model, here a tiny random one with prompts of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.errors import ModelDamaged, ModelMissing, SettingsError
from app.ports import Embedder
from app.providers.embedding import open_embedder
from app.settings import load_settings
from tests.providers.conftest import WINDOW, save_encoder

TEXTS = ["mars is the red planet", "water", "", "火星", "word " * 200]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def embedder(folder: Path) -> Embedder:
    return open_embedder(load_settings(embedding=f"sentence-transformers:{folder}"))


def test_vectors(embedder: Embedder) -> None:
    rows = embedder.embed_passages(TEXTS)
    assert rows.shape == (5, 32) == (5, embedder.dimension)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert embedder.embed_questions([]).shape == (0, 32)


def test_questions_and_passages_get_their_own_prompt(embedder: Embedder, folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(folder), device="cpu")
    expected = plain.encode(["ask: mars", "text: mars"], normalize_embeddings=True)
    found = np.vstack([embedder.embed_questions(["mars"]), embedder.embed_passages(["mars"])])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert float(found[0] @ found[1]) < 0.9999


def test_prompts_of_ones_own_win_over_the_models_and_are_part_of_the_id(embedder: Embedder, folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    prompts = {"embedding_question_prompt": "query: ", "embedding_passage_prompt": "passage: "}
    own = open_embedder(load_settings(embedding=f"sentence-transformers:{folder}", **prompts))
    plain = SentenceTransformer(str(folder), device="cpu")
    expected = plain.encode(["query: mars", "passage: mars"], normalize_embeddings=True)
    found = np.vstack([own.embed_questions(["mars"]), own.embed_passages(["mars"])])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert own.id != embedder.id
    assert own.id.split("/")[2] == embedder.id.split("/")[2]  # the weights are the same


def test_shorter_vectors_have_length_one_and_an_id_of_their_own(embedder: Embedder, folder: Path) -> None:
    short = open_embedder(load_settings(embedding=f"sentence-transformers:{folder}", embedding_dimensions=16))
    rows, whole = short.embed_passages(TEXTS), embedder.embed_passages(TEXTS)[:, :16]
    assert rows.shape == (5, 16) == (5, short.dimension)
    np.testing.assert_allclose(rows, whole / np.linalg.norm(whole, axis=1, keepdims=True), atol=1e-5)
    assert "@16/" in short.id
    with pytest.raises(SettingsError, match="EMBEDDING_DIMENSIONS=64 is more than"):
        open_embedder(load_settings(embedding=f"sentence-transformers:{folder}", embedding_dimensions=64))


def test_tokens_and_window(embedder: Embedder) -> None:
    assert embedder.count_tokens(["mars is red", "", "word " * 200])[:2] == [3, 0]
    # the window holds [CLS], [SEP] and the longer prompt ("text", ":") too
    assert embedder.max_tokens == WINDOW - 2 - 2


def test_ids_tell_weights_apart(embedder: Embedder, tmp_path: Path, folder: Path) -> None:
    import shutil

    other = tmp_path / folder.name
    shutil.copytree(folder, other)
    weights = next(other.rglob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    changed = open_embedder(load_settings(embedding=f"sentence-transformers:{other}"))
    assert changed.id.split("/")[2] != embedder.id.split("/")[2]


def test_nothing_is_downloaded(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        open_embedder(load_settings(embedding="sentence-transformers:BAAI/bge-small-en-v1.5"))
    assert caught.value.hint == "sluice models pull BAAI/bge-small-en-v1.5"
    with pytest.raises(ModelMissing):
        open_embedder(load_settings(embedding=f"sentence-transformers:{tmp_path}/none"))


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelDamaged):
        open_embedder(load_settings(embedding=f"sentence-transformers:{tmp_path}"))
