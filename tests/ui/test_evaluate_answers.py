"""Answers and their grading on the evaluate page: what is offered, what it takes, and what comes of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.evaluation.grader import prompt
from app.evaluation.job import read_job
from app.evaluation.kept_runs import kept_runs, to_go_on
from app.evaluation.run_folder import read_run
from tests.conftest import NOTE_QUESTIONS
from tests.ui.conftest import html
from tests.ui.evaluations import button, checkbox, drawn, measure, open_evaluate, open_question
from tests.wire.formats import KEY
from tests.wire.server import WireServer

ANSWER = "It was dug in 1742 [1]."


def _reply(messages: list[dict[str, Any]]) -> str:
    """Answers a question; as the grader supports one claim of two, and cannot say anything of the well."""
    if messages[0]["content"] != prompt():
        return ANSWER
    if "village well" in messages[-1]["content"].split("<<question>>")[1]:
        return "I would rather not."
    claims = [{"claim": "It was dug.", "passages": [1]}, {"claim": "It is blue.", "passages": []}]
    return json.dumps({"claims": claims, "relevance": 4})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WireServer]:
    """A chat model in the environment, for the page and for the process that it starts."""
    with WireServer(answer=_reply) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("GRADER_MODEL", "gpt-4.1")
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        yield server


@pytest.fixture
def home(notes_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(notes_home, tmp_path / "home"))


def _captions(test: AppTest) -> str:
    return " ".join(c.value for c in test.caption)


def test_without_a_chat_model_grading_is_off_with_the_reason_and_what_to_set(home: Path) -> None:
    test = open_evaluate(home)
    assert checkbox(test, "Have a chat model grade").disabled
    assert "Grading needs a chat model, and none is set: set OPENAI_API_KEY or OPENAI_BASE_URL" in _captions(test)
    checkbox(test, "Write and measure answers").check()
    test.run()
    assert not test.exception
    assert checkbox(test, "Have a chat model grade").disabled
    page = html(test)
    assert "answers are quoted from the passages: nothing is paid for" in page
    assert "No question of this set has a known answer" in page
    assert "Grading makes" not in page


def test_what_grading_takes_is_said_before_it_starts(home: Path, server: WireServer) -> None:
    test = open_evaluate(home)
    assert checkbox(test, "Have a chat model grade").disabled
    assert "Grading needs answers." in _captions(test)
    checkbox(test, "Write and measure answers").check()
    test.run()
    checkbox(test, "Have a chat model grade").check()
    test.run()
    assert not test.exception
    page = html(test)
    assert "gpt-4o-mini writes at most 7 answers, for what your provider charges." in page
    assert (
        "Grading makes at most 14 calls to gpt-4.1, for what your provider charges: each writes at most 1,500" in page
    )
    assert "There are no votes yet to hold it against" in page
    next(n for n in test.number_input if n.label.startswith("Ask only")).set_value(3)
    test.run()
    assert "at most 6 calls to gpt-4.1" in html(test)
    next(m for m in test.multiselect if m.label == "Candidates").set_value([5, 20])
    test.run()
    assert "at most 12 calls to gpt-4.1" in html(test)
    checkbox(test, "Write and measure answers").uncheck()
    test.run()
    assert checkbox(test, "Have a chat model grade").disabled
    assert "Grading makes" not in html(test)
    assert not server.requests


def test_started_with_both_the_process_grades_and_the_page_shows_it(home: Path, server: WireServer) -> None:
    test = open_evaluate(home)
    checkbox(test, "Write and measure answers").check()
    test.run()
    checkbox(test, "Have a chat model grade").check()
    test.run()
    button(test, "Start").click()
    test.run()
    for _ in range(1200):
        job = read_job(home)
        if job is not None and not job.progress.going:
            break
        time.sleep(0.05)
    assert job is not None and job.progress.state == "finished", job
    [run] = kept_runs(home, "notes")
    [configuration] = run.manifest.configurations
    answers = [a for r in read_run(run.path).records(configuration.id) for a in r.answers.values()]
    graded = [a for a in answers if a.not_graded is None]
    assert 1 <= len(graded) == len(answers) - 1
    assert {(a.faithful, a.relevant) for a in graded} == {(0.5, 0.75)}
    calls = sum(r.body["model"] == "gpt-4.1" for r in server.requests)
    assert calls == len(graded) + 2  # the one that cannot be used is asked for twice
    again = to_go_on(run, home)
    assert again.answers and again.grade

    test = open_evaluate(home)
    assert not test.exception
    assert f"Grading: {calls} calls, graded answers: {len(graded)}; not graded: it is not the JSON" in html(test)
    section = drawn(test, "faithful to the context (graded)")
    assert "<p>Written by gpt-4o-mini.</p>" in section
    assert "Graded by gpt-4.1, prompt" in section and "no votes yet" in section
    assert "not graded: it is not the JSON asked for (1)." in section
    assert '<td class="num">.50 (.50 to .50)</td>' in section
    assert "exact match" not in section and "whether they are right is not measured" in section


def test_quoted_answers_are_measured_without_a_grader_and_can_be_read(home: Path) -> None:
    field = home / "questions" / "notes" / "sets" / "field.jsonl"
    rows = [json.loads(line) for line in field.read_text(encoding="utf-8").splitlines()]
    rows[1]["answers"] = ["forty metres"]
    field.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    measure(home, rerankers=("late-interaction",), answers=True)
    test = open_evaluate(home)
    assert not test.exception
    section = drawn(test, "<p>Quoted from the passages: there was no chat model.</p>")
    assert "Not graded: grading was not asked for." in section
    assert "holds a known answer" in section and "faithful" not in section
    open_question(test, "How deep is the village well")
    told = drawn(test, "The answer that was given")
    assert "forty metres deep" in told and "holds a known answer; exact match .00" in told


def test_a_run_without_answers_says_so_and_shows_no_figure(home: Path) -> None:
    measure(home, rerankers=("none",))
    test = open_evaluate(home)
    assert not test.exception
    assert "No answers were written in this run" in html(test)
    assert "citation precision" not in html(test)


def test_where_every_question_was_refused_there_is_no_answer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWER_ABOVE", "1")
    measure(home, rerankers=("late-interaction",), answers=True)
    test = open_evaluate(home)
    assert not test.exception
    assert "There is no answer to measure: every question was refused." in html(test)
    assert len(NOTE_QUESTIONS) == kept_runs(home, "notes")[0].done
