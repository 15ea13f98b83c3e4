"""The command line's small pure parts: filters, odds, moves."""

from __future__ import annotations

import io

import pytest

from app.cli.options import parse_filter
from app.cli.progress import Progress
from app.cli.show import move
from app.domain import Condition
from app.errors import UsageError
from app.odds import odds


def test_filters_are_read() -> None:
    assert parse_filter(("format=pdf, html", "year>=2020", "draft=false")) == (
        Condition("format", "in", ("pdf", "html")),
        Condition("year", ">=", (2020,)),
        Condition("draft", "in", (False,)),
    )


@pytest.mark.parametrize("text", ["format", "=pdf", "year>=2020,2021"])
def test_a_filter_that_cannot_be_read_names_itself(text: str) -> None:
    with pytest.raises(UsageError, match="filter"):
        parse_filter((text,))


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (1 / 12, "1 in 12"),
        (1 / 3, "1 in 3"),
        (0.4, "2 in 5"),
        (0.5, "1 in 2"),
        (0.7, "7 in 10"),
        (0.97, "97 in 100"),
        (0.999, "nearly certain"),
        (0.001, "less than 1 in 200"),
    ],
)
def test_odds_in_words(p: float, words: str) -> None:
    assert odds(p) == words


def test_moves() -> None:
    assert (move(4), move(-2), move(0)) == ("+4", "-2", "=")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_results_on_the_same_terminal_are_not_written_behind_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    progress = Progress()
    progress.at(1, 4, 30)
    progress.clear()
    terminal.write("a result\n")
    progress.at(2, 4, 20)
    progress.close()
    bars = [line.rpartition("\r")[2].rstrip() for line in terminal.getvalue().strip().split("\n")]
    assert bars == ["a result", "[##########----------] 2 of 4 questions, 20 s left"]
