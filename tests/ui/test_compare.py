"""The compare page, in process."""

from __future__ import annotations

from tests.fakes_ui import OFF_TOPIC, QUESTION
from tests.ui.conftest import Open, html


def test_two_sides_with_as_many_passages_and_one_line_that_sums_them_up(page: Open) -> None:
    test = page(at="compare")
    test.text_input[0].set_value(QUESTION)
    next(b for b in test.button if b.label == "Compare").click()
    test.run()
    drawn = html(test)
    assert not test.exception
    assert "1 of 3 passages differ" in drawn
    assert drawn.count('<p class="muted">3 passages') == 2
    assert drawn.count("only on this side") == 2
    assert "Kendall tau" in drawn
    assert "promoted: only right" in drawn
    assert "dropped: only left" in drawn


def test_the_same_order_on_both_sides_is_said(page: Open) -> None:
    test = page(at="compare", reranker="none")
    test.text_input[0].set_value(QUESTION)
    next(s for s in test.selectbox if s.label == "Right side").set_value("reranked")
    next(b for b in test.button if b.label == "Compare").click()
    test.run()
    assert not test.exception
    assert "reranking changed nothing here" in html(test)
    assert "0 of 5 passages differ" in html(test)


def test_a_refusal_on_one_side_is_the_summing_line(page: Open) -> None:
    test = page(at="compare")
    test.text_input[0].set_value(OFF_TOPIC)
    next(b for b in test.button if b.label == "Compare").click()
    test.run()
    assert "The right side refuses: its gate lets nothing through" in html(test)


def test_one_arm_twice_is_no_comparison(page: Open) -> None:
    test = page(at="compare")
    test.text_input[0].set_value(QUESTION)
    next(s for s in test.selectbox if s.label == "Right side").set_value("off")
    next(b for b in test.button if b.label == "Compare").click()
    test.run()
    assert "Choose two different sides." in html(test)
