"""Cross-encoders: a tiny random BERT, through sentence-transformers, through its ONNX file, and exported to int8."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.domain import Scale
from app.errors import ModelDamaged, ModelError, ModelMissing
from app.ports import Scorer
from app.providers.onnx_export import export_classifier
from app.providers.prepare import prepare_cross_encoder, prepared_cross_encoder
from app.providers.reranking.cross_encoder import TorchCrossEncoder, open_cross_encoder
from app.providers.reranking.onnx_cross_encoder import OnnxCrossEncoder, open_bundled
from tests.providers.conftest import save_classifier

QUESTION = "what is the red planet?"
PASSAGES = ["mars is the red planet.", "the water of a planet", "a cat sat on 3 mats", "", "zzz 99 yyy"]
LONG = " ".join(f"word{i} of a planet" for i in range(40)) + " mars is red."


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture(scope="session")
def shipped_onnx(tiny_cross_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model in a folder that ships an ONNX file, as hub models do."""
    folder = tmp_path_factory.mktemp("hub") / "with-onnx"
    shutil.copytree(tiny_cross_encoder, folder)
    (folder / "onnx").mkdir()
    export_classifier(tiny_cross_encoder, folder / "onnx" / "model.onnx")
    return folder


@pytest.fixture(scope="session")
def exported(tiny_cross_encoder: Path, models_dir: Path) -> Path:
    return prepare_cross_encoder(str(tiny_cross_encoder), models_dir)


Opener = Callable[[], Scorer]


@pytest.fixture(scope="session", params=["torch", "onnx", "int8"])
def scorer(request: pytest.FixtureRequest, tiny_cross_encoder: Path, shipped_onnx: Path, exported: Path) -> Scorer:
    nowhere = exported.parent / "none"
    if request.param == "torch":
        return open_cross_encoder(str(tiny_cross_encoder), nowhere)
    if request.param == "onnx":
        return open_cross_encoder(str(shipped_onnx), nowhere)
    return open_cross_encoder(str(tiny_cross_encoder), exported.parent)


def raw(scorer: Scorer, question: str, passages: list[str]) -> list[float]:
    values = [s.raw for s in scorer.score(question, passages)]
    assert all(v is not None and np.isfinite(v) for v in values)
    return [float(v) for v in values if v is not None]


def true_logits(folder: Path, question: str, passages: list[str]) -> list[float]:
    """What transformers itself makes of the pairs, one by one."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return [float(model(**tokenizer([question], [p], return_tensors="pt")).logits[0, 0]) for p in passages]


def test_raw_logits_without_activation(scorer: Scorer, tiny_cross_encoder: Path) -> None:
    expected = true_logits(tiny_cross_encoder, QUESTION, PASSAGES)
    assert min(expected) < 0 or max(expected) > 1  # else a sigmoid would go unnoticed
    exact = scorer.profile.id.precision != "int8-rows-1"
    tolerance = 1e-4 if exact else 0.1 * (max(expected) - min(expected))
    np.testing.assert_allclose(raw(scorer, QUESTION, PASSAGES), expected, atol=tolerance)


def test_the_three_ways_take_the_way_they_say(scorer: Scorer) -> None:
    identity = scorer.profile.id
    assert (type(scorer), identity.precision) in {
        (TorchCrossEncoder, "float32"),
        (OnnxCrossEncoder, "onnx-float32"),
        (OnnxCrossEncoder, "int8-rows-1"),
    }
    assert scorer.profile.scale is Scale.LOGIT
    assert scorer.profile.pointwise
    assert identity.provider == "cross-encoder"
    assert identity.activation == "identity"
    assert identity.window == 48
    assert len(identity.revision) == 12


def test_order_and_company_change_nothing(scorer: Scorer) -> None:
    tolerance = 1e-5 if isinstance(scorer, TorchCrossEncoder) else 1e-6  # torch pads its batches
    together = raw(scorer, QUESTION, PASSAGES)
    np.testing.assert_allclose(raw(scorer, QUESTION, PASSAGES[::-1]), together[::-1], atol=tolerance)
    alone = [raw(scorer, QUESTION, [p])[0] for p in PASSAGES]
    np.testing.assert_allclose(alone, together, atol=tolerance)


def test_nothing_one_and_twenty_equal(scorer: Scorer) -> None:
    assert scorer.score(QUESTION, []) == []
    (one,) = raw(scorer, QUESTION, [PASSAGES[0]])
    np.testing.assert_allclose(raw(scorer, QUESTION, [PASSAGES[0]] * 20), [one] * 20, atol=1e-5)


@pytest.mark.parametrize("passage", ["", "   ", "\n", "火星は赤い惑星です", "Марс كوكب", "\x00\ufeff", "?" * 300])
def test_odd_passages_get_a_score(scorer: Scorer, passage: str) -> None:
    assert len(raw(scorer, QUESTION, [passage])) == 1


def test_a_long_passage_is_windowed_and_the_best_window_counts(scorer: Scorer) -> None:
    (long,) = scorer.score(QUESTION, [LONG])
    assert long.windows > 1
    assert long.raw is not None
    # its end lies in the last window; cut off silently, the two would score the same
    (cut,) = scorer.score(QUESTION, [LONG[:-30]])
    (short,) = scorer.score(QUESTION, [PASSAGES[0]])
    assert short.windows == 1
    assert long.raw != cut.raw or long.windows != cut.windows


def test_a_long_question_leaves_room_for_the_passage(scorer: Scorer) -> None:
    first, second = raw(scorer, "what is " * 100, [PASSAGES[0], PASSAGES[2]])
    assert first != second


def test_no_question(scorer: Scorer) -> None:
    assert len(raw(scorer, "", PASSAGES)) == len(PASSAGES)


def test_an_export_is_made_once(tiny_cross_encoder: Path, exported: Path) -> None:
    before = (exported / "model.onnx").stat().st_mtime_ns
    assert prepare_cross_encoder(str(tiny_cross_encoder), exported.parent) == exported
    assert (exported / "model.onnx").stat().st_mtime_ns == before
    assert prepared_cross_encoder(str(tiny_cross_encoder), exported.parent) == exported
    assert prepared_cross_encoder(str(tiny_cross_encoder), exported.parent / "elsewhere") is None


def test_a_damaged_export_is_made_again(tiny_cross_encoder: Path, tmp_path: Path) -> None:
    folder = prepare_cross_encoder(str(tiny_cross_encoder), tmp_path)
    whole = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(whole[:-100])
    with pytest.raises(ModelDamaged):
        open_cross_encoder(str(tiny_cross_encoder), tmp_path)
    assert prepare_cross_encoder(str(tiny_cross_encoder), tmp_path) == folder
    assert (folder / "model.onnx").read_bytes() == whole  # and exporting twice gives the same


def test_the_bundled_layout_opens_and_gives_the_same(exported: Path, tiny_cross_encoder: Path) -> None:
    bundled = open_bundled(exported)
    assert bundled.profile.id.provider == "bundled"
    other = open_cross_encoder(str(tiny_cross_encoder), exported.parent)
    assert raw(bundled, QUESTION, PASSAGES) == raw(other, QUESTION, PASSAGES)


def test_a_damaged_file_is_found(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(exported, folder)
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.onnx").write_bytes(data)
    with pytest.raises(ModelDamaged, match="checksum"):
        open_bundled(folder)


def test_several_labels_are_refused(tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "three", labels=3)
    with pytest.raises(ModelError, match="3 labels"):
        open_cross_encoder(str(folder), tmp_path)
    (folder / "onnx").mkdir()
    export_classifier(folder, folder / "onnx" / "model.onnx")
    with pytest.raises(ModelError, match="3 numbers"):
        open_cross_encoder(str(folder), tmp_path).score(QUESTION, PASSAGES)


@pytest.mark.parametrize("name", ["cross-encoder/ms-marco-MiniLM-L6-v2", "no-such-model", "./nowhere", "/nowhere/x"])
def test_what_is_not_here_is_not_downloaded(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        open_cross_encoder(name, tmp_path)
    assert caught.value.hint


def test_a_folder_without_weights(tmp_path: Path, tiny_cross_encoder: Path) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    shutil.copy(tiny_cross_encoder / "config.json", folder)
    with pytest.raises(ModelDamaged):
        open_cross_encoder(str(folder), tmp_path)
