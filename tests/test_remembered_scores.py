"""A question that is asked again, on the real models: the same scores to the bit, from the cache, and said so."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import cli
from app.cli.doctor import examine
from app.cli.show import stage_times
from app.pipeline import GateChoice
from app.settings import load_settings
from app.trace_json import trace_to_json
from app.wiring import Sluice, build

QUESTION = "How is nDCG computed?"


@pytest.fixture(scope="module")
def home(handbook_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("remembering") / "home"
    shutil.copytree(handbook_home, folder, ignore=shutil.ignore_patterns("cache"))
    return folder


def opened(home: Path, models: Path, **values: object) -> Sluice:
    return build(load_settings(sluice_home=home, sluice_models=models, **values))


@pytest.mark.parametrize("reranker", ["late-interaction", "bundled"])
def test_asking_again_gives_the_same_to_the_bit(home: Path, prepared_models: Path, reranker: str) -> None:
    live = opened(home, prepared_models, score_cache_mb=0)
    options = live.options(library="handbook", reranker=reranker, gate=GateChoice(answer_above=0.0))
    expected = live.pipeline.ask(QUESTION, options)
    assert live.score_cache is None
    sluice = opened(home, prepared_models)
    sluice.pipeline.ask(QUESTION, replace(options, candidates=7))
    some = sluice.pipeline.ask(QUESTION, options)
    all_of_them = opened(home, prepared_models).pipeline.ask(QUESTION, options)  # a process of its own reads the file
    for trace in (some, all_of_them):
        assert trace.judged.scored == expected.judged.scored
        assert trace.gate == expected.gate
    said = [trace_to_json(trace)["scorer"] for trace in (expected, some, all_of_them)]
    assert [(s["cached"], s["cached_scores"]) for s in said] == [(False, 0), (False, 7), (True, 20)]
    assert "(20 of 20 scores from the cache)" in stage_times(all_of_them)
    assert "cache" not in stage_times(expected)


def test_reranking_off_is_not_called_cached(home: Path, prepared_models: Path) -> None:
    sluice = opened(home, prepared_models)
    options = sluice.options(library="handbook", reranker="none")
    for _ in range(2):
        run = sluice.pipeline.judge(QUESTION, options).run
        assert (run.cached, run.cached_scores) == (False, 0)


def test_the_doctor_shows_it_and_models_empties_it(
    home: Path, prepared_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sluice = opened(home, prepared_models)
    sluice.pipeline.judge("What is a gate?", sluice.options(library="handbook", reranker="late-interaction"))
    monkeypatch.setenv("SLUICE_HOME", str(home))
    (found,) = [f for f in examine(load_settings()) if f.what == "Score cache"]
    assert found.state == "ok" and " of about 64 MB in " in found.detail and not found.detail.startswith("0 scores")
    emptied = CliRunner().invoke(cli, ["models", "clear-scores"])
    assert emptied.output.endswith(" scores forgotten.\n") and not emptied.output.startswith("0 ")
    assert CliRunner().invoke(cli, ["models", "clear-scores"]).output == "0 scores forgotten.\n"
    (found,) = [f for f in examine(load_settings(score_cache_mb=0)) if f.what == "Score cache"]
    assert found.detail == "off (SCORE_CACHE_MB=0)"
