"""Cross-encoders built as their publishers build them: the logit is the model's own, whatever its architecture."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.domain import Scale
from app.errors import ModelError
from app.providers.reranking.cross_encoder import TorchCrossEncoder, cross_encoder_id, open_cross_encoder
from tests.providers import architectures
from tests.providers.architectures import Built

QUESTION = "what is the red planet?"
PASSAGES = ["mars is the red planet.", "the water of a planet", "a cat sat on 3 mats", "zzz 99 yyy"]
LONG = " ".join(f"a planet {i} of water" for i in range(60)) + " mars is the red planet."
BUILDERS: dict[str, Callable[[Path], Built]] = {
    "bge": architectures.bge,
    "mxbai": architectures.mxbai,
    "gte": architectures.gte,
    "ettin": architectures.ettin,
    "qwen": architectures.qwen,
}


@pytest.fixture(scope="module", params=BUILDERS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(7)
    return BUILDERS[request.param](tmp_path_factory.mktemp(request.param) / "model")


def test_the_logit_is_the_models_own(built: Built, tmp_path: Path) -> None:
    expected = [built.logit(QUESTION, passage) for passage in PASSAGES]
    scorer = open_cross_encoder(str(built.folder), tmp_path)
    found = [score.raw for score in scorer.score(QUESTION, PASSAGES)]
    np.testing.assert_allclose(np.array(found, dtype=float), expected, atol=2e-4)
    assert max(expected) - min(expected) > 1e-3  # else nothing would be compared
    assert min(expected) < 0 or max(expected) > 1  # else a sigmoid would go unnoticed
    assert scorer.profile.scale is Scale.LOGIT
    assert scorer.profile.id == cross_encoder_id(str(built.folder), tmp_path)


def test_order_company_and_length(built: Built, tmp_path: Path) -> None:
    scorer = open_cross_encoder(str(built.folder), tmp_path)
    together = [score.raw for score in scorer.score(QUESTION, PASSAGES)]
    back = [score.raw for score in scorer.score(QUESTION, PASSAGES[::-1])]
    np.testing.assert_allclose(np.array(back[::-1], dtype=float), np.array(together, dtype=float), atol=2e-4)
    (long,) = scorer.score(QUESTION, [LONG])
    assert long.windows > 1
    assert scorer.score(QUESTION, [""])[0].raw is not None


def test_a_language_model_without_a_template_of_its_own_gets_qwens(tmp_path: Path) -> None:
    """Early copies of Qwen3-Reranker have none that takes a pair; without one its scores are as good as random."""
    built = architectures.qwen(tmp_path / "model", template=None)
    scorer = open_cross_encoder(str(built.folder), tmp_path)
    assert isinstance(scorer, TorchCrossEncoder)
    tokenizer = scorer._model.tokenizer
    shown = tokenizer.apply_chat_template(
        [{"role": "query", "content": "QQ"}, {"role": "document", "content": "DD"}], tokenize=False
    )
    assert shown.startswith("<|im_start|>system\nJudge whether the Document meets the requirements")
    assert "<Query>: QQ\n<Document>: DD<|im_end|>" in shown
    assert shown.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert len(scorer.score(QUESTION, PASSAGES)) == 4


def test_another_language_model_without_a_template_is_refused(tmp_path: Path) -> None:
    built = architectures.qwen(tmp_path / "model", template=None, model_type="llama")
    with pytest.raises(ModelError, match="template") as caught:
        open_cross_encoder(str(built.folder), tmp_path)
    assert "sluice models pull" in caught.value.hint


def test_an_onnx_file_of_the_body_alone_is_not_taken_for_the_model(tmp_path: Path) -> None:
    """Ettin's head stands beside the transformer; an export of the transformer gives hidden states."""
    import torch

    torch.manual_seed(7)
    built = architectures.ettin(tmp_path / "made")
    folder = tmp_path / "model"
    shutil.copytree(built.folder, folder)
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"not looked at")
    scorer = open_cross_encoder(str(folder), tmp_path)
    assert isinstance(scorer, TorchCrossEncoder)
    assert scorer.score(QUESTION, PASSAGES[:1])[0].raw == pytest.approx(built.logit(QUESTION, PASSAGES[0]), abs=2e-4)
