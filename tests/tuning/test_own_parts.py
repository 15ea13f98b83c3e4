"""Three parts that share no document, and what is refused with the number that would do."""

from __future__ import annotations

import pytest

from app.errors import UsageError
from app.evaluation.calibrating.fit import LEAST as LEAST_CALIBRATED
from app.tuning.own.parts import LEAST, LEAST_TEST, divide, enough, only_weak


def _groups(count: int, size: int) -> dict[str, str]:
    return {f"q{g}-{i}": f"doc{g}" for g in range(count) for i in range(size)}


@pytest.mark.parametrize(("count", "size"), [(40, 1), (10, 4), (150, 1), (60, 5), (500, 2)])
def test_parts_share_no_group_and_are_large_enough(count: int, size: int) -> None:
    groups = _groups(count, size)
    division = divide(groups, set(groups))
    parts_of: dict[str, set[str]] = {}
    for question, group in groups.items():
        parts_of.setdefault(group, set()).add(division.part[question])
    assert all(len(parts) == 1 for parts in parts_of.values())
    assert division.counts["test"] >= 25 and division.counts["train"] >= 10
    assert sum(division.counts.values()) == count * size
    assert (division.counts["validation"] >= 15) == (count * size >= 100)


def test_the_split_is_the_same_every_time_and_another_for_another_seed() -> None:
    groups = _groups(80, 1)
    assert divide(groups, set(groups)) == divide(dict(reversed(groups.items())), set(groups))
    assert divide(groups, set(groups)).part != divide(groups, set(groups), seed="another").part


def test_questions_that_cannot_be_measured_do_not_count() -> None:
    groups = _groups(80, 1)
    measurable = set(list(groups)[:40])
    division = divide(groups, measurable)
    assert sum(division.counts.values()) == 40
    assert len(division.part) == 80


def test_what_an_earlier_model_learned_from_is_not_judged_on() -> None:
    groups = _groups(100, 1)
    seen = {f"q{g}-0": "train" for g in range(50)}
    division = divide(groups, set(groups), fixed={**seen})  # type: ignore[dict-item]
    assert all(division.part[question] == "train" for question in seen)


def test_what_cannot_be_judged_on_trains_unless_it_hangs_together_with_what_can() -> None:
    groups = {**_groups(40, 1), **{f"weak{g}": f"page{g}" for g in range(60)}, "beside": "doc3"}
    weak = {question for question in groups if question.startswith("weak")} | {"beside"}
    fixed = only_weak(groups, weak)
    assert fixed == {f"weak{g}": "train" for g in range(60)}
    division = divide(groups, groups.keys() - weak, fixed=fixed)
    assert all(division.part[f"weak{g}"] == "train" for g in range(60))
    assert division.part["beside"] == division.part["q3-0"]
    assert division.counts["test"] >= 25


def test_what_is_judged_on_is_enough_for_a_calibration() -> None:
    assert LEAST_TEST >= LEAST_CALIBRATED


def test_marked_questions_are_the_only_ones_judged_on() -> None:
    groups = _groups(100, 1)
    marked = {f"q{g}-0": "test" for g in range(30)}
    division = divide(groups, set(groups), fixed={**marked})  # type: ignore[dict-item]
    assert {q for q, part in division.part.items() if part == "test"} == set(marked)


def test_too_few_are_refused_with_the_number_that_would_do() -> None:
    with pytest.raises(UsageError, match="Here are 30") as refused:
        enough(30)
    assert "about 10 more" in refused.value.hint
    with pytest.raises(UsageError, match="30 more have theirs beyond") as missed:
        enough(30, unseen=30)
    assert "about 20 more" in missed.value.hint  # half of what is labelled is found
    enough(LEAST)


def test_questions_that_all_hang_together_cannot_be_split() -> None:
    groups = _groups(1, 60)
    with pytest.raises(UsageError, match="largest group that hangs together has 60") as refused:
        divide(groups, set(groups))
    assert "sources" in refused.value.hint
