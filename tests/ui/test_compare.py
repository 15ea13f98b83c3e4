"""The compare page, in process."""

from __future__ import annotations

import re
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from tests.fakes_ui import OFF_TOPIC, QUESTION
from tests.ui.conftest import Open, html, press


def test_two_sides_with_as_many_passages_and_one_line_that_sums_them_up(page: Open) -> None:
    test = page(at="compare")
    test.text_input[0].set_value(QUESTION)
    press(test, "Compare")
    drawn = html(test)
    assert "1 of 3 passages differ" in drawn
    assert drawn.count('<p class="muted">3 passages') == 2
    assert drawn.count("only on this side") == 2
    assert "Kendall tau" in drawn
    assert "promoted: only right" in drawn
    assert "dropped: only left" in drawn


def test_the_same_order_on_both_sides_is_said(page: Open) -> None:
    test = page(at="compare", reranker="none")
    test.text_input[0].set_value(QUESTION)
    box(test, "Right side").set_value("reranked")
    press(test, "Compare")
    assert "reranking changed nothing here" in html(test)
    assert "0 of 5 passages differ" in html(test)


def test_a_refusal_on_one_side_is_the_summing_line(page: Open) -> None:
    test = page(at="compare")
    test.text_input[0].set_value(OFF_TOPIC)
    press(test, "Compare")
    assert "The right side refuses: its gate lets nothing through" in html(test)


def test_one_arm_twice_is_no_comparison(page: Open) -> None:
    test = page(at="compare")
    test.text_input[0].set_value(QUESTION)
    box(test, "Right side").set_value("off")
    press(test, "Compare")
    assert "Choose two different sides." in html(test)


def test_without_a_question_the_page_asks_for_one(page: Open) -> None:
    test = page(at="compare")
    test.text_input[0].set_value("  ")
    press(test, "Compare")
    assert "There is no question" in html(test)


# -- two configurations ----------------------------------------------------------------------------


def test_each_side_may_have_a_reranker_a_search_and_candidates_of_its_own(page: Open) -> None:
    test = page(at="compare")
    test.text_input[0].set_value(QUESTION)
    box(test, "Reranker, right side").set_value("raw")
    box(test, "Search by, left side").set_value("lexical")
    box(test, "Search by, right side").set_value("dense")
    box(test, "Candidates, left side").set_value(5)
    press(test, "Compare")
    drawn = html(test)
    assert "<h2>Without reranking: words only, 5 candidates</h2>" in drawn
    assert "<h2>With reranking and gate: Word overlap, uncalibrated, meaning only</h2>" in drawn
    assert "The sides searched differently" in drawn
    assert "Only those in common have two ranks to compare." in drawn
    assert " in common" in drawn.partition("Kendall tau")[2][:40]
    assert "not found</span>" in drawn


def test_the_same_configuration_twice_is_no_comparison(page: Open) -> None:
    test = page(at="compare")
    test.text_input[0].set_value(QUESTION)
    box(test, "Left side").set_value("gated")
    box(test, "Reranker, left side").set_value("auto")
    press(test, "Compare")
    # the settings beside the page say "auto" already
    assert "Choose two different sides." in html(test)


def test_a_reranker_that_fails_is_said_on_its_side(page: Open) -> None:
    test = page(at="compare")
    test.text_input[0].set_value(QUESTION)
    box(test, "Reranker, right side").set_value("cohere")
    press(test, "Compare")
    assert "Cohere did not answer in 3 s." in html(test)


# -- blind -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("left_first", [True, False])
def test_a_blind_vote_shows_nothing_before_and_everything_after(page: Open, left_first: bool) -> None:
    test = blind(page, QUESTION)
    ballot = test.session_state["ballot"]
    ballot.left_first = left_first
    test.run()
    shown = [element.proto.body for element in test.get("html")]
    left, right = (next(body for body in shown if f"<h2>{side} answer</h2>" in body) for side in ("Left", "Right"))
    for body in (left, right):
        about = re.sub(r'<div class="words">.*?</div>', "", body)  # all but the passages' own words
        for told in ("reranking", "tokens", " s<", " s ", "p&nbsp;", "was ", "stayed", "rank", "only on this side"):
            assert told not in about, told
    classes = [set(re.findall(r'class="([^"]*)"', body)) for body in (left, right)]
    assert classes[0] == classes[1] == {
        "unnamed", "side-head", "answer side-answer", "quote", "cite", "label", "cards", "passage", "cite-no", "from",
        "place", "inside", "words", "own",
    }  # fmt: skip
    assert "<h2>Without reranking" not in "".join(shown)
    assert not test.get("vega_lite_chart")
    press(test, "Left is better")
    after = html(test)
    first, second = "Without reranking", "With reranking and gate"
    chosen, other = (first, second) if left_first else (second, first)
    assert f"You chose: {chosen}. On the left was: {chosen}; on the right: {other}." in after
    assert f"1 of 1 blind vote for “{chosen}”; too few to tell." in after
    assert "Kendall tau" in after
    assert not [b for b in test.button if b.label in ("Left is better", "Both bad")]
    [vote] = test.session_state["fake"].votes.read("handbook")
    assert vote.blind.choice == ("first" if left_first else "second")
    assert (vote.blind.first.arm, vote.blind.second.arm) == ("off", "gated")


def test_both_sides_cite_from_one_on(page: Open) -> None:
    before = html(blind(page, QUESTION))
    for side in ("left", "right"):
        cited = [int(n) for n in re.findall(rf'class="cite" href="#blind-{side}-(\d+)"', before)]
        assert list(dict.fromkeys(cited)) == list(range(1, len(set(cited)) + 1))
        assert all(f'id="blind-{side}-{n}"' in before for n in cited)


def test_a_refusal_gives_itself_away_and_is_left_out_of_the_count(page: Open) -> None:
    test = blind(page, OFF_TOPIC)
    before = html(test)
    assert "The library does not seem to answer this." in before
    assert "nearest misses" not in before
    press(test, "Both bad")
    after = html(test)
    assert "left out of the count" in after
    assert "No blind votes between these two sides yet." in after
    assert "Left out: 1 in which a side refused" in after


def test_no_vote_is_asked_for_where_both_sides_say_the_same(page: Open) -> None:
    test = blind(page, QUESTION, reranker="none")
    assert "there is nothing to choose between" in html(test)
    assert not [b for b in test.button if b.label == "Equally good"]
    assert "Both sides order the candidates alike" in html(test)


def test_votes_that_cannot_be_read_are_said_and_the_comparison_stands(page: Open) -> None:
    test = blind(page, QUESTION)
    votes = test.session_state["fake"].votes
    path = votes.path("handbook")
    path.parent.mkdir(parents=True)
    path.write_text("{\n", encoding="utf-8")
    press(test, "Equally good")
    assert "line 1 is not a vote" in html(test)
    assert "Kendall tau" in html(test)


def test_a_vote_that_cannot_be_kept_is_said_and_can_be_given_again(page: Open) -> None:
    test = blind(page, QUESTION)
    folder = test.session_state["fake"].votes.path("handbook").parent
    folder.write_text("a file where the folder should be", encoding="utf-8")
    press(test, "Equally good")
    assert 'class="note failed"' in html(test) and f"{folder}: File exists." in html(test)
    assert "You found both" not in html(test)
    folder.unlink()
    press(test, "Equally good")
    assert "You found both equally good." in html(test)
    assert 'class="note failed"' not in html(test)


def test_a_ballot_made_with_other_settings_says_so(page: Open) -> None:
    test = blind(page, QUESTION)
    assert "with other settings" not in html(test)
    next(s for s in test.slider if s.label.startswith("Candidates")).set_value(7)
    assert "with other settings" in html(test.run())


# -- playground ------------------------------------------------------------------------------------

LINES = "Tea grows.\nA cross encoder reads both texts.\nThe difference between a bi encoder and a cross encoder.\n"


def play(page: Open, *, texts: dict[str, str] | None = None, reranker: str | None = None) -> AppTest:
    test = page(at="compare", texts=texts, reranker=reranker)
    return test.segmented_control[0].set_value("playground").run()


def test_the_playground_needs_no_library_and_shows_every_reranker(page: Open) -> None:
    test = play(page, texts={}, reranker="cohere")
    test.text_input(key="play.question").set_value(QUESTION)
    test.text_area[0].set_value(LINES)
    press(test, "Rank them")
    drawn = html(test)
    assert "2 rerankers ranked 3 passages; they agree on the best one. 1 reranker failed." in drawn
    assert "▲ failed</span>: Cohere did not answer in 3 s." in drawn
    assert "<b>1st</b>" in drawn
    assert "0 to 1, uncalibrated" in drawn
    assert "calibrated in general, by its score alone" in drawn
    assert "<td class='num'>not known</td>" in drawn
    assert "did not report what it used. PRICE_FILE can name a file with prices of your own." in drawn
    assert "the order given" in drawn
    assert [d.proto.label for d in test.get("download_button")] == ["Export"]


def test_the_playground_lists_what_cannot_be_used_with_the_reason(page: Open) -> None:
    test = play(page)
    test.text_input(key="play.question").set_value(QUESTION)
    test.text_area[0].set_value(LINES)
    test.multiselect[0].set_value(["raw"])
    press(test, "Rank them")
    drawn = html(test)
    assert "1 reranker ranked 3 passages." in drawn
    assert "<b>Cohere</b>: COHERE_API_KEY is not set" in drawn


def test_what_was_typed_stays_when_something_is_off(page: Open) -> None:
    test = play(page)
    test.text_area[0].set_value("only one passage")
    press(test, "Rank them")
    assert "There is no question." in html(test)
    test.text_input(key="play.question").set_value(QUESTION)
    press(test, "Rank them")
    assert "There is one passage; ranking needs at least two." in html(test)
    assert test.text_area[0].value == "only one passage"
    test.segmented_control[0].set_value("blind").run()
    test.segmented_control[0].set_value("playground").run()
    assert test.text_area[0].value == "only one passage"
    assert test.text_input(key="play.question").value == QUESTION


def test_a_csv_is_read_its_column_guessed_and_shown(page: Open) -> None:
    test = play(page)
    test.text_input(key="play.question").set_value(QUESTION)
    rows = "id,text,by\n" + "".join(f'{n},"{line}",me\n' for n, line in enumerate(LINES.splitlines()))
    test.file_uploader[0].upload("rows.csv", rows.encode(), "text/csv").run()
    assert "The first row names the columns. 3 passages to rank. The first: “Tea grows.”" in html(test)
    press(test, "Rank them")
    assert "ranked 3 passages" in html(test)
    box(test, "Column with the passages").set_value(0)
    press(test, "Rank them")
    assert "<summary>0</summary>" in html(test)


def test_a_file_that_is_no_table_says_so_on_the_page(page: Open) -> None:
    test = play(page)
    test.file_uploader[0].upload("rows.csv", b"\xff\xfe\x00", "text/csv").run()
    assert "rows.csv is not text in UTF-8." in html(test)


# -- what the tests do -----------------------------------------------------------------------------


def blind(page: Open, question: str, *, reranker: str | None = None) -> AppTest:
    test = page(at="compare", reranker=reranker)
    test.segmented_control[0].set_value("blind").run()
    test.text_input[0].set_value(question)
    return press(test, "Compare")


def box(test: AppTest, label: str) -> Selectbox[Any]:
    return next(s for s in test.selectbox if s.label == label)
