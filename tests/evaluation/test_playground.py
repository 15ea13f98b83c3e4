"""Passages pasted or dropped, and what each reranker makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from app.domain import LibraryInfo, Scale, Score, ScorerId, ScorerProfile
from app.errors import ProviderTimeout, UsageError
from app.evaluation.pasted import MOST, check, column, read_table, split_passages
from app.evaluation.playground import agreements, play, play_to_json
from app.stages.judge import Judge
from tests.fakes_ui import LineCalibration, OverlapScorer, Uncalibrated

PASSAGES = ("nothing of it", "tea grows", "tea grows on hills", "hills", "tea")
QUESTION = "tea grows hills"


@dataclass(frozen=True)
class Choice:
    name: str
    label: str
    available: bool = True
    reason: str | None = None


CHOICES = [
    Choice("overlap", "Word overlap (shared words)"),
    Choice("length", "Length"),
    Choice("down", "Cohere"),
    Choice("away", "Voyage", available=False, reason="It needs a key."),
    Choice("none", "no reranking"),
]


class Lengths:
    """Prefers long passages; a service, so that its cost is not known."""

    profile = ScorerProfile(ScorerId("fake", "lengths"), "Length", Scale.LOGIT, pointwise=True)

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        return [Score(float(len(p)), windows=2 if len(p) > 15 else 1, truncated=len(p) > 15) for p in passages]


class Local(Lengths):
    """The same number for all, on this machine, partly remembered."""

    profile = ScorerProfile(ScorerId("fake", "same"), "Same", Scale.LOGIT, pointwise=True, fixed_weights=True)

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        return [Score(1.0, cached=n < 2) for n, _ in enumerate(passages)]


def open_judge(name: str, library: LibraryInfo) -> Judge:
    assert library.name == ""
    if name == "length":
        return Judge(Lengths(), Uncalibrated())
    if name == "same":
        return Judge(Local(), Uncalibrated())
    return Judge(OverlapScorer(down=name == "down"), LineCalibration())


# -- ranking ---------------------------------------------------------------------------------------


def test_every_reranker_ranks_and_a_failing_one_does_not_stop_the_others() -> None:
    heard: list[str] = []
    found = play(QUESTION, PASSAGES, CHOICES, open_judge, before_each=heard.append)
    assert heard == ["Word overlap", "Length", "Cohere"]
    overlap, length, down = found.results
    assert overlap.ranking is not None
    assert overlap.ranking.order == (2, 1, 3, 4, 0)
    assert overlap.ranking.ranks == (5, 2, 1, 3, 4)
    assert overlap.ranking.raw == pytest.approx((0, 2 / 3, 1, 1 / 3, 1 / 3))
    assert overlap.ranking.p == pytest.approx((0, 4 / 9, 1, 1 / 9, 1 / 9))
    assert (overlap.ranking.scale, overlap.ranking.calibration) == (Scale.BOUNDED, "general")
    assert length.ranking is not None
    assert (length.ranking.p, length.ranking.calibration) == ((None,) * 5, "none")
    assert (length.ranking.windowed, length.ranking.cut, length.ranking.cost_usd) == (1, 1, None)
    assert (down.ranking, down.error) == (None, "Cohere did not answer in 3 s.")
    assert [u.name for u in found.unusable] == ["away"]


def test_agreement_is_between_every_two_orders_and_with_the_one_given() -> None:
    found = play(QUESTION, PASSAGES, CHOICES[:2], open_judge)
    # length: hills..., nothing, tea grows, hills, tea -> 2 0 1 3 4; overlap: 2 1 3 4 0
    assert [(a.one, a.other, a.top) for a in agreements(found)] == [
        ("the order given", "Word overlap", None),
        ("the order given", "Length", None),
        ("Word overlap", "Length", None),
    ]
    assert [a.tau for a in agreements(found)] == pytest.approx([0.0, 0.6, 0.4])


def test_the_first_five_are_compared_where_more_compete() -> None:
    more = (*PASSAGES, "a long passage that says nothing at all", "and one more that is longer than any other here")
    [_, _, pair] = agreements(play(QUESTION, more, CHOICES[:2], open_judge))
    assert pair.top == pytest.approx(3 / 5)  # overlap: 2 1 3 4 0; length: 6 5 2 0 1


def test_same_scores_are_said_and_what_runs_here_is_free() -> None:
    found = play(QUESTION, PASSAGES, [Choice("same", "Same"), Choice("length", "Same")], open_judge)
    same = found.results[0].ranking
    assert same is not None
    assert (same.tells_nothing, same.order, same.cost_usd, same.cached) == (True, (0, 1, 2, 3, 4), 0.0, 2)
    assert {a.other for a in agreements(found)} == {"Same (same)", "Same (length)"}


def test_as_json() -> None:
    found = json.loads(json.dumps(play_to_json(play(QUESTION, PASSAGES, CHOICES, open_judge))))
    assert [r["name"] for r in found["rerankers"]] == ["overlap", "length", "down"]
    assert found["rerankers"][0]["ranks"] == [5, 2, 1, 3, 4]
    assert found["rerankers"][1]["cost_usd"] is None
    assert found["rerankers"][2]["hint"] == "Try again, or choose another reranker."
    assert found["unavailable"] == [{"name": "away", "reason": "It needs a key."}]


def test_nothing_is_run_for_input_that_is_off() -> None:
    def never(name: str, library: LibraryInfo) -> Judge:
        raise ProviderTimeout("it was asked")

    with pytest.raises(UsageError, match="no question"):
        play("  ", PASSAGES, CHOICES, never)
    with pytest.raises(UsageError, match="no reranker"):
        play(QUESTION, PASSAGES, CHOICES[-1:], never)


# -- what was pasted -------------------------------------------------------------------------------


def test_lines_or_paragraphs() -> None:
    assert split_passages("") == ()
    assert split_passages("\n one \n two\n") == ("one", "two")
    assert split_passages("one\ngoes on\r\n \r\ntwo\n\n\n\nthree") == ("one\ngoes on", "two", "three")


@pytest.mark.parametrize(
    ("passages", "said", "hint"),
    [
        ((), "There are no passages", "One passage a line"),
        (("a",), "one passage; ranking needs at least two", "One passage a line"),
        (("a",) * 53, "53 passages; at most 50", "Take out 3"),
        (("a", "b" * 20_001), "Passage 2 has 20,001 characters", "Cut it"),
    ],
)
def test_limits_say_what_to_change(passages: tuple[str, ...], said: str, hint: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        check("Why?", passages)
    assert hint in caught.value.hint
    check("Why?", ("a",) * MOST)


@pytest.mark.parametrize(
    ("data", "guess", "passages"),
    [
        (b"id,text,source\n1,first one,a\n2,\"second, one\",b\n", "text", ("first one", "second, one")),
        (b"id;passage\r\n1;first\r\n2;second\r\n3;\r\n", "passage", ("first", "second")),
        ("\ufeffnr\tAussage\n1\tDer erste Satz ist lang genug\n2\tDer zweite ist es auch\n".encode(), "Aussage",
         ("Der erste Satz ist lang genug", "Der zweite ist es auch")),
        (b"7,This is the first passage of all\n8,This is the second passage here\n", "column 2",
         ("This is the first passage of all", "This is the second passage here")),
        (b"Tea grows on hills\nCoffee too\n", "column 1", ("Tea grows on hills", "Coffee too")),
    ],
    ids=["named", "semicolons", "tabs", "no names", "one column"],
)  # fmt: skip
def test_the_column_of_the_passages_is_guessed(data: bytes, guess: str, passages: tuple[str, ...]) -> None:
    table = read_table(data, "drop.csv")
    assert table.names[table.guess] == guess
    assert column(table, table.guess) == passages


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe\x00\x01", "not text in UTF-8"),
        (b" \n\n", "no rows"),
        (b"a,b\n\x00,c\n", "not text"),
        (b"a\n" + b"x" * 200_000, "table"),  # as a quotation mark leaves it that is never closed
    ],
    ids=["binary", "blank", "nul", "huge"],
)
def test_a_file_that_is_no_table_says_so(data: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_table(data, "drop.csv")


def test_a_cascade_needs_a_search() -> None:
    """Its second half alone would be shown under both names."""

    def both(name: str, library: LibraryInfo) -> Judge:
        return replace(open_judge("length", library), first=open_judge("same", library), passes_on=2)

    (played,) = play(QUESTION, PASSAGES, CHOICES[:1], both).results
    assert played.ranking is None
    assert "needs the candidates of a search" in played.error
