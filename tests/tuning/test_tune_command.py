"""`sluice tune` as a person types it: from forty questions to a verdict, killed on the way, used, and removed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import cli
from app.errors import SluiceError
from app.providers.prepared import read_prepared
from app.providers.reranking.registry import BUNDLED
from app.providers.reranking.tuned import Tuned, write_tuned
from app.settings import load_settings
from app.wiring import build
from tests.conftest import ROOT, environment, ingest
from tests.tuning.workshop import questions, write_workshop

SMALL = ("--rounds", "8", "--rate", "1e-4", "--negatives", "4")  # a reduced setting: twelve steps
DOCUMENTED = re.search(r"^sluice (tune .*--name house)$", (ROOT / "docs/tuning-a-reranker.md").read_text("utf-8"), re.M)
FEW = {"CANDIDATES": "6", "OMP_NUM_THREADS": "1"}  # candidates: it is the command that is tested here


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    home = tmp_path_factory.mktemp("tune")
    (home / "workshop").mkdir()
    ingest(home, "--library", "workshop", str(write_workshop(home / "workshop")))
    few = "".join(json.dumps(row) + "\n" for row in questions()[:9])
    (home / "few.jsonl").write_text(few, encoding="utf-8")
    (home / "broken.jsonl").write_text(few.replace("}\n", "}\n{half\n", 1), encoding="utf-8")
    (home / "elsewhere.jsonl").write_text(few.replace("workshop.jsonl", "bakery.jsonl"), encoding="utf-8")
    return home


@pytest.fixture(autouse=True)
def _here(home: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**FEW, "SLUICE_HOME": str(home)}.items():
            patch.setenv(name, value)
        patch.chdir(home)
        yield


def sluice(*arguments: str) -> Result:
    """The command in this process; what it raised is in `exception`."""
    return CliRunner().invoke(cli, arguments)


def killed_when(home: Path, there: Callable[[], bool], *arguments: str) -> None:
    """Start the command as a process, and kill it outright as soon as something is there."""
    running = subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        env={**os.environ, **environment(home), **FEW}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home,
    )  # fmt: skip
    end = time.monotonic() + 200
    while not there():
        assert running.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()


def test_advice_comes_before_training(home: Path) -> None:
    done = sluice("tune", "workshop/questions.jsonl", "-l", "workshop", "--advice", "--json")
    assert done.exit_code == 0, done.output
    advice = json.loads(done.stdout)["advice"]
    assert advice["kinds"][-2:] == ["tune", "label"] and advice["questions"] == 40
    assert advice["recall"]["100"]["value"] > 0.99
    assert not (home / "tuned" / "workshop-1").exists()


@pytest.mark.timeout(600)
def test_forty_questions_to_a_verdict_killed_on_the_way(home: Path) -> None:
    """The command of docs/tuning-a-reranker.md, in a reduced setting."""
    assert DOCUMENTED is not None
    command = (*DOCUMENTED[1].split(), *SMALL)
    folder = home / "tuned" / "house"
    killed_when(home, (folder / "work" / "train.ckpt").exists, *command)
    assert not (folder / "tuned.json").exists()
    assert "not finished" in sluice("tune", "--list").stdout
    unfinished = sluice("ask", "How do we snib the Farrow crane?", "-l", "workshop", "-r", "tuned:house", "--json")
    assert json.loads(unfinished.stdout)["scorer"]["status"] == "fallback"

    done = sluice(*command, "--json")
    assert done.exit_code == 0, done.output[-2000:]
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
    again = sluice(*command)
    assert isinstance(again.exception, SluiceError)
    assert "There is a tuned reranker house already" in again.exception.message


def test_what_won_is_listed_used_and_removed(home: Path) -> None:
    choices = {choice.name: choice for choice in build(load_settings()).rerankers()}
    assert choices["tuned:house"].available and choices["tuned:house"].label == "tuned cross-encoder house"
    asked = ("ask", "How do we snib the Farrow crane?", "-l", "workshop", "-r", "tuned:house", "--json")
    trace = json.loads(sluice(*asked).stdout)
    assert trace["scorer"]["used"].startswith("tuned/house/") and trace["scorer"]["calibration"] == "here"
    best = min(trace["candidates"], key=lambda c: c["rank_after"])
    assert best["title"] == "Farrow crane: Greasing"
    removed = sluice("models", "remove", "tuned:house")
    assert removed.exit_code == 0 and len(removed.stdout.splitlines()) == 2, removed.output
    assert not (home / "tuned" / "house").exists() and not list((home / "calibrations").glob("*.json"))
    gone = json.loads(sluice(*asked, "--reranker-policy", "required").stdout)
    assert gone["gate"]["refusal"] == "RERANKER_UNAVAILABLE"
    assert "There is no tuned reranker house" in gone["scorer"]["reason"]


@pytest.mark.timeout(600)
def test_a_loser_is_kept_aside(home: Path) -> None:
    """Taught by the very scorer that it starts from, it learns nothing new."""
    done = sluice(
        "tune", "workshop/questions.jsonl", "-l", "workshop", "-r", "bundled", "--name", "same", "--loss", "distil",
        "--teacher", "bundled", "--rounds", "1", "--negatives", "2",
    )  # fmt: skip
    assert done.exit_code == 4, done.output
    assert "does not beat" in done.stdout.splitlines()[0] and "Kept aside" in done.stderr
    assert "Candidates were taught by the raw scores of cross-encoder sluice-minilm-l4" in " ".join(done.stdout.split())
    assert "kept aside" in sluice("tune", "--list").stdout
    assert "tuned:same" not in {choice.name for choice in build(load_settings()).rerankers()}
    assert not list((home / "calibrations").glob("tuned-same*"))


def test_a_kept_aside_or_promoted_one_is_seen_by_the_page(home: Path) -> None:
    """What the sidebar offers comes from the same list, so a folder with a verdict is all it takes."""
    for name, promoted in (("won", True), ("lost", False)):
        folder = home / "tuned" / name
        shutil.copytree(BUNDLED, folder / "model")
        write_tuned(Tuned(name, "bundled", "workshop", promoted, "it was so", "now", folder))
    names = [choice.name for choice in build(load_settings()).rerankers() if choice.available]
    assert "tuned:won" in names and "tuned:lost" not in names
    scorer = build(load_settings()).scorer("tuned:won")
    assert scorer.profile.id.provider == "tuned" and scorer.profile.id.model == "won"
    assert scorer.profile.id.revision == read_prepared(BUNDLED).revision


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("few.jsonl",), "Label about 31 more"),
        ((), "There is nothing to learn from"),
        (("workshop/questions.jsonl", "--loss", "distil"), "needs a teacher"),
        (("workshop/questions.jsonl", "--base", "cross-encoder/not-here"), "is not on this machine"),
        (("workshop/questions.jsonl", "--name", "a/b"), "cannot name a tuned reranker"),
        (("workshop/questions.jsonl", "-r", "cascade:late-interaction+bundled"), "is two rerankers"),
        (("not-there.jsonl",), "not-there.jsonl"),
        (("broken.jsonl",), "line 2: not JSON"),
        (("elsewhere.jsonl",), "has no question whose labels are in library workshop"),
        (("--remove", "nobody"), "There is no tuned reranker nobody"),
    ],
)
def test_errors_say_what_to_type(arguments: tuple[str, ...], words: str) -> None:
    done = sluice("tune", *arguments, "-l", "workshop")
    assert isinstance(done.exception, SluiceError), done.output
    assert words in f"{done.exception.message} {done.exception.hint}"
    assert done.exception.hint
