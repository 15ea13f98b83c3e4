"""`sluice compare --passages FILE QUESTION`: real rerankers on a few lines, without any library."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_commands import sluice

LINES = (
    "Bananas are yellow.\nA cross-encoder reads question and passage at once.\nThe gate lets a few passages through.\n"
)


def test_every_reranker_ranks_the_lines_of_a_file(tmp_path: Path, prepared_models: Path) -> None:
    (tmp_path / "lines.txt").write_text(LINES, encoding="utf-8")
    done = sluice(tmp_path, "compare", "--passages", "lines.txt", "What does a cross-encoder read?", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    first = next(r for r in found["rerankers"] if r["name"] == "late-interaction")
    assert first["ranks"][1] == 1
    assert first["p"][1] > first["p"][0]
    assert first["cost_usd"] == 0.0


def test_a_csv_a_named_reranker_and_one_that_is_none(tmp_path: Path, prepared_models: Path) -> None:
    rows = "id,text\n" + "".join(f"{n},{line}\n" for n, line in enumerate(LINES.splitlines()))
    (tmp_path / "rows.csv").write_text(rows, encoding="utf-8")
    command = ("compare", "--passages", "rows.csv", "What does a cross-encoder read?", "--reranker")
    done = sluice(tmp_path, *command, "late-interaction")
    assert done.returncode == 0, done.stderr
    assert "3 passages from text (by its name)." in done.stderr
    assert "late interaction: scale bounded" in done.stdout
    assert "Kendall tau" in done.stdout
    failed = sluice(tmp_path, *command, "nonsense")
    assert (failed.returncode, "names no reranker" in failed.stdout) == (1, True)
    assert "passage" not in failed.stdout  # no table of nothing
    away = sluice(tmp_path, *command, "cohere:rerank-v3.5")
    assert (away.returncode, "Cohere needs a key" in away.stdout) == (1, True)


def test_one_passage_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("only one\n", encoding="utf-8")
    done = sluice(tmp_path, "compare", "--passages", "one.txt", "Why?")
    assert (done.returncode, "at least two" in done.stderr) == (2, True)


def test_what_a_ranking_takes_no_notice_of_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text(LINES, encoding="utf-8")
    ranked = ("compare", "--passages", "lines.txt", "Why?")
    done = sluice(tmp_path, *ranked, "--keep-above", "0", "--filter", "year=1", "--all-arms", "-r", "late-interaction")
    assert done.returncode == 2
    assert "--keep-above, --filter, --all-arms: with --passages no library is asked" in done.stderr
