"""The float weights behind the bundled int8 file score as the file does."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from app.errors import ModelDamaged
from app.providers.prepared import write_prepared
from app.providers.reranking.onnx_cross_encoder import open_bundled
from app.providers.reranking.registry import BUNDLED
from app.tuning.dequantise import recovered
from app.tuning.loop import score
from tests.conftest import ROOT

QUESTIONS = ("How is the threshold chosen?", "What does BM25 do with rare words?")


def _paragraphs() -> list[str]:
    pages = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))[:6]]
    return [part.strip() for page in pages for part in page.split("\n\n") if 80 < len(part) < 700][:20]


def test_recovered_weights_score_as_the_int8_file_does() -> None:
    """The two differ by the rounding of activations alone: hundredths of a logit, where scores spread over several."""
    passages, scorer, model = _paragraphs(), open_bundled(BUNDLED), recovered(BUNDLED)
    shipped = np.asarray([s.raw for q in QUESTIONS for s in scorer.score(q, passages)], dtype=np.float64)
    found = np.asarray(score(model, [(q, p) for q in QUESTIONS for p in passages]))
    assert shipped.std() > 0.8
    assert np.abs(found - shipped).mean() < 0.06
    assert np.corrcoef(found, shipped)[0, 1] > 0.999


def test_a_file_that_is_not_ours_is_named(tmp_path: Path) -> None:
    def fill(folder: Path) -> dict[str, object]:
        import onnx

        graph = onnx.helper.make_graph([], "empty", [], [])
        onnx.save(onnx.helper.make_model(graph), str(folder / "model.onnx"))
        shutil.copyfile(BUNDLED / "tokenizer.json", folder / "tokenizer.json")
        return {"schema": 1, "name": "x", "revision": "r", "precision": "int8-rows-1", "window": 384}

    with pytest.raises(ModelDamaged, match="no model that Sluice trained"):
        recovered(write_prepared(tmp_path / "other", fill))
