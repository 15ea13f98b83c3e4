"""The converter, on the real sets where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.datasets import DATA, SCOPES, convert

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the question sets are not at {DATA}"),
]


@pytest.mark.parametrize("name", SCOPES)
def test_rows_lead_back_to_passages(name: str, tmp_path: Path) -> None:
    dev = convert(name, tmp_path)
    rows = [json.loads(line) for line in dev.file.read_text(encoding="utf-8").splitlines()]
    corpus = (DATA / dev.scope.folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    texts = {row["id"]: row["text"] for row in map(json.loads, corpus)}

    assert len(rows) == len(dev.passages)
    assert all(texts[dev.passage(number)] == row["text"] for number, row in enumerate(rows, 1))
    here = set(dev.passages)
    assert all(here & asked.relevant.keys() for asked in dev.questions if asked.relevant)


def test_squad2_is_the_reporting_half_only(tmp_path: Path) -> None:
    dev = convert("squad2", tmp_path)
    titles = {json.loads(line)["title"] for line in dev.file.read_text(encoding="utf-8").splitlines()}
    assert min(titles) == "Normans"
    assert {asked.answerable for asked in dev.questions} == {True, False}


def test_ranking_within_context_reaches_the_relevant_passages(tmp_path: Path) -> None:
    dev = convert("tatqa-context", tmp_path)
    for asked in dev.questions[:100]:
        (condition,) = asked.where
        assert asked.relevant.keys() <= {dev.passage(row) for row in condition.values}


def test_mtragun_brings_its_history_and_says_what_is_undecided(tmp_path: Path) -> None:
    dev = convert("mtragun", tmp_path)
    assert any(asked.history and asked.history[-1].role == "assistant" for asked in dev.questions)
    counts = [sum(asked.answerable is value for asked in dev.questions) for value in (True, False, None)]
    assert counts[1] == 97
    assert all(counts)


def test_samples_repeat(tmp_path: Path) -> None:
    dev = convert("pubmedqa", tmp_path)
    assert dev.sample(50, 7) == dev.sample(50, 7) != dev.sample(50, 8)
    assert dev.sample(None, 7) == dev.questions
