"""What scorers are shown: the same template over chosen fields for every kind of reranker, and said so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.domain import Candidate, LibraryInfo, Retrieved
from app.ports import Scorer
from app.providers.reranking.kinds import KINDS
from app.providers.reranking.registry import open_scorer
from app.settings import load_settings
from app.stages.fields import passage_text
from app.stages.judge import Judge, Scoring
from app.stages.score import score
from app.wiring import Sluice
from tests.fakes import INFO, RawIsP, chunk
from tests.providers.conftest import save_classifier, save_multi_vector
from tests.wire.formats import KEY
from tests.wire.llm_formats import written_order
from tests.wire.rerankers import PASSAGE_ROWS, Row
from tests.wire.server import CHAT, DECISIONS, RERANK, WireServer

FIELDS = ("product", "country", "text")
CHUNKS = [
    chunk(str(n), text, title="Never shown", metadata={"product": product, "country": country, "price": 3})
    for n, (product, country, text) in enumerate(
        [("Kettle", "Peru", "The red planet."), ("Lamp", "", "Its name is Mars."), ("Rope", "Chad", "A red planet.")]
    )
]
SHOWN = ["Kettle\nPeru\nThe red planet.", "Lamp\nIts name is Mars.", "Rope\nChad\nA red planet."]
RETRIEVED = Retrieved(tuple(Candidate(c, n) for n, c in enumerate(CHUNKS, 1)), "hybrid", 3, INFO)
LLM = {"llm-yes-no:gpt-4o-mini": CHAT, "llm-listwise:gpt-4o-mini": CHAT, "openai-decisions": DECISIONS}
LOCAL = ("late-interaction", "bundled", "cross-encoder")
QUESTION = "red planet name"


def asked(scorer: Scorer) -> Scoring:
    judge = Judge(scorer, RawIsP())
    return score(
        QUESTION, RETRIEVED, requested="x", open_judge=lambda *_: judge, policy="required", fallback="x", fields=FIELDS
    )


def seen_by(server: WireServer, path: str) -> str:
    return "\n".join(json.dumps(r.body, ensure_ascii=False) for r in server.requests if r.path == path)


def test_the_template_by_hand() -> None:
    assert [passage_text(c, FIELDS) for c in CHUNKS] == SHOWN


def test_every_kind_of_reranker_is_tested_here() -> None:
    tested = {name.partition(":")[0] for name in (*LLM, *LOCAL, "cohere:x", *(row.name for row in PASSAGE_ROWS))}
    reads_its_own = {"azure-search", "databricks"}  # rows of an index, by their key
    like_bundled = {"tuned"}  # the same class over another folder
    assert set(KINDS) - tested - reads_its_own - like_bundled - {"none"} == set()


@pytest.mark.parametrize("row", PASSAGE_ROWS, ids=lambda row: row.name)
def test_hosted_ones_are_sent_the_fields(server: WireServer, row: Row) -> None:
    found = asked(row.open(server))
    assert found.run.status == "applied", found.run.reason
    sent = seen_by(server, row.posts_to)
    assert all(json.dumps(text)[1:-1] in sent for text in SHOWN)
    assert "Never shown" not in sent
    assert found.run.fields == FIELDS


@pytest.mark.parametrize("name", LLM)
def test_language_models_are_sent_the_fields(server: WireServer, name: str) -> None:
    server.answer = written_order
    settings = load_settings(openai_base_url=server.openai_url, openai_api_key=KEY, reranker_timeout=5)
    found = asked(open_scorer(name, settings))
    assert found.run.status == "applied", found.run.reason
    sent = seen_by(server, LLM[name])
    assert all(json.dumps(text)[1:-1] in sent for text in SHOWN)
    assert "Never shown" not in sent


def test_cohere_is_sent_the_fields(server: WireServer) -> None:
    settings = load_settings(cohere_base_url=server.url, cohere_api_key=KEY, reranker_timeout=5)
    assert asked(open_scorer("cohere:rerank-v3.5", settings)).run.status == "applied"
    assert [r.body["documents"] for r in server.requests if r.path == RERANK] == [SHOWN]


@pytest.mark.parametrize("kind", ["late-interaction", "bundled", "cross-encoder", "multi-vector"])
def test_local_ones_score_the_fields(kind: str, prepared_models: Path, tmp_path: Path) -> None:
    name = {
        "cross-encoder": lambda: f"cross-encoder:{save_classifier(tmp_path / 'c', labels=1)}",
        "multi-vector": lambda: f"late-interaction:{save_multi_vector(tmp_path / 'm')}",
    }.get(kind, lambda: kind)()
    scorer = open_scorer(name, load_settings(sluice_models=prepared_models))
    found = {s.candidate.chunk.id: s.raw_score for s in asked(scorer).scored}
    expected = [s.raw for s in scorer.score(QUESTION, SHOWN)]
    usual = [s.raw for s in scorer.score(QUESTION, [passage_text(c) for c in CHUNKS])]
    assert [found[c.id] for c in CHUNKS] == pytest.approx(expected, abs=1e-6)
    assert usual != pytest.approx(expected, abs=1e-4)  # else nothing would be shown to matter


def test_another_template_is_another_scorer_and_has_no_calibration_of_the_usual_one(prepared_models: Path) -> None:
    library = LibraryInfo("x", 1, 1, 1, "e")

    def judge(fields: str, name: str = "bundled") -> Judge:
        return Sluice(load_settings(sluice_models=prepared_models, passage_fields=fields)).open_judge(name, library)

    usual, other = judge("title,section,text"), judge("product, country,text")
    assert (usual.scorer.profile.id.template, usual.calibration.kind) == ("title+text", "general")
    assert (other.scorer.profile.id.template, other.calibration.kind) == ("product+country+text", "none")
    assert judge("product", "none").scorer.profile.id.template == "title+text"
    assert other.scorer.score("q", []) == []
