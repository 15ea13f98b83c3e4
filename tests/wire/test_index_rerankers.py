"""Azure AI Search and Databricks: they rerank rows of an index of theirs, by key, and take no passages."""

from __future__ import annotations

import json

import pytest

from app.calibration.uncalibrated import NoCalibration
from app.cli.doctor_calls import call_services
from app.domain import Score
from app.errors import ProviderAuth, ProviderNonsense, ProviderRejected
from app.prices.model import PriceList
from app.providers.reranking.registry import choices
from app.stages.judge import Judge
from app.stages.score import score
from tests.wire.rerankers import INDEX_ROWS, Row, retrieved_of
from tests.wire.server import WireServer

AZURE, DATABRICKS = INDEX_ROWS
each = pytest.mark.parametrize("row", INDEX_ROWS, ids=lambda row: row.name)


@each
def test_it_reads_the_key_of_a_row_whatever_fields_are_chosen(server: WireServer, row: Row) -> None:
    assert row.open(server).profile.reads == ("id",)


@each
def test_chunks_of_one_row_share_its_score_and_a_chunk_without_a_key_has_none(server: WireServer, row: Row) -> None:
    first, none, again = row.open(server).score(row.question, ["r1", "", "r1"])
    assert first == again == Score(row.scores[0])
    assert none == Score(None)
    assert len([r for r in server.requests if r.body is not None]) == 1


@each
def test_a_row_that_the_index_does_not_have_is_not_scored(server: WireServer, row: Row) -> None:
    assert [s.raw for s in row.open(server).score(row.question, ["gone", "r1"])] == [None, row.scores[0]]


@each
@pytest.mark.parametrize("passages", [["A passage of text."], ["", " "], ["gone"]])
def test_passages_that_are_no_rows_are_refused_with_what_to_do(
    server: WireServer, row: Row, passages: list[str]
) -> None:
    with pytest.raises(ProviderRejected, match="no rows of it") as caught:
        row.open(server).score(row.question, passages)
    assert "docs/hosted-rerankers.md" in caught.value.hint


@each
def test_more_rows_than_are_reranked_together_are_refused(server: WireServer, row: Row) -> None:
    with pytest.raises(ProviderRejected, match="at most 50 rows"):
        row.open(server).score(row.question, [f"k{n}" for n in range(51)])
    assert not server.requests


@each
def test_the_doctor_takes_no_row_for_an_answer_and_a_refused_key_for_none(server: WireServer, row: Row) -> None:
    settings = row.configured(server, reranker=row.name)
    call = call_services(settings, choices(settings), PriceList())[row.name]
    assert call.error is None
    assert call.in_words.startswith("takes rows of its own index, answered in")
    server.play(row.posts_to, "401")
    assert isinstance(call_services(settings, choices(settings), PriceList())[row.name].error, ProviderAuth)


def test_azure_finds_only_rows_that_share_a_word_with_the_question(server: WireServer) -> None:
    scores = [s.raw for s in AZURE.open(server).score("red planet name", ["r2", "r3", "r1", "o'4"])]
    assert scores == pytest.approx([None, 4 / 3, 4.0, 4 / 3])
    [request] = server.requests
    assert request.body["filter"] == "search.in(id, 'r2|r3|r1|o''4', '|')"
    assert request.body["semanticErrorHandling"] == "fail"


def test_azure_rows_without_a_semantic_score_are_not_scored(server: WireServer) -> None:
    server.play(AZURE.posts_to, "null-score")
    assert [s.raw for s in AZURE.open(server).score("red planet name", ["r1", "r3"])] == [None, pytest.approx(4 / 3)]


def test_databricks_gives_an_order_and_nothing_else(server: WireServer) -> None:
    scores = [s.raw for s in DATABRICKS.open(server).score("red planet name", ["r2", "r3", "r1"])]
    assert scores == [-3.0, -2.0, -1.0]
    [request] = server.requests
    assert json.loads(request.body["filters_json"]) == {"id": ["r2", "r3", "r1"]}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"manifest": {"columns": [{"name": "score"}]}, "result": {"data_array": [[0.5]]}},
        {"manifest": {"columns": [{"name": "id"}]}, "result": {"data_array": [["r1", 0.5]]}},
        {"manifest": {"columns": [{"name": "id"}]}, "result": {"data_array": "r1"}},
        {"manifest": {"columns": [{"name": "id"}]}, "result": {"data_array": [["r1"], ["r1"]]}},
        {"manifest": {"columns": [{"name": "id"}]}, "result": {"data_array": [["r9"]]}},
        [],
    ],
)
def test_databricks_answers_of_another_shape_are_wrong(server: WireServer, answer: object) -> None:
    server.instead = answer
    with pytest.raises(ProviderNonsense):
        DATABRICKS.open(server).score("red planet", ["r1", "r3"])


@each
def test_in_a_question_the_key_is_a_column_of_the_library(server: WireServer, row: Row) -> None:
    """Through the stage: candidates of a table that was exported from the index, one of them from elsewhere."""
    retrieved = retrieved_of(
        ["Jupiter is large.", "Mars.", "Of another file."], metadata=[{"id": "r3"}, {"id": "r1"}, {}]
    )
    scoring = score(
        row.question,
        retrieved,
        requested=row.name,
        open_judge=lambda *_: Judge(row.open(server), NoCalibration()),
        policy="required",
        fallback="none",
        fields=("title", "text"),
    )
    assert [(s.candidate.chunk.text, s.raw_score) for s in scoring.scored] == [
        ("Mars.", pytest.approx(row.scores[0])),
        ("Jupiter is large.", pytest.approx(row.scores[1])),
        ("Of another file.", None),
    ]
