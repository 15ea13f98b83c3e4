"""The sample questions of the handbook show what they promise, on the real library with the default reranker."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain import DecisionKind, Judged
from app.samples import SampleQuestion, samples
from app.settings import load_settings
from app.wiring import Sluice, build


@pytest.fixture(scope="module")
def sluice(handbook_home: Path, prepared_models: Path) -> Sluice:
    return build(load_settings(sluice_home=handbook_home, sluice_models=prepared_models))


def sample(shows: str) -> SampleQuestion:
    [found] = [s for s in samples() if s.shows == shows]
    return found


def judged(sluice: Sluice, shows: str) -> Judged:
    return sluice.pipeline.judge(sample(shows).text, sluice.options(library="handbook"))


def test_the_page_offers_one_of_each() -> None:
    assert [s.shows for s in samples()] == ["promotion", "rescue", "refusal", "hurt"]


def test_promotion_brings_another_passage_to_the_top(sluice: Sluice) -> None:
    question = judged(sluice, "promotion")
    admitted = sluice.pipeline.decide(question, sluice.gate_choice()).admitted
    assert admitted
    assert admitted[0].scored.candidate.rank_before > 2
    assert admitted[0].scored.candidate.chunk.title == "LLM rerankers"


def test_rescue_fills_up_with_weaker_passages(sluice: Sluice) -> None:
    choice = sluice.gate_choice(keep_above=sample("rescue").keep_above)
    kinds = [d.kind for d in sluice.pipeline.decide(judged(sluice, "rescue"), choice).decisions]
    assert DecisionKind.KEPT in kinds
    assert DecisionKind.RESCUED in kinds


def test_refusal_is_far_from_the_gate(sluice: Sluice) -> None:
    gate = sluice.pipeline.decide(judged(sluice, "refusal"), sluice.gate_choice())
    assert gate.outcome == "refused"
    assert gate.p_answerable is not None and gate.p_answerable < 0.1


def test_hurt_moves_the_page_on_the_subject_down(sluice: Sluice) -> None:
    question = judged(sluice, "hurt")
    before = question.retrieved.candidates[0].chunk.title
    after = question.scored[0].candidate.chunk.title
    assert before == "Lexical search with BM25"
    assert after != before
