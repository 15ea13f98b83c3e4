"""The chat page, in process."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app.providers.chat import open_chat
from app.settings import load_settings
from tests.fakes_ui import OFF_TOPIC, QUESTION
from tests.ui.conftest import Open, ask, html, press
from tests.wire.formats import KEY
from tests.wire.server import CHAT, WireServer


def _slider(test: AppTest, label: str) -> object:
    widgets = [*test.slider, *test.select_slider]
    return next(w for w in widgets if w.label.startswith(label))


def test_an_empty_chat_offers_sample_questions_that_ask_themselves(page: Open) -> None:
    test = page()
    assert not test.exception
    samples = [b for b in test.button if b.label == QUESTION]
    samples[0].click().run()
    assert not test.exception
    assert QUESTION in html(test)
    assert 'class="answer"' in html(test)


def test_an_answer_shows_its_way_in_numbers_and_its_citations_as_links(page: Open) -> None:
    test = ask(page(), QUESTION)
    drawn = html(test)
    assert not test.exception
    assert "20 found" in drawn
    assert "3 through the gate" in drawn
    assert "reranking: applied" in drawn
    assert 'href="#e1-p1"' in drawn
    assert 'id="e1-p1"' in drawn
    assert "was 4th, now 3rd" in drawn


def test_how_these_were_chosen_has_the_chart_and_a_row_a_candidate(page: Open) -> None:
    test = ask(page(), QUESTION)
    assert len(test.get("vega_lite_chart")) == 1
    table = next(e.proto.body for e in test.get("html") if 'class="decisions"' in e.proto.body)
    assert table.count("<tr class=") == 20
    assert "p 0.16 is below 0.30" in table


def test_moving_the_gate_decides_again_at_once_and_greys_the_answer(page: Open) -> None:
    test = ask(page(), QUESTION)
    _slider(test, "Let through").set_value(0.5)
    test.run()
    drawn = html(test)
    assert "3 through the gate" in drawn  # one is kept; the next two are rescued to make three
    assert "at least 25% of the best (0.64)" in drawn
    assert 'class="answer stale"' not in drawn  # the same passages: the answer stands
    _slider(test, "Passages").set_value((0, 2))
    test.run()
    drawn = html(test)
    assert "1 through the gate" in drawn
    assert 'class="answer stale"' in drawn
    assert "Answered with another gate: 3 passages then, 1 now." in drawn
    press(test, "Ask again with this gate")
    assert 'class="answer stale"' not in html(test)


def test_a_refusal_says_the_odds_and_can_be_overridden(page: Open) -> None:
    test = ask(page(), OFF_TOPIC)
    drawn = html(test)
    assert "does not seem to answer this: less than 1 in 200 that it does, and the gate asks for 1 in 3" in drawn
    assert drawn.count("<li><b>") == 3
    assert 'class="answer"' not in drawn
    press(test, "Answer from these anyway")
    drawn = html(test)
    assert "Below the gate: answered from the nearest misses because you asked for it." in drawn
    assert 'class="answer"' in drawn
    assert drawn.count("below the gate, on request") >= 3
    assert "3 let through on request" in drawn


def test_a_failing_reranker_is_said_above_the_answer(page: Open) -> None:
    test = ask(page(reranker="cohere"), QUESTION)
    assert not test.exception
    said = "Cohere did not answer in 3 s. Another reranker (Word overlap) was used instead, with its own gate."
    assert said in html(test)
    assert "reranking: fallback" in html(test)
    assert any("fallback; this is its gate" in c.value for c in test.caption)


def test_where_the_reranker_was_not_asked_the_gate_that_decided_is_the_one_to_move(
    page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKIP_MARGIN", "0")
    test = page(reranker="raw")
    assert not [s for s in test.slider if s.label.startswith("Let through")]  # raw: it has no p
    ask(test, QUESTION)
    assert "reranker not asked" in html(test)
    assert any("decided before the reranker was asked; this is that gate" in c.value for c in test.caption)
    assert _slider(test, "Let through") is not None


def test_what_happens_when_the_reranker_fails_is_chosen_beside_it_and_said_above_the_answer(page: Open) -> None:
    test = page(reranker="cohere")
    box = next(s for s in test.selectbox if s.label == "If the reranker fails")
    assert len(box.options) == 3
    assert box.options[0].startswith("Use ") and box.options[0].endswith(" instead")
    box.set_value("skip").run()
    said = "Cohere did not answer in 3 s. These passages were not reranked and not gated: they come in the order of"
    drawn = html(ask(test, QUESTION))
    assert said in drawn
    assert "reranking: skipped" in drawn
    next(s for s in test.selectbox if s.label == "If the reranker fails").set_value("required").run()
    drawn = html(ask(test, "What does the gate let through?"))
    assert "reranking: failed" in drawn
    assert 'class="refusal"' in drawn


def test_a_dropped_stream_keeps_what_arrived_says_so_and_can_be_tried_again(page: Open) -> None:
    whole = "It lets through what clears it [1]. The rest stays behind [2]."
    with WireServer(answer=lambda messages: whole) as server:
        server.play(CHAT, "half", "happy")
        test = page()
        given = {"openai_base_url": server.openai_url, "openai_api_key": KEY, "chat_timeout": 20.0}
        test.session_state["fake"].pipeline.chat = open_chat(load_settings(**given))
        drawn = html(ask(test, QUESTION))
        assert "It lets through" in drawn
        assert "stays behind" not in drawn
        assert "The answer broke off on its way: the connection was lost; what had arrived" in drawn
        drawn = html(press(test, "Try again"))
        assert "stays behind" in drawn
        assert "broke off" not in drawn
        assert "Try again" not in [button.label for button in test.button]
        assert len(server.requests) == 2


def test_an_uncalibrated_reranker_gets_a_raw_slider_called_so(page: Open) -> None:
    test = page(reranker="raw")
    assert not [w for w in test.select_slider if w.label.startswith("Let through passages")]
    assert any("Not calibrated" in c.value for c in test.caption)
    test.toggle[0].set_value(True).run()
    assert any(s.label == "Let through from score (raw, uncalibrated)" for s in test.slider)


def test_a_follow_up_shows_what_was_searched_for_and_takes_another_wording(page: Open) -> None:
    test = ask(ask(page(), QUESTION), "and which of them is faster?")
    wording = next(t for t in test.text_input if t.label.startswith("Searched for, with terms"))
    assert "encoder" in wording.value
    wording.set_value("How fast is a cross-encoder?")
    press(test, "Search again")
    assert any(t.label == "Searched for, in your wording" for t in test.text_input)


def test_thumbs_keep_a_vote_with_its_trace(page: Open) -> None:
    test = ask(page(), QUESTION)
    thumbs = test.get("feedback")
    assert len(thumbs) == 4  # three passages and the answer
    votes = test.session_state["fake"].votes
    thumbs[0].set_value(1).run()
    assert [(kind, value) for kind, value, _ in votes.cast] == [("passage", 1)]
    test.get("feedback")[0].set_value(None).run()  # pressed again
    assert [(kind, value) for kind, value, _ in votes.cast] == [("passage", 1), ("passage", 0)]


def test_an_empty_library_is_one_sentence_and_two_buttons(page: Open) -> None:
    test = page(texts={})
    assert not test.exception
    assert "There is nothing to ask yet" in html(test)
    assert {"Load the handbook", "Add documents"} <= {b.label for b in test.button}


@pytest.mark.parametrize("question", ["   ", ""])
def test_a_blank_question_asks_nothing(page: Open, question: str) -> None:
    test = ask(page(), question)
    assert not test.exception
    assert 'class="asked"' not in html(test)
