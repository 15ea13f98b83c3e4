"""How the calibration benchmark makes follow-ups out of questions."""

from __future__ import annotations

from app.stages.rewrite import leans
from app.tuning.calibration_sets import Ask
from app.tuning.follow_ups import follow_up


def ask(text: str) -> Ask:
    return Ask("q", text, "answerable")


def test_shared_words_become_one_pronoun_and_the_question_leans() -> None:
    made = follow_up("When was the Treaty of Lisbon signed?", ask("Which states did the Treaty of Lisbon bind?"))
    assert made is not None
    assert made.text == "Which states did the it of bind?"
    assert made.carried == ("treaty", "lisbon", "signed")
    assert leans(made.text)
    assert made.standalone.endswith("(treaty lisbon signed)")


def test_a_question_that_shares_nothing_or_everything_is_no_follow_up() -> None:
    assert follow_up("When was the treaty signed?", ask("Who plays the violin?")) is None
    assert follow_up("Who signed the treaty first?", ask("The treaty?")) is None
