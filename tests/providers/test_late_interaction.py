"""Late interaction over the bundled embedder's token vectors, and the registry of rerankers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.domain import Scale
from app.errors import ModelMissing, ProviderAuth, SettingsError
from app.providers.bundled_embedding import open_bundled_embedder
from app.providers.reranking import registry
from app.providers.reranking.late_interaction import LateInteraction
from app.settings import Settings, load_settings

QUESTION = "How to process organic waste?"
PASSAGES = [
    "Composting turns food scraps and yard waste into soil.",
    "To process organic kitchen waste, build a compost bin.",
    "The stock market closed higher on Friday.",
    "火星は赤い惑星です",
    "",
]


@pytest.fixture(scope="module")
def scorer(prepared_models: Path) -> LateInteraction:
    return LateInteraction(open_bundled_embedder(prepared_models))


def raw(scorer: LateInteraction, question: str, passages: list[str]) -> list[float]:
    values = [s.raw for s in scorer.score(question, passages)]
    assert all(v is not None and 0 <= v <= 1 for v in values)
    return [float(v) for v in values if v is not None]


def test_the_score_is_the_mean_of_the_best_cosines(scorer: LateInteraction, prepared_models: Path) -> None:
    embedder = open_bundled_embedder(prepared_models)
    asked, found = embedder.token_vectors([QUESTION, PASSAGES[0]])
    by_hand = np.mean([max(float(q @ p) for p in found) for q in asked])
    assert raw(scorer, QUESTION, [PASSAGES[0]])[0] == pytest.approx(float(by_hand), abs=1e-5)


def test_the_relevant_passages_come_first(scorer: LateInteraction) -> None:
    scores = raw(scorer, QUESTION, PASSAGES)
    assert np.argsort(scores)[::-1].tolist()[:2] == [1, 0]
    assert scores[4] == 0.0


def test_a_text_compared_with_itself_is_at_the_top(scorer: LateInteraction) -> None:
    assert raw(scorer, QUESTION, [QUESTION])[0] == pytest.approx(1, abs=1e-5)


def test_order_and_company_change_nothing(scorer: LateInteraction) -> None:
    together = raw(scorer, QUESTION, PASSAGES)
    np.testing.assert_allclose(raw(scorer, QUESTION, PASSAGES[::-1])[::-1], together, atol=1e-6)
    np.testing.assert_allclose([raw(scorer, QUESTION, [p])[0] for p in PASSAGES], together, atol=1e-6)


def test_nothing_one_and_twenty_equal(scorer: LateInteraction) -> None:
    assert scorer.score(QUESTION, []) == []
    (one,) = raw(scorer, QUESTION, PASSAGES[:1])
    np.testing.assert_allclose(raw(scorer, QUESTION, PASSAGES[:1] * 20), [one] * 20, atol=1e-6)


def test_no_question_scores_nothing(scorer: LateInteraction) -> None:
    assert raw(scorer, "", PASSAGES) == [0.0] * len(PASSAGES)


def test_a_long_passage_takes_its_best_window(scorer: LateInteraction) -> None:
    filler = "The stock market closed higher on Friday. " * 60
    long, plain = scorer.score(QUESTION, [filler + PASSAGES[1], filler])
    assert long.windows >= plain.windows > 1
    assert long.raw is not None
    assert plain.raw is not None
    assert long.raw > plain.raw + 0.05


def test_what_it_says_of_itself(scorer: LateInteraction) -> None:
    assert scorer.profile.scale is Scale.BOUNDED
    assert scorer.profile.pointwise
    assert str(scorer.profile.id).startswith("late-interaction/all-MiniLM-L6-v2/")
    assert scorer.profile.id.window == 254


# -- the registry ----------------------------------------------------------------------------------


def settings(**values: object) -> Settings:
    return load_settings(**values)


def test_names_open_what_they_say(prepared_models: Path, tiny_cross_encoder: Path) -> None:
    here = settings(sluice_models=prepared_models, cohere_api_key="k")
    opened = {
        name: registry.open_scorer(name, here).profile
        for name in ("late-interaction", f"cross-encoder:{tiny_cross_encoder}", "cohere:rerank-v3.5", "none")
    }
    assert [p.scale for p in opened.values()] == [Scale.BOUNDED, Scale.LOGIT, Scale.BOUNDED, Scale.RANK_ONLY]
    assert len({p.id for p in opened.values()}) == 4
    automatic = registry.open_scorer("auto", here).profile
    assert automatic.id.provider == "late-interaction"
    assert registry.open_scorer("bundled", here).profile.scale is Scale.LOGIT


@pytest.mark.parametrize("name", ["", "cohere:", "cross-encoder:", "late-interaction:", "none:", "magic", "bundled:x"])
def test_unknown_names_list_what_exists(name: str) -> None:
    with pytest.raises(SettingsError, match="names no reranker") as caught:
        registry.open_scorer(name, settings())
    assert "late-interaction" in caught.value.hint


def test_what_is_missing_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        registry.open_scorer("late-interaction", settings(sluice_models=tmp_path))
    with pytest.raises(ModelMissing):
        registry.open_scorer("cross-encoder:org/none", settings())
    with pytest.raises(ProviderAuth):
        registry.open_scorer("cohere:rerank-v3.5", settings())


def test_none_scores_nothing() -> None:
    scores = registry.open_scorer("none", settings()).score(QUESTION, PASSAGES)
    assert [s.raw for s in scores] == [None] * len(PASSAGES)


def test_choices_say_why_not(prepared_models: Path, tmp_path: Path) -> None:
    here = {c.name: c for c in registry.choices(settings(sluice_models=prepared_models, reranker="cross-encoder:a/b"))}
    assert here["late-interaction"].available
    assert here["none"].available
    assert not here["cohere:rerank-v3.5"].available
    assert "COHERE_API_KEY" in (here["cohere:rerank-v3.5"].reason or "")
    assert "sluice models pull a/b" in (here["cross-encoder:a/b"].reason or "")
    elsewhere = {c.name: c for c in registry.choices(settings(sluice_models=tmp_path, cohere_api_key="k"))}
    assert not elsewhere["late-interaction"].available
    assert elsewhere["cohere:rerank-v3.5"].available


def test_choices_name_cascades_whole_and_language_models_on_request(prepared_models: Path) -> None:
    named = settings(
        sluice_models=prepared_models, reranker="cascade:late-interaction+bundled@8", openai_api_key="k", chat_model="m"
    )
    here = {c.name: c for c in registry.choices(named)}
    cascade = here["cascade:late-interaction+bundled@8"]
    assert (cascade.available, cascade.on_request) == (True, False)
    assert cascade.label.startswith("late interaction, then cross-encoder ")
    assert cascade.label.endswith(" on the best 8")
    on_request = {name: choice.label for name, choice in here.items() if choice.on_request}
    assert on_request == {
        "llm-yes-no": "m, asked for yes or no",
        "llm-listwise": "m, asked for an order",
        "openai-decisions": "OpenAI Decisions gpt-6-luna",
    }
    lacking = settings(sluice_models=prepared_models, reranker="cascade:late-interaction+cohere")
    missing = {c.name: c for c in registry.choices(lacking)}
    assert "COHERE_API_KEY" in (missing["cascade:late-interaction+cohere"].reason or "")
