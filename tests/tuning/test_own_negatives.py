"""Candidates that nobody labelled are not silently taken for irrelevant."""

from __future__ import annotations

from app.tuning.own.negatives import Passage, groups_of, material

CANDIDATES = (
    Passage("a", "The mill was built in 1742 by the river.", 1, 3.0),
    Passage("b", "Its wheel was renewed in 1880, of oak.", None, 1.0),
    Passage("c", "The river mill was built in 1742.", None, 2.0),
    Passage("d", "Records give 1742 as the year of building.", None, 9.0),
    Passage("e", "The school opened in 1901.", 0, -1.0),
    Passage("f", "Fish live in the pond behind the mill.", None, 0.0),
)


def _hard(**how: object) -> tuple[str, ...]:
    return material("q", "When was the mill built?", CANDIDATES, **how).hard  # type: ignore[arg-type]


def test_denoising_leaves_out_answers_copies_and_what_a_scorer_believes() -> None:
    found = material("q", "When was the mill built?", CANDIDATES, answers=("in the year 1742",))
    assert found.positives == (CANDIDATES[0].text,) and found.judged == (CANDIDATES[4].text,)
    assert found.hard == (CANDIDATES[1].text, CANDIDATES[5].text)
    assert found.left_out == {
        "nearly a copy of a relevant passage": 1,
        "a scorer puts it above the relevant one": 1,
    }
    by_answer = material("q", "When?", [*CANDIDATES[:2], Passage("g", "It was opened that spring.", None)],
                         answers=("opened that spring",))  # fmt: skip
    assert by_answer.left_out == {"holds a known answer": 1}


def test_a_teacher_is_believed_at_once_and_another_scorer_only_well_above() -> None:
    near = (CANDIDATES[0], Passage("h", "Something else entirely.", None, 3.1), Passage("i", "And more.", None, -5.0))
    assert len(material("q", "?", near).hard) == 2
    trusting = material("q", "?", near, trusted=True)
    assert trusting.hard == ("And more.",)


def test_all_or_none_where_a_person_says_so() -> None:
    assert len(_hard(unlabelled="negative")) == 4
    none = material("q", "?", CANDIDATES, unlabelled="judged")
    assert none.hard == () and none.left_out == {"nobody judged it": 4}
    groups = groups_of([none], rounds=1, negatives=5, pointwise=False, seed=1)
    assert [g.kinds for g in groups] == [("positive", "judged")]


def test_groups_change_their_negatives_by_round_and_stay_the_same_by_seed() -> None:
    many = material("q", "?", [CANDIDATES[0], *(Passage(f"n{i}", f"Filler {i}.", None) for i in range(30))])
    first = groups_of([many], rounds=4, negatives=3, pointwise=False, seed=1)
    assert len(first) == 4 and all(g.labels == (1.0, 0.0, 0.0, 0.0) for g in first)
    assert len({g.texts for g in first}) == 4
    assert first == groups_of([many], rounds=4, negatives=3, pointwise=False, seed=1)
    assert first != groups_of([many], rounds=4, negatives=3, pointwise=False, seed=2)


def test_a_question_without_an_answer_teaches_pointwise_alone() -> None:
    nothing = material("q", "?", [Passage("a", "One.", 0), Passage("b", "Two.", 0)])
    assert groups_of([nothing], rounds=1, negatives=2, pointwise=False, seed=1) == []
    (group,) = groups_of([nothing], rounds=1, negatives=2, pointwise=True, seed=1)
    assert group.labels == (0.0, 0.0)
