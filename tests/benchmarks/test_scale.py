"""The scale benchmark in short: a library of a few hundred chunks, filled, asked, kept, gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import scale


@pytest.fixture
def seeds(shared_data: Path, tmp_path: Path, prepared_models: Path, monkeypatch: pytest.MonkeyPatch) -> scale.Seeds:
    monkeypatch.setattr(scale, "SEEDS", 40)
    monkeypatch.setattr(scale, "QUESTIONS", 10)
    monkeypatch.setattr(scale.Seeds.__init__, "__defaults__", (40,))
    return scale.Seeds(tmp_path)


@pytest.mark.shared
def test_vectors_are_moved_but_stay_near_where_they_came_from(seeds: scale.Seeds) -> None:
    moved = seeds.moved(200, np.random.default_rng(1))
    assert np.allclose(np.linalg.norm(moved, axis=1), 1.0, atol=1e-5)
    nearest = (moved @ seeds.vectors.T).max(axis=1)
    assert 0.75 < np.median(nearest) < 0.99


@pytest.mark.shared
def test_questions_are_asked_of_a_small_library_and_kept(seeds: scale.Seeds, tmp_path: Path) -> None:
    told = scale.measure("query", [200, 400], tmp_path, 0, keep=False)
    for size in ("200", "400"):
        assert told[size]["chunks"] == int(size)
        assert told[size]["recall_at_10"] >= 0.99
        assert told[size]["hybrid"]["p50_ms"] > 0
    assert set(told["growth"]) == {f"{leg} 200 to 400" for leg in ("dense", "lexical", "hybrid")}
    kept = json.loads((tmp_path / "query.json").read_text(encoding="utf-8"))
    assert scale.measure("query", [200], tmp_path, 0, keep=False)["200"] == kept["200"], "not measured twice"


def test_growth_is_the_exponent_between_sizes() -> None:
    def at(milliseconds: float) -> dict[str, object]:
        return {leg: {"cpu_p50_ms": milliseconds} for leg in ("dense", "lexical", "hybrid")}

    grown = scale.growth({"1000": at(1.0), "10000": at(10.0), "100000": at(10.0)})
    assert grown["dense 1,000 to 10,000"] == 1.0
    assert grown["hybrid 10,000 to 100,000"] == 0.0
