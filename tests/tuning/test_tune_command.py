"""`sluice tune` as a person types it: from forty questions to a verdict, killed on the way, used, and removed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import environment, ingest
from tests.tuning.workshop import questions, write_workshop

SMALL = ("--rounds", "8", "--rate", "1e-4", "--negatives", "4")  # a reduced setting: twelve steps


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    home = tmp_path_factory.mktemp("tune")
    ingest(home, "--library", "workshop", str(write_workshop(home)))
    few = "".join(json.dumps(row) + "\n" for row in questions()[:9])
    (home / "few.jsonl").write_text(few, encoding="utf-8")
    return home


def _environment(home: Path) -> dict[str, str]:
    """Six candidates a question: it is the command that is tested here."""
    return {**os.environ, **environment(home), "CANDIDATES": "6"}


def sluice(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env=_environment(home), capture_output=True, text=True, encoding="utf-8", cwd=home, timeout=280, check=False,
    )  # fmt: skip


def killed_when(home: Path, there: Callable[[], bool], *arguments: str) -> None:
    """Start the command, and kill it outright as soon as something is there."""
    running = subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        env=_environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home,
    )  # fmt: skip
    end = time.monotonic() + 200
    while not there():
        assert running.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()


def test_advice_comes_before_training(home: Path) -> None:
    done = sluice(home, "tune", "questions.jsonl", "-l", "workshop", "--advice", "--json")
    assert done.returncode == 0, done.stderr
    advice = json.loads(done.stdout)["advice"]
    assert advice["kinds"][-2:] == ["tune", "label"] and advice["questions"] == 40
    assert advice["recall"]["100"]["value"] > 0.99
    assert not (home / "tuned" / "workshop-1").exists()


def test_forty_questions_to_a_verdict_killed_twice_on_the_way(home: Path) -> None:
    command = ("tune", "questions.jsonl", "-l", "workshop", "--name", "house", *SMALL)
    folder = home / "tuned" / "house"
    killed_when(home, (folder / "work" / "groups.jsonl.gz").exists, *command)
    killed_when(home, (folder / "work" / "train.ckpt").exists, *command)
    assert not (folder / "tuned.json").exists()
    unfinished = sluice(
        home, "ask", "How do we snib the Farrow crane?", "-l", "workshop", "-r", "tuned:house", "--json"
    )
    assert json.loads(unfinished.stdout)["scorer"]["status"] == "fallback"

    done = sluice(home, *command, "--json")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "Going on at step" in done.stderr
    told = json.loads(done.stdout)
    assert told["promoted"] and told["verdict"].startswith("Tuned beats late interaction")
    assert told["learned"]["parts"] == {"train": 12, "validation": 0, "test": 28}
    over = {row["arm"]: row["difference"]["change"] for row in told["outcome"]["against"]}
    assert set(over) == {"off", "evidence", "current", "base"} and over["current"]["low"] > 0.1
    assert told["calibration"]["fitted_on"]["library"] == "workshop"
    assert sorted(p.name for p in folder.iterdir()) == [
        "lock", "model", "parts.json", "report.html", "report.json", "report.md", "run.json", "tuned.json",
    ]  # fmt: skip
    assert (folder / "report.md").read_text(encoding="utf-8").startswith("Tuned beats late interaction")
    again = sluice(home, *command)
    assert again.returncode == 2 and "There is a tuned reranker house already" in again.stderr


def test_what_won_is_listed_used_and_removed(home: Path) -> None:
    choices = json.loads(sluice(home, "models", "list", "--json").stdout)
    assert "tuned:house" in json.dumps(choices)
    asked = ("ask", "How do we snib the Farrow crane?", "-l", "workshop", "-r", "tuned:house", "--json")
    trace = json.loads(sluice(home, *asked).stdout)
    assert trace["scorer"]["used"].startswith("tuned/house/") and trace["scorer"]["calibration"] == "here"
    best = min(trace["candidates"], key=lambda c: c["rank_after"])
    assert best["title"] == "Farrow crane: Greasing"
    removed = sluice(home, "tune", "--remove", "house")
    assert removed.returncode == 0 and len(removed.stdout.splitlines()) == 2, removed.stdout + removed.stderr
    assert not (home / "tuned" / "house").exists() and not list((home / "calibrations").glob("*.json"))
    gone = sluice(home, *asked[:-1], "--reranker-policy", "required")
    assert gone.returncode == 3 and "There is no tuned reranker house" in gone.stdout + gone.stderr


def test_a_loser_is_kept_aside(home: Path) -> None:
    """Taught by the very scorer that it starts from, it learns nothing new."""
    done = sluice(
        home, "tune", "questions.jsonl", "-l", "workshop", "-r", "bundled", "--name", "same", "--loss", "distil",
        "--teacher", "bundled", "--rounds", "1",
    )  # fmt: skip
    assert done.returncode == 4, done.stdout + done.stderr
    assert "does not beat" in done.stdout.splitlines()[0] and "Kept aside" in done.stderr
    assert "Candidates were taught by the raw scores of cross-encoder sluice-minilm-l4" in " ".join(done.stdout.split())
    assert "kept aside" in sluice(home, "tune", "--list").stdout
    assert "tuned:same" not in sluice(home, "models", "list", "--json").stdout
    assert not (home / "calibrations").exists() or not list((home / "calibrations").glob("tuned-same*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("few.jsonl",), "Label about 31 more"),
        ((), "There is nothing to learn from"),
        (("questions.jsonl", "--loss", "distil"), "needs a teacher"),
        (("questions.jsonl", "--base", "cross-encoder/not-here"), "is not on this machine"),
        (("questions.jsonl", "--name", "a/b"), "cannot name a tuned reranker"),
        (("--remove", "nobody"), "There is no tuned reranker nobody"),
    ],
)
def test_errors_say_what_to_type(home: Path, arguments: tuple[str, ...], words: str) -> None:
    done = sluice(home, "tune", *arguments, "-l", "workshop")
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr
