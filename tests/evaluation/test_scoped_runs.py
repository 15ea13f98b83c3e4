"""Questions with a scope in a real library: searched, recorded, gone on with, reported and calibrated within it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.domain import Condition
from app.evaluation.calibrating.observe import observe, plan_calibration
from app.evaluation.grid import Progress, run_grid
from app.evaluation.plan import Plan, plan_run
from app.evaluation.questions import read_questions
from app.evaluation.questions.resolve import ScopeNotThere
from app.evaluation.run_folder import RunMismatch, read_run, start
from app.evaluation.run_report import report_of_run, write_report
from app.library.contents import read_contents
from tests.cli.test_commands import sluice as command
from tests.conftest import ingest
from tests.evaluation.asking import TestedSluice
from tests.evaluation.towns import write_gazetteer, write_questions

ASKED = "What is this town known for making?"


def row(first: int, relevant: int, **fields: Any) -> dict[str, Any]:
    """A question about a town that does not name it, asked within six rows."""
    rows = ",".join(str(n) for n in range(first, first + 6))
    return {
        "question": ASKED, "document": "towns.jsonl", "row": relevant,
        "within": "towns.jsonl", "filter": f"row={rows}", **fields,
    }  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    home = tmp_path_factory.mktemp("scoped")
    ingest(home, "--library", "towns", str(write_gazetteer(home)))
    rows = [row(7, 8), row(13, 18), {"id": "all", "question": ASKED, "document": "towns.jsonl", "row": 8}]
    write_questions(home / "set.jsonl", rows)
    write_questions(
        home / "plain.jsonl", [{k: v for k, v in r.items() if k not in ("within", "filter")} for r in rows[:1]]
    )
    return home


@pytest.fixture
def sluice(home: Path, prepared_models: Path) -> TestedSluice:
    return TestedSluice(home, prepared_models, {})


def planned(sluice: TestedSluice, home: Path, name: str = "set.jsonl") -> Plan:
    return plan_run(
        sluice, read_questions(home / name), rerankers=("none", "late-interaction"), retrievals=("hybrid", "dense"),
        candidates=(8,),
    )  # fmt: skip


def test_a_run_searches_within_each_questions_own_scope(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    plan = planned(sluice, home)
    folder = start(tmp_path / "run", plan)
    running = run_grid(sluice, plan, folder)
    for event in running:
        if isinstance(event, Progress):
            running.close()  # after the first question: the rest is another process's
            break
    list(run_grid(sluice, plan, start(tmp_path / "run", plan)))
    row_of = {c.id: c.metadata["row"] for c in read_contents(sluice.settings.libraries_dir, "towns").chunks}
    for configuration in plan.configurations:
        one, other, whole = read_run(folder.path).records(configuration.id)
        found = [{row_of[c.chunk_id] for c in record.candidates} for record in (one, other, whole)]
        assert found[:2] == [set(range(7, 13)), set(range(13, 19))]
        assert len(found[2]) == 8 and not found[2] <= found[0] | found[1]
        assert [r.within for r in (one, other, whole)] == ["towns.jsonl, row 7 to 12", "towns.jsonl, row 13 to 18", ""]
        assert one.candidates != other.candidates and len(one.relevant) == len(other.relevant) == 1
        assert all(r.relevant.keys() & {c.passage for c in r.candidates} for r in (one, other))
    report = report_of_run(read_run(folder.path))
    assert report.texts[one.id] == f"{ASKED} (asked within towns.jsonl, row 7 to 12)" and report.texts["all"] == ASKED
    assert "asked within towns.jsonl, row" in write_report(folder, report).html.read_text(encoding="utf-8")
    kept = json.loads((folder.path / "questions.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert kept["within"] == ["towns.jsonl"] and kept["filter"] == ["row=7,8,9,10,11,12"]


def test_the_same_question_without_its_scope_is_another_run(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    start(tmp_path / "run", planned(sluice, home))
    with pytest.raises(RunMismatch, match="fingerprint"):
        start(tmp_path / "run", planned(sluice, home, "plain.jsonl"))


def test_calibration_asks_within_the_scope(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    rows = [row(6 * n + 1, 6 * n + 2, id=f"q{n}") for n in range(6)]
    plan = plan_calibration(
        sluice, read_questions(write_questions(tmp_path / "six.jsonl", rows)), reranker="late-interaction"
    )
    asked = list(observe(sluice, plan))
    assert {o.asked.side for o in asked} == {"calibration", "test"}  # the same words in other scopes are no leak
    for observed in asked:
        first = 6 * int(observed.question.id[1:]) + 1
        assert {c.chunk.metadata["row"] for c in observed.judged.retrieved.candidates} == set(range(first, first + 6))
        assert Condition("row", "in", tuple(range(first, first + 6))) in observed.judged.retrieved.filter
        assert sum(observed.observation.relevant) == 1


def test_nothing_is_asked_when_a_scope_is_not_there(sluice: TestedSluice, home: Path, tmp_path: Path) -> None:
    rows = [row(7, 8), row(13, 18, id="lost", within="villages.jsonl"), row(55, 56, id="none", filter="year=1850")]
    bad = write_questions(tmp_path / "bad.jsonl", rows)
    for plan in (plan_run, plan_calibration):
        with pytest.raises(ScopeNotThere) as caught:
            plan(sluice, read_questions(bad))
        assert "2 questions are asked within something that library towns does not have" in caught.value.message
        assert "lost (What is this town" in caught.value.message and "'villages.jsonl'" in caught.value.message
        assert "none (What is this town" in caught.value.message and "no passage has year 1850" in caught.value.message
    done = command(home, "evaluate", str(bad), "-l", "towns")
    assert done.returncode == 1 and "lost (What is this town" in done.stderr and "questions check" in done.stderr
    checked = command(home, "questions", "check", str(bad), "-l", "towns")
    assert checked.returncode == 1 and "Asked within a part of the library: 3 of 3 questions" in checked.stdout
    assert "Cannot be asked:" in checked.stdout and "Labels: 3 of 3 found" in checked.stdout
