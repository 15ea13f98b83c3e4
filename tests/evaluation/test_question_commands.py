"""`sluice questions` as a person types it: real processes on a real library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.evaluation.questions import read_questions
from app.evaluation.votes import Votes
from app.settings import load_settings
from app.wiring import build
from tests.cli.test_commands import sluice
from tests.conftest import ingest

NOTE = "# Tea\n\nGreen tea is steeped at 80 degrees for two minutes. Boiling water makes it bitter and cloudy.\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    home = tmp_path_factory.mktemp("questions")
    (home / "tea.md").write_text(NOTE, encoding="utf-8")
    ingest(home, "--library", "tea", str(home / "tea.md"))
    return home


def test_a_set_is_imported_checked_and_listed(home: Path) -> None:
    (home / "mine.csv").write_text(
        "question,quote,answerable\n"
        "How hot is the water?,Green tea is steeped at 80 de-grees,\n"
        "How much does it cost?,,false\n",
        encoding="utf-8",
    )
    done = sluice(home, "questions", "import", "mine.csv", "-l", "tea", "--json")
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)
    assert (written["questions"], written["answerable"], written["unanswerable"]) == (2, 1, 1)
    assert sluice(home, "questions", "import", "mine.csv", "-l", "tea").returncode == 2
    assert sluice(home, "questions", "import", "mine.csv", "-l", "tea", "--replace").returncode == 0
    checked = sluice(home, "questions", "check", written["path"], "-l", "tea")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Labels: 1 of 1 found" in checked.stdout
    assert "1 by quote (1 letter by letter)" in checked.stdout
    assert "2 questions (1 answerable, 1 unanswerable)" in sluice(home, "questions", "list", "-l", "tea").stdout


def test_what_is_not_found_is_named_and_the_exit_code_says_so(home: Path) -> None:
    rows = [
        {"id": "bad", "question": "Who?", "quote": "Green tea was brought to the harbour by a merchant"},
        {"id": "gone", "question": "Where?", "document": "coffee.md"},
        {"id": "good", "question": "How hot?", "quote": "boiling watre makes it bitter"},
    ]
    (home / "half.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = sluice(home, "questions", "check", "half.jsonl", "-l", "tea")
    assert done.returncode == 1
    assert "Labels: 1 of 3 found" in done.stdout
    assert "bad, quote Green tea was brought" in done.stdout and "agrees to" in done.stdout
    assert "gone, document coffee.md: no document is called 'coffee.md'" in done.stdout
    assert "Ranking can be measured on 1 of 3 questions" in done.stdout
    report = json.loads(sluice(home, "questions", "check", "half.jsonl", "-l", "tea", "--json").stdout)
    assert report["labels"] == {"found": 1, "missing": 2, "ambiguous": 0}
    assert [item["state"] for item in report["items"]] == ["missing", "missing", "found"]
    assert 0.85 < report["items"][2]["score"] < 1


def test_drafts_are_made_decided_and_imported(home: Path) -> None:
    made = sluice(home, "questions", "generate", "-l", "tea", "--count", "3", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["new"] >= 1
    assert "weak" in made.stderr
    listed = json.loads(sluice(home, "questions", "drafts", "-l", "tea", "--json").stdout)
    assert {row["state"] for row in listed} == {"drafted"}
    assert sluice(home, "questions", "import", "--from", "drafts", "-l", "tea").returncode == 2
    assert sluice(home, "questions", "accept", "-l", "tea", listed[0]["question"]["id"]).stdout == "1 accepted.\n"
    assert sluice(home, "questions", "reject", "-l", "tea", "--all").returncode == 0
    out = home / "accepted.jsonl"
    assert sluice(home, "questions", "import", "--from", "drafts", "-l", "tea", "--out", str(out)).returncode == 0
    assert [q.id for q in read_questions(out).questions] == [listed[0]["question"]["id"]]
    assert sluice(home, "questions", "check", str(out), "-l", "tea").returncode == 0


def test_real_votes_become_a_set_that_is_found_again(home: Path, prepared_models: Path) -> None:
    app = build(load_settings(sluice_home=home, sluice_models=prepared_models, library="tea"))
    trace = app.pipeline.ask("How hot should green tea be?", app.options(gate=app.gate_choice(answer_above=0.0)))
    chunk = trace.gate.decisions[0].scored.candidate.chunk
    Votes(home / "votes").add(trace, kind="passage", value=1, chunk_id=chunk.id)
    Votes(home / "votes").add(trace, kind="answer", value=1)
    out = home / "voted.jsonl"
    done = sluice(home, "questions", "import", "--from", "votes", "-l", "tea", "--out", str(out))
    assert done.returncode == 0, done.stderr
    [question] = read_questions(out).questions
    assert (question.origin, question.weak, question.relevant[0].chunk) == ("vote", False, chunk.id)
    assert sluice(home, "questions", "check", str(out), "-l", "tea").returncode == 0


def test_a_split_says_what_it_came_to(home: Path) -> None:
    rows = [{"question": f"Question {n}?", "document": f"d{n}.md"} for n in range(40)]
    (home / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = sluice(home, "questions", "split", "many.jsonl", "--json")
    told = json.loads(done.stdout)
    marked = read_questions(home / "many.split.jsonl").questions
    assert told["sides"] == {side: sum(q.split == side for q in marked) for side in ("calibration", "test")}
    assert told["components"] == 40
    (home / "one.jsonl").write_text(
        '{"question": "A?", "document": "a"}\n{"question": "B?", "document": "a"}\n', "utf-8"
    )
    assert "One side is empty" in sluice(home, "questions", "split", "one.jsonl").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("check", "none.jsonl", "-l", "tea"), 1, "cannot be read"),
        (("check", "tea.md", "-l", "tea"), 1, ".jsonl or .csv"),
        (("check", "mine.csv", "-l", "nowhere"), 1, "sluice ingest"),
        (("import",), 2, "Name a file or folder"),
        (("import", "."), 2, "no BEIR folder"),
        (("import", "--from", "beir"), 2, "needs the file or folder"),
        (("import", "--from", "votes", "-l", "nobody"), 2, "thumbs"),
        (("import", "mine.csv", "--name", "../up", "--replace"), 2, "cannot name a question set"),
        (("import", "mine.csv", "--corpus", "c", "--replace"), 2, "no passages"),
        (("generate", "-l", "tea", "--method", "chat"), 2, "OPENAI"),
        (("accept", "-l", "tea"), 2, "--all"),
        (("accept", "-l", "tea", "q-none"), 2, "sluice questions drafts"),
    ],
)
def test_errors_say_what_to_type(home: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    (home / "mine.csv").write_text("question,answers\nA?,B\n", encoding="utf-8")
    done = sluice(home, "questions", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
