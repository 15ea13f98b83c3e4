"""Promotion only if it wins."""

from __future__ import annotations

import pytest

from app.tuning.own.outcome import Outcome, judge_outcome

LABELS = {"off": "in search order", "current": "the old one", "base": "the base as it was", "tuned": "tuned:x"}


def _order(place: int) -> tuple[str, ...]:
    """Ten passages with the relevant one at this place."""
    names = [f"n{i}" for i in range(9)]
    return (*names[: place - 1], "yes", *names[place - 1 :])


def _outcome(places: dict[str, list[int]], *, learned: bool = True) -> Outcome:
    count = len(places["tuned"])
    orders = {arm: {f"q{i}": _order(of[i]) for i in range(count)} for arm, of in places.items()}
    return judge_outcome(orders, {f"q{i}": {"yes": 1} for i in range(count)}, LABELS, name="x", learned=learned)


def test_a_clear_win_is_promoted() -> None:
    found = _outcome({"off": [5] * 30, "current": [4] * 30, "tuned": [1] * 25 + [2] * 5})
    assert found.promoted and found.said.startswith("Tuned beats the old one: nDCG@10 ")
    assert found.said.endswith("Promoted: RERANKER=tuned:x")
    assert [c.arm for c in found.against] == ["off", "current"]


@pytest.mark.parametrize(
    ("tuned", "words"),
    [
        ([4] * 29 + [1], "does not beat the old one beyond noise"),
        ([4] * 30, "does not beat the old one beyond noise"),
        ([9] * 30, "is worse than the old one"),
    ],
)
def test_noise_and_losses_are_kept_aside(tuned: list[int], words: str) -> None:
    found = _outcome({"off": [5] * 30, "current": [4] * 30, "tuned": tuned})
    assert not found.promoted and words in found.said


def test_about_how_many_more_questions_would_tell() -> None:
    found = _outcome({"off": [4] * 30, "current": [4] * 30, "tuned": [1] * 3 + [9] * 4 + [4] * 23})
    assert not found.promoted and found.more is not None and found.more > 0
    assert f"About {found.more:,} more held-out questions would tell" in found.said


def test_beating_the_current_one_is_not_enough_below_the_search_order() -> None:
    found = _outcome({"off": [1] * 30, "current": [5] * 30, "tuned": [2] * 30})
    assert not found.promoted and "below the search order" in found.said


def test_a_gain_that_is_the_bases_is_not_tunings() -> None:
    found = _outcome({"off": [5] * 30, "current": [5] * 30, "base": [1] * 30, "tuned": [1] * 30})
    assert not found.promoted and "the base as it was does as well without tuning" in found.said


def test_what_of_a_win_is_tunings_is_said() -> None:
    found = _outcome({"off": [5] * 30, "current": [5] * 30, "base": [2] * 30, "tuned": [1] * 2 + [2] * 28})
    assert found.promoted and ", of which tuning itself +.02 (within noise) over the base as it was" in found.said


def test_too_few_questions_give_no_verdict_however_clear() -> None:
    found = _outcome({"off": [5] * 24, "current": [5] * 24, "tuned": [1] * 24})
    assert not found.promoted and found.said.startswith("Too few held-out questions")


def test_a_base_that_no_step_made_better_is_no_tuned_model() -> None:
    found = _outcome({"off": [5] * 30, "current": [5] * 30, "tuned": [1] * 30}, learned=False)
    assert not found.promoted and "nothing was tuned" in found.said


def test_without_a_reranker_in_force_the_search_order_is_what_is_to_beat() -> None:
    found = _outcome({"off": [5] * 30, "tuned": [1] * 30})
    assert found.promoted and "the search order" in found.said
