"""`sluice calibrate` as a person types it, and that its calibration is then used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import environment, ingest
from tests.evaluation.towns import TOWNS, questions, write_gazetteer, write_questions


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    home = tmp_path_factory.mktemp("calibrate")
    ingest(home, "--library", "towns", str(write_gazetteer(home)))
    write_questions(home / "set.jsonl", questions(60, 24))
    write_questions(home / "few.jsonl", questions(8, 2))
    write_questions(home / "one.jsonl", [{"question": f"{n}?", "document": "towns.jsonl"} for n in range(30)])
    weak = [{**row, "weak": True} for row in questions(3, 0)]
    write_questions(home / "weak.jsonl", weak)
    return home


def sluice(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Four candidates a question: it is the command that is tested here."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env={**os.environ, **environment(home), "CANDIDATES": "4"},
        capture_output=True, text=True, encoding="utf-8", cwd=home, timeout=300,
    )  # fmt: skip


def calibration_of(home: Path) -> tuple[str, str]:
    done = sluice(home, "ask", f"What is {TOWNS[3]} known for making?", "-l", "towns", "--json")
    trace = json.loads(done.stdout)
    return trace["scorer"]["calibration"], trace["gate"]["policy"]["answer_note"]


def test_nothing_changes_until_it_is_applied(home: Path) -> None:
    first = sluice(home, "calibrate", "set.jsonl", "-l", "towns", "--target", "f1", "--target", "false-answers=0.2")
    assert first.returncode == 0, first.stdout + first.stderr
    assert first.stdout.startswith("Calibrated on ") and "ECE at rank 1" in first.stdout.splitlines()[0]
    for words in ("at most 0.2 of unanswerable questions answered", "best F1", "Brier skill", "separation"):
        assert words in first.stdout
    assert "--apply" in first.stderr and not (home / "calibrations").exists()
    assert calibration_of(home)[0] == "general"
    applied = sluice(home, "calibrate", "set.jsonl", "-l", "towns", "--apply", "--json")
    assert applied.returncode == 0, applied.stderr
    told = json.loads(applied.stdout)
    assert Path(told["applied"]).exists() and told["calibration"]["fitted_on"]["library"] == "towns"
    assert told["sides"]["calibration"]["questions"] + told["sides"]["test"]["questions"] == 84
    kind, note = calibration_of(home)
    assert kind == "here" and note.endswith("measured here")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("few.jsonl",), "labelled questions on both sides together"),
        (("weak.jsonl",), "no question to calibrate with"),
        (("one.jsonl",), "100% of the questions hang together"),
        (("set.jsonl", "-r", "none"), "There is no reranker to calibrate"),
        (("set.jsonl", "--target", "best"), "precision=0.8"),
    ],
)
def test_errors_say_what_to_type(home: Path, arguments: tuple[str, ...], words: str) -> None:
    done = sluice(home, "calibrate", *arguments, "-l", "towns")
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
