"""Late interaction with a trained model: a tiny random one, through sentence-transformers' MultiVectorEncoder."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from app.domain import Scale
from app.errors import ModelDamaged, ModelError, ModelMissing
from app.providers.reranking.multi_vector import MultiVectorScorer, mean_maxsim
from app.providers.reranking.registry import open_scorer
from app.settings import load_settings
from tests.providers.conftest import WINDOW, save_classifier, save_multi_vector

QUESTION = "what is the red planet?"
PASSAGES = ["mars is the red planet.", "the water of a planet", "a cat sat on 3 mats", "", "zzz 99 yyy"]
LONG = " ".join(f"a planet {i} of water" for i in range(40)) + " mars is the red planet."


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_multi_vector(tmp_path_factory.mktemp("multi-vector"))


@pytest.fixture(scope="session")
def scorer(folder: Path) -> MultiVectorScorer:
    return MultiVectorScorer(str(folder))


def raw(scorer: MultiVectorScorer, question: str, passages: list[str]) -> list[float]:
    values = [s.raw for s in scorer.score(question, passages)]
    return [v for v in values if v is not None and math.isfinite(v)]


def test_maxsim_by_hand() -> None:
    question = np.array([[1, 0], [0, 1]], dtype=np.float32)
    passage = np.array([[1, 0], [0.6, 0.8]], dtype=np.float32)
    assert mean_maxsim(question, passage) == pytest.approx((1 + 0.8) / 2)
    assert mean_maxsim(question, passage[:0]) == 0.0


def test_it_is_the_models_own_maxsim_over_the_questions_length(scorer: MultiVectorScorer, folder: Path) -> None:
    from sentence_transformers import MultiVectorEncoder

    model = MultiVectorEncoder(str(folder), local_files_only=True)
    asked = model.encode_query([QUESTION], normalize_embeddings=True)
    sums = model.similarity(asked, model.encode_document(PASSAGES, normalize_embeddings=True))[0]
    expected = [max(0.0, float(total) / len(asked[0])) for total in sums]
    np.testing.assert_allclose(raw(scorer, QUESTION, PASSAGES), expected, atol=1e-5)
    assert len({round(value, 4) for value in expected}) == len(PASSAGES)  # else nothing would be compared


def test_question_and_passage_are_read_with_their_own_prompts(scorer: MultiVectorScorer) -> None:
    ((asked,), (read,)) = (
        scorer._vectors(encode, ["mars"]) for encode in (scorer._model.encode_query, scorer._model.encode_document)
    )
    assert asked.shape == read.shape
    assert not np.allclose(asked, read)


def test_what_it_says_of_itself(scorer: MultiVectorScorer, folder: Path) -> None:
    profile = scorer.profile
    assert (profile.scale, profile.pointwise, profile.fixed_weights) == (Scale.BOUNDED, True, True)
    assert profile.id.provider == "multi-vector"  # the one that ships is another scorer, with another calibration
    assert (profile.id.model, profile.id.window) == (str(folder), WINDOW)
    assert len(profile.id.revision) == 12


def test_order_and_company_change_nothing(scorer: MultiVectorScorer) -> None:
    together = raw(scorer, QUESTION, PASSAGES)
    np.testing.assert_allclose(raw(scorer, QUESTION, PASSAGES[::-1]), together[::-1], atol=1e-5)
    np.testing.assert_allclose([raw(scorer, QUESTION, [p])[0] for p in PASSAGES], together, atol=1e-5)


@pytest.mark.parametrize("passage", ["", "  ", "火星は赤い惑星です", "Марс كوكب", "\x00\ufeff", "?" * 300])
def test_odd_passages_get_a_score(scorer: MultiVectorScorer, passage: str) -> None:
    (score,) = raw(scorer, QUESTION, [passage])
    assert 0 <= score <= 1
    assert len(raw(scorer, "", [passage])) == 1


def test_a_long_passage_is_windowed_and_its_end_counts(scorer: MultiVectorScorer) -> None:
    (long,) = scorer.score(QUESTION, [LONG])
    (cut,) = scorer.score(QUESTION, [LONG.removesuffix(" mars is the red planet.")])
    assert long.windows > 1
    assert long.raw != cut.raw or long.windows != cut.windows
    assert scorer.score(QUESTION, [PASSAGES[0]])[0].windows == 1
    assert scorer.score(QUESTION, []) == []


def test_by_its_setting(folder: Path) -> None:
    scorer = open_scorer(f"late-interaction:{folder}", load_settings())
    assert scorer.profile.label == f"late interaction {folder}"


def test_a_model_that_was_not_trained_for_it_is_refused(tmp_path: Path) -> None:
    """It would get a layer of random weights, and scores from it."""
    with pytest.raises(ModelError, match="not trained for late interaction") as caught:
        MultiVectorScorer(str(save_classifier(tmp_path / "classifier", labels=1)))
    assert "cross-encoder:" in caught.value.hint


def test_a_damaged_one_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "pylate.models.Dense.Dense"}]), encoding="utf-8")
    with pytest.raises(ModelDamaged, match="cannot be loaded"):
        MultiVectorScorer(str(tmp_path))


def test_what_is_not_here_is_not_downloaded() -> None:
    with pytest.raises(ModelMissing) as caught:
        MultiVectorScorer("org/none")
    assert "sluice models pull org/none" in caught.value.hint
