"""Blind votes: kept, counted, and what they are labels for; and what an answer shows before the vote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.compare import compare
from app.domain import Trace
from app.evaluation.blind import Tally, behind_it, count, in_words, share_interval, sign_test
from app.evaluation.blinding import no_vote, veil
from app.evaluation.questions.from_votes import questions_from_votes
from app.evaluation.votes import Blind, BlindChoice, BlindSide, Vote, Votes, VotesDamaged
from app.pipeline import Options
from tests.fakes_ui import OFF_TOPIC, QUESTION, FakeSluice

OFF = BlindSide("off", "", "hybrid", 20)
GATED = BlindSide("gated", "fake/overlap", "hybrid", 20)


def answered(cited: str, *, refused: bool = False) -> dict[str, Any]:
    candidates = [{"chunk_id": c, "document": "tea.md", "text": f"The text of {c}."} for c in ("c1", "c2", "c3")]
    return {
        "question": {"text": "Why tea?", "standalone": "Why tea?"},
        "retrieval": {"filter": []},
        "candidates": candidates,
        "gate": {"outcome": "refused" if refused else "admitted"},
        "context": None if refused else {"chunk_ids": [cited]},
        "answer": None if refused else {"citations": [1]},
    }


def vote(
    choice: BlindChoice,
    *,
    first: Mapping[str, Any] | None = None,
    second: Mapping[str, Any] | None = None,
    sides: tuple[BlindSide, BlindSide] = (OFF, GATED),
) -> Vote:
    one, two = dict(first or answered("c1")), dict(second or answered("c2"))
    blind = Blind(choice, *sides, first_left=True, first_trace=one)
    return Vote("2026-01-01T00:00:00+00:00", "blind", 0, None, two, blind)


def both(question: str, home: Path) -> tuple[Trace, Trace]:
    """The answers without reranking and with the gate, over the small handbook."""
    sluice = FakeSluice(home)
    judged = sluice.pipeline.judge(question, Options(library="handbook"))
    arms = compare(sluice.pipeline, judged, Options(library="handbook").gate, arms=("off", "gated")).arms
    return arms["off"], arms["gated"]


# -- the count -------------------------------------------------------------------------------------


def test_votes_between_the_same_two_sides_are_counted_whichever_stood_first() -> None:
    cast = [vote(c) for c in ("second", "second", "first", "equal", "bad")]
    cast += [vote("first", sides=(GATED, OFF)), vote("second", sides=(OFF, BlindSide("gated", "other", "hybrid", 20)))]
    cast += [vote("second", sides=(OFF, BlindSide("gated", "fake/overlap", "hybrid", 50)))]
    cast += [vote("second", second=answered("c2", refused=True)), Vote("", "answer", 1, None, answered("c1"))]
    found = count(cast, OFF, GATED)
    assert found == Tally(first=1, second=3, equal=1, bad=1, shown=1, elsewhere=2)
    assert count(cast, GATED, OFF) == Tally(first=3, second=1, equal=1, bad=1, shown=1, elsewhere=2)


def test_the_sign_test_is_the_binomial_tail() -> None:
    assert sign_test(0, 0) == 1.0
    assert sign_test(5, 5) == 1.0
    assert sign_test(7, 3) == sign_test(3, 7) == pytest.approx(2 * (120 + 45 + 10 + 1) / 1024)
    assert sign_test(6, 0) == 2 / 64


def test_the_interval_holds_the_true_share_at_all_looks_together() -> None:
    """1,000 series of 120 votes, looked at after each: the sign test calls chance a preference in 22 % of them."""
    rng = np.random.default_rng(5)
    grid = {(w, n - w): share_interval(w, n - w) for n in range(1, 121) for w in range(n + 1)}
    for share in (0.5, 0.8):
        left = 0
        for series in rng.random((1000, 120)) < share:
            wins = np.cumsum(series)
            bounds = [grid[int(w), n - int(w)] for n, w in enumerate(wins, 1)]
            left += any(not low <= share <= high for low, high in bounds)
        assert left / 1000 <= 0.05 + 0.014  # two standard errors


@pytest.mark.parametrize(
    ("tally", "said"),
    [
        (Tally(), "No blind votes between these two sides yet."),
        (Tally(equal=2), "No blind vote prefers either side yet. Also: 2 equally good."),
        (Tally(first=3, second=7), "7 of 10 blind votes for reranked; too few to tell."),
        (Tally(second=1), "1 of 1 blind vote for reranked; too few to tell."),
        (Tally(first=9, second=1, bad=1), "9 of 10 blind votes for plain; too few to tell. Also: 1 both bad."),
        (Tally(first=2, second=18), "18 of 20 blind votes for reranked: preferred beyond chance."),
        (Tally(first=60, second=60), "60 of 120 blind votes for either side; no clear preference."),
    ],
)
def test_the_tally_in_words(tally: Tally, said: str) -> None:
    assert in_words(tally, "plain", "reranked") == said


def test_what_the_words_rest_on() -> None:
    said = behind_it(Tally(first=3, second=7, shown=2, elsewhere=1), "plain", "reranked")
    assert "between 27 and 96 would go to reranked" in said
    assert "Sign test: p 0.344" in said
    assert "Left out: 2 in which a side refused" in said
    assert "Counted apart: 1 between other sides" in said


# -- on disk ---------------------------------------------------------------------------------------


def test_a_blind_vote_is_kept_with_both_traces_beside_thumbs(tmp_path: Path) -> None:
    off, gated = both(QUESTION, tmp_path)
    votes = Votes(tmp_path / "votes")
    votes.add(gated, kind="answer", value=1)
    votes.add_blind("second", first=(OFF, off), second=(GATED, gated), first_left=False)
    thumb, blind = votes.read("handbook")
    assert (thumb.kind, thumb.value, thumb.blind) == ("answer", 1, None)
    assert blind.blind is not None
    assert (blind.kind, blind.value, blind.chunk_id) == ("blind", 1, None)
    assert (blind.blind.choice, blind.blind.first, blind.blind.second) == ("second", OFF, GATED)
    assert blind.blind.first_trace["gate"]["outcome"] == "ungated"
    assert blind.trace["gate"]["outcome"] == "admitted"
    assert count(votes.read("handbook"), OFF, GATED) == Tally(second=1)


def test_a_blind_vote_that_lost_its_sides_names_its_line(tmp_path: Path) -> None:
    path = Votes(tmp_path).path("handbook")
    row = {"at": "", "kind": "blind", "value": 1, "chunk_id": None, "trace": {}, "blind": {"choice": "first"}}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(VotesDamaged, match="line 1"):
        list(Votes(tmp_path).read("handbook"))


def test_bytes_that_are_no_text_name_their_line(tmp_path: Path) -> None:
    path = Votes(tmp_path).path("handbook")
    path.write_bytes(
        json.dumps({"at": "", "kind": "answer", "value": 1, "chunk_id": None, "trace": {}}).encode() + b"\n"
    )
    assert len(list(Votes(tmp_path).read("handbook"))) == 1
    with path.open("ab") as file:
        file.write(b'{"at": "\xff"}\n')
    with pytest.raises(VotesDamaged, match="line 2"):
        list(Votes(tmp_path).read("handbook"))


# -- as labels -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "chunks"), [("first", ["c1"]), ("second", ["c2"]), ("equal", ["c1", "c2"])], ids=str
)
def test_what_the_chosen_answer_cites_is_weakly_relevant(choice: BlindChoice, chunks: list[str]) -> None:
    [question] = questions_from_votes([vote(choice)]).questions.questions
    assert ([label.chunk for label in question.relevant], question.weak, question.answerable) == (chunks, True, True)


def test_both_bad_and_answer_against_refusal_say_nothing_more_than_was_said() -> None:
    refusal = answered("c2", refused=True)
    [chosen] = questions_from_votes([vote("second", second=refusal)]).questions.questions
    assert (chosen.answerable, chosen.relevant, chosen.weak) == (False, (), True)
    for said in (vote("bad"), vote("equal", second=refusal)):
        imported = questions_from_votes([said])
        assert imported.questions.questions == ()
        assert imported.left_out["votes that say nothing about relevance"] == 1


# -- what is seen before the vote ------------------------------------------------------------------


def test_citations_are_numbered_as_they_come_and_passages_listed_so(tmp_path: Path) -> None:
    off, _ = both(QUESTION, tmp_path)
    assert off.answer is not None
    assert off.context is not None
    assert len(off.context.passages) == 3
    before = [p.chunk for p in off.context.passages]
    said = replace(off.answer, text="So [3]. And [1, 3], not [9].", highlights={3: "third", 1: "first"})
    seen = veil(replace(off, answer=said))
    assert seen.text == "So [1]. And [2][1], not [4]."
    assert seen.passages == (before[2], before[0], before[1])
    assert (seen.cited, dict(seen.sentences)) == (2, {1: "third", 2: "first"})


def test_there_is_no_vote_where_there_is_no_choice(tmp_path: Path) -> None:
    off, gated = both(QUESTION, tmp_path)
    assert no_vote(off, gated) is None
    assert "the same answer" in (no_vote(off, off) or "")
    _, refused = both(OFF_TOPIC, tmp_path)
    assert no_vote(off, refused) is None
    assert veil(refused).text is None
    assert "Both sides refuse" in (no_vote(refused, refused) or "")
