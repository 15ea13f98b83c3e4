"""`sluice rerank FILE`: a real library, many questions, several at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import cli
from app.errors import UsageError
from tests.conftest import ingest
from tests.evaluation.towns import write_gazetteer
from tests.wire.formats import KEY
from tests.wire.llm_formats import written_order
from tests.wire.server import RERANK, WireServer

QUESTIONS = ["Where is the harbour?", "", "Which town has a mill?", "What is famous?", "Who is the mayor?", "And why?"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    home = tmp_path_factory.mktemp("rerank")
    ingest(home, "--library", "towns", str(write_gazetteer(home)))
    (home / "questions.txt").write_text("\n".join(QUESTIONS) + "\n", encoding="utf-8")
    return home


@pytest.fixture
def environment(home: Path, prepared_models: Path) -> dict[str, str]:
    return {"SLUICE_HOME": str(home), "SLUICE_MODELS": str(prepared_models), "LIBRARY": "towns", "SCORE_CACHE_MB": "0"}


def rerank(file: Path, environment: dict[str, str], *options: str) -> list[str]:
    done = CliRunner().invoke(cli, ["rerank", str(file), "-k", "6", *options], env=environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "5 of 5 questions" in done.stderr
    return done.stdout.splitlines()


def test_a_trace_a_line_in_the_order_of_the_file(home: Path, environment: dict[str, str]) -> None:
    for options in ([], ["--at-once", "3"]):
        traces = [json.loads(line) for line in rerank(home / "questions.txt", environment, "--json", *options)]
        assert [trace["question"]["text"] for trace in traces] == [q for q in QUESTIONS if q]
        assert {trace["scorer"]["status"] for trace in traces} == {"applied"}
        assert {len(trace["candidates"]) for trace in traces} == {6}
        assert traces[0]["scorer"]["fields"] == ["title", "section", "text"]


def test_as_text(home: Path, environment: dict[str, str]) -> None:
    lines = rerank(home / "questions.txt", environment, "--reranker", "none")
    assert len(lines) == 5 * 7
    assert lines[0].startswith("Where is the harbour?")


def test_a_service_gets_several_at_a_time_and_a_cascade_less_of_them(home: Path, environment: dict[str, str]) -> None:
    with WireServer(answer=written_order) as server:
        asked = {**environment, "OPENAI_BASE_URL": server.openai_url, "OPENAI_API_KEY": KEY, "RERANKER_TIMEOUT": "20"}
        name = "cascade:late-interaction+llm-listwise:gpt-4o-mini@4"
        traces = [json.loads(line) for line in rerank(home / "questions.txt", asked, "--json", "--reranker", name)]
        assert len(server.requests) == 5
    for trace in traces:
        assert trace["scorer"]["requested"] == name
        assert trace["scorer"]["first"]["passed_on"] == 4
        assert trace["scorer"]["first"]["label"].startswith("late interaction")
        assert [c["passed_on"] for c in trace["candidates"]] == [True] * 4 + [False] * 2
        assert all(c["first_score"] is not None for c in trace["candidates"])
        assert [c["raw_score"] for c in trace["candidates"]] == [-1, -2, -3, -4, None, None]
        assert {c["decision"] for c in trace["candidates"][4:]} <= {"NOT_SCORED", "BELOW_THRESHOLD"}


def test_nothing_to_ask(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n\n", encoding="utf-8")
    with pytest.raises(UsageError, match="holds no question"):
        CliRunner().invoke(cli, ["rerank", str(tmp_path / "empty.txt")], env=environment, catch_exceptions=False)


def test_why_and_how_often_stand_below_the_question(home: Path, environment: dict[str, str]) -> None:
    with WireServer() as server:
        asked = {**environment, "COHERE_BASE_URL": server.url, "COHERE_API_KEY": KEY}
        server.play(RERANK, "503-after-0", "500-after-0", "400")
        options = ("--reranker", "cohere:rerank-v3.5", "--reranker-policy", "required", "--at-once", "1")
        lines = rerank(home / "questions.txt", asked, *options)
    assert lines[0] == "Where is the harbour?   (cohere:rerank-v3.5: failed; refused)"
    assert lines[1].strip().startswith("The reranker at 127.0.0.1")
    assert "refused with 400" in lines[1]
    assert lines[2].strip().startswith("Asked 3 times in ")
    assert any(line.startswith("Which town has a mill?   (Cohere rerank-v3.5: applied; ") for line in lines)


def test_a_file_that_is_no_text(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("Où est le café ?".encode("latin-1"))
    with pytest.raises(UsageError, match="is not UTF-8"):
        CliRunner().invoke(cli, ["rerank", str(tmp_path / "latin.txt")], env=environment, catch_exceptions=False)
