"""The slope chart as a value: a line a candidate, and the gate where it cuts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.domain import GateResult
from app.pipeline import GateChoice
from app.theme import DARK, LIGHT, Palette
from app.ui.parts import slope
from tests.fakes_ui import OFF_TOPIC, QUESTION, FakeSluice


def _gate(home: Path, question: str = QUESTION, reranker: str = "auto", **choice: float) -> GateResult:
    sluice = FakeSluice(home)
    options = replace(sluice.options(), reranker=reranker, gate=GateChoice(**choice))  # type: ignore[arg-type]
    return sluice.pipeline.decide(sluice.pipeline.judge(question, options), options.gate)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_a_line_a_candidate_with_both_ranks(tmp_path: Path, palette: Palette) -> None:
    gate = _gate(tmp_path)
    slopes = slope.slopes_of(gate.decisions)
    spec = slope.chart(slopes, sides=("a", "b"), cut=slope.cut_of(gate), palette=palette).to_dict()
    rows = [row for values in spec["datasets"].values() for row in values if "line" in row]
    assert sorted(row["rank"] for row in rows if row["x"] == 0) == list(range(1, 21))
    assert sorted(row["rank"] for row in rows if row["x"] == 1) == list(range(1, 21))
    assert {row["group"] for row in rows} == {"through", "held back"}
    assert spec["config"]["view"]["stroke"] is None


def test_the_gate_cuts_below_the_last_passage_that_reaches_it(tmp_path: Path) -> None:
    assert slope.cut_of(_gate(tmp_path)) == slope.Cut(3, "gate: p from 0.30")
    assert slope.cut_of(_gate(tmp_path, keep_above=0.5)) == slope.Cut(1, "gate: p from 0.50")


def test_a_refused_question_has_its_gate_closed(tmp_path: Path) -> None:
    assert slope.cut_of(_gate(tmp_path, OFF_TOPIC)) == slope.Cut(0, "gate closed: question refused")


def test_without_calibration_the_gate_cuts_by_rank_or_by_raw_score(tmp_path: Path) -> None:
    assert slope.cut_of(_gate(tmp_path, reranker="raw")) == slope.Cut(5, "gate: the first 5")
    cut = slope.cut_of(_gate(tmp_path, reranker="raw", raw_keep_above=0.6))
    assert cut == slope.Cut(3, "gate: raw score from 0.60")


def test_nothing_gated_has_no_gate(tmp_path: Path) -> None:
    assert slope.cut_of(replace(_gate(tmp_path), outcome="ungated")) is None
