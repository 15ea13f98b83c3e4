"""The ingest benchmark: what it counts as found, what it writes, and a short form of the whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import ingest_rate
from tests.benchmarks.ingest_quality import Probe, gain, normal, write_corpus
from tests.benchmarks.ingest_rate import measure, summary


def test_an_answer_is_found_by_a_chunk_that_holds_it_with_its_neighbours() -> None:
    evidence = normal("the well is forty metres deep and old")
    assert gain(["A well.", "The well -- is forty metres deep, and old!"], evidence) == pytest.approx(
        1 / 1.58496, abs=1e-4
    )
    assert gain(["The well is forty metres deep and old"], evidence) == 1.0
    assert gain(["The well is forty", "metres deep and old"], evidence) == 0.0
    assert gain(["no"] * 10 + ["The well is forty metres deep and old"], evidence) == 0.0


def test_the_ratio_is_the_median_of_each_rounds_own() -> None:
    rounds = [
        {
            "ours": {"seconds": a, "cpu_seconds": a, "chunks": 9, "peak_mib": 200},
            "stock": {"seconds": b, "cpu_seconds": 2 * b, "chunks": 9, "peak_mib": 900},
        }
        for a, b in ((10.0, 40.0), (30.0, 90.0), (10.0, 50.0))
    ]
    told = summary({"setting": {}, "rounds": rounds, "quality": None}, 2_000_000)
    assert told["times_faster_by_round"] == [4.0, 3.0, 5.0]
    assert told["times_faster"] == 4.0
    assert told["times_less_processor_time"] == 8.0
    assert told["ours"]["megabytes_per_second"] == 0.2


@pytest.mark.shared
def test_the_files_hold_the_evidence_of_every_question(shared_data: Path, tmp_path: Path) -> None:
    probes = write_corpus(tmp_path, shared_data, 60_000, 50)
    text = {normal(path.read_text(encoding="utf-8")) for path in (tmp_path / "articles").glob("*.md")}
    assert 20 <= len(probes) <= 50
    assert all(any(probe.evidence in article for article in text) for probe in probes)
    assert all(isinstance(probe, Probe) and probe.text for probe in probes)


@pytest.mark.shared
@pytest.mark.timeout(900)  # four processes that load torch or a model: half a minute, or ten on a busy machine
def test_a_short_run_writes_what_it_has_and_goes_on(
    shared_data: Path, tmp_path: Path, prepared_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One round of a few pages, whole processes on both sides; called again, nothing is measured twice."""
    out = tmp_path / "rate.json"
    told = measure(0.03, 1, 10, out, shared_data)
    assert told["rounds"] == 1
    assert told["times_faster"] > 0
    assert told["quality"]["questions"] == 10
    assert 0 < told["quality"]["ndcg10_dense"] <= 1
    apart = told["quality"]["dense_minus_stock"]
    assert apart["low"] <= apart["mean"] <= apart["high"]
    mean = told["quality"]["ndcg10_dense"] - told["quality"]["ndcg10_stock"]
    assert apart["mean"] == pytest.approx(mean, abs=2e-4)
    kept = json.loads(out.read_text(encoding="utf-8"))
    monkeypatch.setattr(ingest_rate, "ours", None)  # it would fail if it were called
    assert measure(0.03, 1, 10, out, shared_data)["times_faster"] == told["times_faster"]
    assert json.loads(out.read_text(encoding="utf-8")) == kept
