"""FUSED_MAP=off: the plain order of the scorer, on the real models and the shipped calibrations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.calibration.fitted import FittedCalibration
from app.calibration.score_only import ScoreOnly, score_only
from app.calibration.store import evidence_calibration
from app.calibration.uncalibrated import NoCalibration
from app.domain import Judged, Retrieved, Score
from app.settings import load_settings
from app.trace_json import trace_to_json
from app.wiring import Sluice, build

QUESTION = "Why can a cross-encoder not search a large library?"


def opened(home: Path, models: Path, *, fused: bool, reranker: str) -> Sluice:
    return build(load_settings(sluice_home=home, sluice_models=models, fused_map=fused, reranker=reranker))


@pytest.fixture(scope="module", params=["late-interaction", "bundled"])
def judged(request: pytest.FixtureRequest, handbook_home: Path, prepared_models: Path) -> tuple[Judged, Judged]:
    """The same question with the fused map and without."""
    both = []
    for fused in (True, False):
        sluice = opened(handbook_home, prepared_models, fused=fused, reranker=request.param)
        both.append(sluice.pipeline.judge(QUESTION, sluice.options(library="handbook")))
    return both[0], both[1]


def test_the_order_is_that_of_the_raw_scores(judged: tuple[Judged, Judged]) -> None:
    fused, plain = judged
    raw = [s.raw_score for s in plain.scored]
    assert None not in raw
    assert raw == sorted(raw, key=lambda r: -(r or 0.0))
    assert [s.raw_score for s in fused.scored] != raw  # the evidence moved something, or this test shows nothing
    by_id = {s.candidate.chunk.id: s for s in fused.scored}
    assert all(by_id[s.candidate.chunk.id].candidate == s.candidate for s in plain.scored)


def test_the_score_has_all_of_p(judged: tuple[Judged, Judged]) -> None:
    _, plain = judged
    assert all(s.shares is not None and (s.shares.cosine, s.shares.bm25) == (0.0, 0.0) for s in plain.scored)
    assert all(s.p is not None and 0 <= s.p <= 1 for s in plain.scored)
    assert plain.p_answerable is not None


def test_it_is_said_and_the_measured_errors_are_not_claimed(judged: tuple[Judged, Judged]) -> None:
    fused, plain = judged
    assert "by the score alone" in plain.run.calibration_note
    assert "by the score alone" not in fused.run.calibration_note
    assert fused.defaults.keeps_relevant is not None
    assert plain.defaults == replace(fused.defaults, keeps_relevant=None, answer_note="")


def test_the_fourth_arm_stays_what_it_is(judged: tuple[Judged, Judged]) -> None:
    fused, plain = judged
    assert plain.evidence == fused.evidence


def test_the_trace_says_it(handbook_home: Path, prepared_models: Path) -> None:
    sluice = opened(handbook_home, prepared_models, fused=False, reranker="late-interaction")
    trace = trace_to_json(sluice.pipeline.ask(QUESTION, sluice.options(library="handbook")))
    assert "by the score alone" in trace["scorer"]["calibration_note"]


def test_what_has_no_map_is_plain_already(judged: tuple[Judged, Judged]) -> None:
    nothing = NoCalibration(evidence_calibration())
    assert score_only(nothing) is nothing
    assert isinstance(score_only(_shipped()), ScoreOnly)


def test_no_candidates(judged: tuple[Judged, Judged]) -> None:
    empty = replace(judged[0].retrieved, candidates=())
    assert isinstance(empty, Retrieved)
    scores: list[Score] = []
    assert score_only(_shipped()).judge(empty, scores).order == ()


def _shipped() -> FittedCalibration:
    found = evidence_calibration()
    assert found is not None
    return found
