"""What every local reranker makes of passages that are odd, and of a thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.ports import Scorer
from app.providers.reranking.registry import open_scorer
from app.settings import load_settings
from app.stages.fields import passage_text
from tests.fakes import chunk
from tests.passages import LONG, ODD, THOUSAND, any_passages, each_scored_alike
from tests.providers.conftest import save_classifier, save_multi_vector

KINDS = ("late-interaction", "bundled", "cross-encoder", "multi-vector")


@pytest.fixture(scope="module", params=KINDS)
def scorer(request: pytest.FixtureRequest, prepared_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    folder = tmp_path_factory.mktemp("model")
    name = {
        "cross-encoder": lambda: f"cross-encoder:{save_classifier(folder / 'c', labels=1)}",
        "multi-vector": lambda: f"late-interaction:{save_multi_vector(folder / 'm')}",
    }.get(request.param, lambda: request.param)()
    return open_scorer(name, load_settings(sluice_models=prepared_models))


@any_passages
def test_any_passages(scorer: Scorer, passages: list[str]) -> None:
    if passages is ODD["very long"] and scorer.profile.id.window < 100:
        passages = ["planet " * (LONG // 20), "planet"]  # as many windows as another model makes of the whole
    shown = [passage_text(chunk("1", text, title="")) for text in passages]  # as scorers get them
    each_scored_alike(scorer.score("name a planet", shown), shown)


def test_a_thousand_passages_score_as_a_few_of_them(scorer: Scorer) -> None:
    scores = [score.raw for score in scorer.score("planet 7", THOUSAND)]
    some = [0, 7, 511, 512, 999]
    few = [score.raw for score in scorer.score("planet 7", [THOUSAND[n] for n in some])]
    assert [scores[n] for n in some] == pytest.approx(few, abs=1e-4)
