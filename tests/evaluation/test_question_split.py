"""Splits: no document on both sides, the same everywhere, shares reported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.evaluation.questions import Label, LabelledQuestion, QuestionSet
from app.evaluation.questions.split import keys_of, split


def question(number: int, *documents: str, sources: tuple[str, ...] = (), text: str = "") -> LabelledQuestion:
    labels = tuple(Label(document=name) for name in documents)
    return LabelledQuestion(
        str(number), text or f"Question {number}?", labels, answerable=bool(documents), sources=sources
    )


def made(questions: list[LabelledQuestion]) -> QuestionSet:
    return QuestionSet("set", tuple(questions))


_documents = st.lists(st.sampled_from([f"d{n}.md" for n in range(12)]), max_size=3)


@given(st.lists(st.tuples(_documents, _documents), max_size=25), st.floats(0, 1), st.text(max_size=3))
def test_nothing_is_on_both_sides(drawn: list[tuple[list[str], list[str]]], share: float, seed: str) -> None:
    questions = [question(n, *labelled, sources=tuple(sources)) for n, (labelled, sources) in enumerate(drawn)]
    result = split(made(questions), test_share=share, seed=seed)
    sides: dict[str, set[str | None]] = {}
    for marked in result.questions.questions:
        assert marked.split is not None
        for key in keys_of(marked):
            sides.setdefault(key, set()).add(marked.split)
    assert all(len(found) == 1 for found in sides.values())
    assert sum(result.sides.values()) == len(questions)
    assert result == split(made(questions), test_share=share, seed=seed)


def test_questions_linked_over_others_stay_together() -> None:
    chain = [question(n, f"d{n}.md", f"d{n + 1}.md") for n in range(8)]
    result = split(made(chain))
    assert (result.components, result.largest) == (1, 1.0)
    assert sorted(result.sides.values()) == [0, 8]


def test_shares_are_met_roughly_and_seeds_differ() -> None:
    many = made([question(n, f"d{n}.md") for n in range(400)])
    assert split(many, test_share=0.3).test_share == pytest.approx(0.3, abs=0.07)
    assert (split(many, test_share=0).test_share, split(many, test_share=1).test_share) == (0, 1)
    sides = [[q.split for q in split(many, seed=seed).questions.questions] for seed in ("", "other")]
    assert sides[0] != sides[1]


def test_unanswerable_questions_follow_their_source_and_words_hold_together() -> None:
    pairs = []
    for n in range(40):
        pairs += [question(2 * n, f"d{n}.md", sources=(f"Book {n}",)), question(2 * n + 1, sources=(f"BOOK  {n}",))]
    marked = split(made(pairs)).questions.questions
    assert all(marked[i].split == marked[i + 1].split for i in range(0, 80, 2))
    assert {q.split for q in marked} == {"calibration", "test"}
    twins = [question(n, f"d{n}.md", text=f"The same  as {n // 2}?") for n in range(40)]
    marked = split(made(twins)).questions.questions
    assert all(marked[i].split == marked[i + 1].split for i in range(0, 40, 2))


def test_rows_of_one_file_are_documents_of_their_own() -> None:
    rows = [
        LabelledQuestion(str(n), f"Question {n}?", (Label(document="corpus.jsonl", row=n // 2 + 1),)) for n in range(40)
    ]
    result = split(made(rows))
    assert result.components == 20
    assert min(result.sides.values()) > 0


def test_votes_on_rows_of_one_file_do_not_all_hang_together() -> None:
    """A vote names its chunk, and beside it the file, to look in once the chunk is gone."""
    voted = LabelledQuestion("q", "Q?", (Label(chunk="c7", document="corpus.jsonl", quote="The crane."),))
    assert "document corpus.jsonl" in keys_of(voted)
    assert {"chunk c7", "unit corpus.jsonl#7"} < {*keys_of(voted, ("corpus.jsonl#7",))}
    assert "document corpus.jsonl" not in keys_of(voted, ("corpus.jsonl#7",))


def test_sides_do_not_hang_on_the_ids_of_chunks() -> None:
    """Another folder, or a document cut anew, and the same votes: what trained stays out of what judges."""

    def voted(folder: str) -> QuestionSet:
        return made(
            [LabelledQuestion(str(n), f"Question {n}?", (Label(chunk=f"{folder}-{n // 2}"),)) for n in range(40)]
        )

    here, there = split(voted("here")), split(voted("there"))
    assert [q.split for q in here.questions.questions] == [q.split for q in there.questions.questions]
    assert here.components == 20 and min(here.sides.values()) > 0


def test_a_side_can_be_taken_out() -> None:
    result = split(made([question(n, f"d{n}.md") for n in range(30)]))
    for side in ("calibration", "test"):
        taken = result.questions.side(side)
        assert len(taken.questions) == result.sides[side] > 0
        assert {q.split for q in taken.questions} == {side}


def test_a_share_is_a_share() -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        split(made([question(1, "a")]), test_share=1.5)
