"""`sluice tune --votes`: labels from the thumbs of the page, as it keeps them, and fields chosen by the person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import cli
from app.errors import SluiceError
from app.settings import load_settings
from app.wiring import build
from tests.conftest import ingest
from tests.tuning.workshop import passages, questions, write_workshop

CHOSEN = {"CANDIDATES": "6", "OMP_NUM_THREADS": "1", "PASSAGE_FIELDS": "title,text"}
SMALL = ("--rounds", "5", "--rate", "1e-4", "--negatives", "5")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    """A workshop whose forty questions were asked on the page, each in two wordings: a thumb up for the passage that
    was meant, thumbs down for the others that were shown. On the first question someone changed their mind.

    Two wordings, so that every house word is learned from several times, however the passages are split."""
    home = tmp_path_factory.mktemp("votes")
    (home / "workshop").mkdir()
    ingest(home, "--library", "workshop", str(write_workshop(home / "workshop")))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**CHOSEN, "SLUICE_HOME": str(home)}.items():
            patch.setenv(name, value)
        sluice = build(load_settings())
        options = sluice.options(library="workshop", reranker="none")
        for number, row in enumerate(asked()):
            trace = sluice.pipeline.ask(str(row["question"]), options)
            meant = passages()[int(str(row["row"])) - 1]["title"]
            for found in trace.judged.scored:
                chunk = found.candidate.chunk
                sign = 1 if chunk.title == meant else -1
                if not number:
                    sluice.votes.add(trace, kind="passage", value=-sign, chunk_id=chunk.id)
                sluice.votes.add(trace, kind="passage", value=sign, chunk_id=chunk.id)
    return home


def asked() -> list[dict[str, object]]:
    """The workshop's questions, and each once more in other words around the one that matters."""
    return [
        {**row, "question": str(row["question"]).replace("How do we", start)}
        for start in ("How do we", "When should I")
        for row in questions()
    ]


@pytest.fixture(autouse=True)
def _here(home: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**CHOSEN, "SLUICE_HOME": str(home)}.items():
            patch.setenv(name, value)
        patch.chdir(home)
        yield


def sluice(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_votes_are_labels_only_where_they_are_asked_for() -> None:
    done = sluice("tune", "--votes", "-l", "workshop", "--advice", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["sources"] == {"votes": 80} and told["advice"]["questions"] == 80
    both = json.loads(
        sluice("tune", "workshop/questions.jsonl", "--votes", "-l", "workshop", "--advice", "--json").stdout
    )
    assert both["sources"] == {"questions": 40, "votes": 80} and both["advice"]["questions"] == 80
    without = sluice("tune", "-l", "workshop", "--advice")
    assert isinstance(without.exception, SluiceError) and "nothing to learn from" in without.exception.message


@pytest.mark.timeout(600)
def test_thumbs_alone_make_a_reranker_and_its_calibration_is_found_again() -> None:
    """Only what a thumb went down on counts as irrelevant. The scorer id names the chosen fields, so that the
    calibration fitted here is the one in use later."""
    done = sluice("tune", "--votes", "-l", "workshop", "--name", "voted", "--unlabelled", "judged", *SMALL, "--json")
    assert done.exit_code == 0, done.output[-2000:]
    told = json.loads(done.stdout)
    learned = told["learned"]
    assert learned["parts"] == {"train": 48, "validation": 0, "test": 32}
    assert (learned["positives"], learned["judged"], learned["unlabelled"]) == (48, 240, 0)
    assert "Only passages that were judged not relevant" in Path("tuned/voted/report.md").read_text(encoding="utf-8")
    answer = sluice("ask", "How do we snib the Farrow crane?", "-l", "workshop", "-r", "tuned:voted", "--json")
    scorer = json.loads(answer.stdout)["scorer"]
    assert scorer["used"] == told["scorer"] and scorer["calibration"] == "here"


def test_a_damaged_vote_is_named_with_its_line(home: Path) -> None:
    kept = home / "votes" / "workshop.jsonl"
    before = kept.read_text(encoding="utf-8")
    kept.write_text(before + "{half a li\n", encoding="utf-8")
    try:
        done = sluice("tune", "--votes", "-l", "workshop", "--advice")
    finally:
        kept.write_text(before, encoding="utf-8")
    assert isinstance(done.exception, SluiceError)
    assert f"line {len(before.splitlines()) + 1} is not a vote" in done.exception.message
