"""The evaluate page, in process, over a run that the real runner made of a small real library."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.applied_gates import applied_gate
from app.evaluation.job import JobProgress, Request, write_progress
from app.evaluation.kept_runs import kept_runs
from app.evaluation.questions.model import QuestionSetError
from app.evaluation.questions.read import read_questions
from app.evaluation.run_folder import read_run
from app.ui.parts.evaluation import start
from tests.ui.conftest import Open, html
from tests.ui.evaluations import button, drawn, measure, open_evaluate, open_question, slider, sluice_of


@pytest.fixture(scope="module")
def measured_home(notes_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notes with a finished run: two rerankers, seven questions."""
    home = Path(shutil.copytree(notes_home, tmp_path_factory.mktemp("measured") / "home"))
    measure(home, rerankers=("late-interaction", "none"))
    return home


@pytest.fixture
def home(measured_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(measured_home, tmp_path / "home"))


def _together(test: AppTest) -> str:
    """The table of gate numbers."""
    return drawn(test, "together")


def test_without_a_question_set_the_page_says_how_to_get_one(page: Open) -> None:
    test = page(at="evaluate")
    page_html = html(test)
    assert not test.exception
    for command in ("generate", "import FILE_OR_FOLDER", "import --from votes", "import --from drafts"):
        assert f"sluice questions {command} --library handbook" in page_html
    assert "/handbook?page=question-sets" in page_html
    assert button(test, "Start").disabled


def test_an_empty_library_is_asked_for_documents_first(page: Open) -> None:
    test = page({}, at="evaluate")
    assert not test.exception
    assert "There is nothing to ask yet" in html(test)


def test_the_verdict_is_on_top_and_every_part_has_its_chart_and_its_numbers(home: Path) -> None:
    test = open_evaluate(home)
    page_html = html(test)
    assert not test.exception
    verdict = drawn(test, 'class="verdict"')
    assert "nDCG@10" in verdict
    assert "7 questions of <i>field</i>: 5 with a located label, 2 that <i>notes</i> does not answer" in verdict
    for title in ("Which step paid", "Question by question", "The gate", "Does p mean", "surest", "fail", "costs"):
        assert title in page_html
    assert len(test.get("vega_lite_chart")) >= 4
    assert page_html.count("The numbers as a table") >= 5
    downloads = {d.proto.label for d in test.get("download_button")}
    assert downloads == {"Report (HTML)", "Markdown", "Numbers (JSON)", "Records (JSONL)"}


def test_another_configuration_has_its_own_verdict(home: Path) -> None:
    test = open_evaluate(home)
    box = next(s for s in test.selectbox if s.label == "Configuration")
    assert len(box.options) == 2
    box.set_value(next(c.id for c in kept_runs(home, "notes")[0].manifest.configurations if c.reranker == "none"))
    test.run()
    assert not test.exception
    assert "Nothing was reranked" in html(test)
    assert "there is no threshold to move" in html(test)


def test_the_slider_moves_all_gate_numbers_together(home: Path) -> None:
    test = open_evaluate(home)
    assert "Here</th>" not in _together(test)
    slider(test, "Answer only").set_value(1.0)
    test.run()
    assert not test.exception
    moved = _together(test)
    assert "Here</th>" in moved
    refused = next(row for row in moved.split("<tr>") if "Refused wrongly" in row)
    assert "1.00 (" in refused.split("</td>")[1]  # nothing is answered any more
    tokens = next(row for row in moved.split("<tr>") if "Tokens a question" in row)
    assert ">0" in tokens.split("</td>")[1]


def test_thresholds_are_applied_to_the_library_said_and_undone(home: Path) -> None:
    test = open_evaluate(home)
    sluice = sluice_of(home)
    info = sluice.library("notes")
    assert info is not None
    before = sluice.open_judge("late-interaction", info).calibration.policy
    assert button(test, "Use these thresholds").disabled
    slider(test, "Let through").set_value(0.5)
    test.run()
    button(test, "Use these thresholds").click()
    test.run()
    assert not test.exception
    told = html(test)
    assert "Changed for notes" in told
    assert f"passages from p {before.keep_above:.2f}, now 0.50" in told
    assert str(home / "gates" / "notes.json") in told
    after = sluice.open_judge("late-interaction", info).calibration.policy
    assert after.keep_above == 0.5
    assert after.answer_above == before.answer_above
    assert "7 questions of field" in after.answer_note
    button(test, "Undo").click()
    test.run()
    assert "Undone for notes" in html(test)
    assert sluice.open_judge("late-interaction", info).calibration.policy == before
    scorer = str(sluice.scorer("late-interaction").profile.id)
    assert applied_gate(home, "notes", scorer) is None


def test_a_run_made_with_other_thresholds_applied_can_be_applied_as_well(home: Path) -> None:
    test = open_evaluate(home)
    slider(test, "Let through").set_value(0.5)
    test.run()
    button(test, "Use these thresholds").click()
    test.run()
    path = measure(home, rerankers=("late-interaction",))
    assert read_run(path).manifest.configurations[0].policy.keep_above == 0.5
    test = open_evaluate(home)
    next(s for s in test.selectbox if s.label.startswith("Evaluations")).set_value(str(path.resolve()))
    test.run()
    assert not test.exception
    assert "cannot be applied" not in " ".join(c.value for c in test.caption)
    assert "These are the thresholds in force" in " ".join(c.value for c in test.caption)


def test_a_question_opens_as_in_compare_with_what_was_to_be_found(home: Path) -> None:
    test = open_evaluate(home)
    open_question(test, "How deep is the village well")
    assert not test.exception
    page_html = html(test)
    assert "“dug in 1742 and is forty metres deep”" in page_html
    assert "With reranking and gate" in page_html
    assert '<span class="side">relevant</span>' in page_html
    assert 'class="decisions"' in page_html


def test_a_run_that_was_interrupted_offers_to_go_on(home: Path) -> None:
    [run] = kept_runs(home, "notes")
    for file in (run.path / "records").iterdir():
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        file.write_text("".join(lines[:4]), encoding="utf-8")
    test = open_evaluate(home)
    assert not test.exception
    assert any("3 questions of this evaluation not asked yet" in c.value for c in test.caption)
    assert button(test, "Go on")
    assert "3 not asked yet" in html(test)


def test_how_the_last_one_ended_is_said_until_it_is_dismissed(home: Path) -> None:
    request = Request("notes", "gone.jsonl", "gone", ("none",), ("hybrid",), (5,))
    folder = home / "runs" / ".job"
    folder.mkdir()
    (folder / "request.json").write_text(json.dumps(asdict(request)), encoding="utf-8")
    write_progress(home, JobProgress("failed", message="gone.jsonl cannot be read", hint="Check the path."))
    test = open_evaluate(home)
    assert "gone.jsonl cannot be read" in html(test)
    assert "nDCG@10" in html(test)  # and the earlier run is there all the same
    button(test, "Dismiss").click()
    test.run()
    assert not test.exception
    assert "gone.jsonl" not in html(test)


class _Upload:
    """An uploaded file as Streamlit gives it."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._text = text

    def getbuffer(self) -> bytes:
        return self._text.encode()


def test_an_uploaded_set_is_kept_under_its_name(tmp_path: Path) -> None:
    row = json.dumps({"question": "How deep?", "quote": "forty metres deep"})
    kept = start.keep_upload(tmp_path, "notes", _Upload("../wells.jsonl", row))  # type: ignore[arg-type]
    assert kept.name == "wells"
    path = tmp_path / "questions" / "notes" / "sets" / "wells.jsonl"
    assert read_questions(path).questions == kept.questions


def test_a_fault_in_an_upload_names_its_line_and_keeps_nothing(tmp_path: Path) -> None:
    text = "question,quote,colour\nHow deep?,forty metres deep,blue\n"
    with pytest.raises(QuestionSetError) as caught:
        start.keep_upload(tmp_path, "notes", _Upload("wells.csv", text))  # type: ignore[arg-type]
    assert caught.value.message.startswith("wells.csv cannot be used")
    assert "line 2, colour" in caught.value.message
    assert not list(tmp_path.rglob("*.jsonl"))
