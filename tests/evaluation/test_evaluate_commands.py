"""`sluice evaluate` as a person types it: real processes on a real library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_commands import sluice
from tests.conftest import environment, ingest
from tests.evaluation.towns import questions, write_gazetteer, write_questions


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    home = tmp_path_factory.mktemp("evaluate")
    ingest(home, "--library", "towns", str(write_gazetteer(home)))
    write_questions(home / "set.jsonl", questions(8, 3))
    return home


@pytest.fixture(scope="module")
def run(home: Path) -> Path:
    """A finished run in `base`, with a reranker and without."""
    done = sluice(
        home, "evaluate", "set.jsonl", "-l", "towns", "--rerank", "none,local", "--candidates", "5", "--out", "base"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = done.stdout.splitlines()[0]
    assert "reranking" in verdict.lower() and "nDCG@10" in verdict
    for title in ("Configurations", "Which step paid", "The gate", "Failures", "Cost"):
        assert f"\n{title}\n" in done.stdout
    assert "11 of 11 questions" in done.stderr and "questions" not in done.stdout.splitlines()[-1]
    return home / "base"


def test_the_run_folder_holds_what_was_measured(run: Path) -> None:
    assert {p.name for p in run.iterdir()} >= {
        "manifest.json",
        "questions.jsonl",
        "records",
        "report.md",
        "report.html",
    }
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["library"]["name"] == "towns" and manifest["questions"]["asked"] == 11
    assert [c["reranker"] for c in manifest["configurations"]] == ["none", "late-interaction"]
    assert manifest["configurations"][1]["scorer"].startswith("late-interaction/")
    records = (run / "records" / "hybrid-5-late-interaction.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(records) == 11


def test_the_same_command_asks_nothing_twice_and_another_one_is_refused(home: Path, run: Path) -> None:
    same = ("evaluate", "set.jsonl", "-l", "towns", "--rerank", "none,local", "--candidates", "5", "--out", "base")
    again = sluice(home, *same)
    assert again.returncode == 0 and "11 of 11 questions were asked before" in again.stderr
    other = sluice(home, *same, "--questions", "4")
    assert other.returncode == 2
    assert "questions.sample: None, now 4" in other.stderr and "--out DIR" in other.stderr


def test_compare_passes_when_nothing_got_worse(home: Path, run: Path) -> None:
    done = sluice(home, "evaluate", "--compare", "base")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Not worse than the baseline beyond noise" in done.stdout
    [folder] = (home / "runs" / "towns").iterdir()  # the baseline's own folder is left alone
    assert (folder / "report.html").exists()


def test_compare_fails_with_code_4_when_a_refusal_error_got_worse(home: Path, run: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "evaluate", "--compare", "base", "--json"],
        env={**environment(home), "ANSWER_ABOVE": "1"},
        capture_output=True, text=True, encoding="utf-8", cwd=home, timeout=120,
    )  # fmt: skip
    assert done.returncode == 4, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["worse"] is True
    changes = {c["name"]: c for c in told["against_baseline"][1]["check"]["changes"]}
    assert changes["wrong refusals"]["worse"] and changes["wrong refusals"]["after"]["value"] == 1.0


def test_a_set_is_found_by_its_name(home: Path) -> None:
    assert sluice(home, "questions", "import", "set.jsonl", "-l", "towns", "--name", "kept").returncode == 0
    done = sluice(home, "evaluate", "kept", "-l", "towns", "--rerank", "none", "--candidates", "3", "-n", "2", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["manifest"]["questions"]["name"] == "kept" and told["configurations"][0]["records"] == 2
    assert Path(told["folder"]).name == "kept-1"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "Name a question set"),
        (("none.jsonl",), 1, "cannot be read"),
        (("set.jsonl", "-l", "nowhere"), 1, "sluice ingest"),
        (("set.jsonl", "-l", "towns", "--rerank", "magic"), 2, "names no reranker"),
        (("set.jsonl", "-l", "towns", "--candidates", "many"), 2, "--candidates 20,50"),
        (("set.jsonl", "-l", "towns", "--retrieval", "psychic"), 2, "One of: dense, lexical, hybrid"),
        (("set.jsonl", "-l", "towns", "--compare", "."), 2, "holds no run"),
        (("--compare", "base", "--out", "base"), 2, "compared with itself"),
        (("--compare", "base", "--candidates", "3"), 2, "as the baseline asked them"),
        (("base", "-l", "towns"), 2, "sluice questions import base --library towns"),
        (("other", "-l", "towns"), 2, "There is no file other, and towns has no question set of that name"),
        (("set.jsonl", "-l", "towns", "--candidates", "0"), 2, "--candidates 0: 1 to 100"),
        (("set.jsonl", "-l", "towns", "--rerank", "none", "--out", "set.jsonl/run"), 1, "Not a directory"),
    ],
)
def test_errors_say_what_to_type(home: Path, run: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = sluice(home, "evaluate", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
