"""The page with a chat model behind it: the answer grows, can be stopped, and holds nothing that loads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import WAIT, Sheet, served
from tests.wire.formats import KEY
from tests.wire.server import WireServer

pytestmark = pytest.mark.browser
Open = Callable[..., Sheet]
QUESTION = "What is the difference between a bi-encoder and a cross-encoder?"
NUMBERS = " ".join(f"word{n}" for n in range(200))
HARMFUL = (
    "**Both** encode text [1]. ![pixel](http://evil.example/p.png) [link](http://evil.example) <img src='http://evil."
    "example/i.png'> :red[x] costs $5 and $6 [9]."
)


def _answer(messages: list[dict[str, Any]]) -> str:
    asked = messages[-1]["content"]
    return NUMBERS if "slowly" in asked else HARMFUL


@pytest.fixture(scope="module")
def model() -> Iterator[WireServer]:
    with WireServer(answer=_answer) as server:
        yield server


@pytest.fixture(scope="module")
def address(chromium: Browser, home: Path, model: WireServer) -> Iterator[str]:
    settings = {"OPENAI_BASE_URL": model.openai_url, "OPENAI_API_KEY": KEY, "CHAT_MODEL": "gpt-4o-mini"}
    with served(home, home / "serve-chat.log", **settings) as url:
        yield url


def test_stop_keeps_what_has_arrived(address: str, sheet: Open, model: WireServer) -> None:
    model.pause = 0.1
    on = sheet(address)
    on.page.locator(".hello").wait_for()
    on.settle()
    box = on.page.locator('[data-testid="stChatInputTextArea"]')
    box.fill("Explain slowly what a cross-encoder is")
    box.press("Enter")
    growing = on.page.locator(".answer.growing")
    expect(growing).to_contain_text("word5", timeout=WAIT)
    on.picture("growing")
    on.page.locator('[data-testid="stChatInputStopButton"]').click()
    expect(on.page.locator(".note.rescued")).to_contain_text("You stopped this answer", timeout=WAIT)
    model.pause = 0.0
    answer = on.page.locator(".answer")
    expect(answer).to_contain_text("word5")
    expect(answer).not_to_contain_text("word199")
    on.picture("stopped")


def test_an_answer_loads_nothing_and_marks_citations_that_do_not_exist(address: str, sheet: Open) -> None:
    on = sheet(address)
    on.ask(QUESTION)
    answer = on.page.locator(".answer")
    expect(answer.locator("strong")).to_have_text("Both")
    expect(answer).to_contain_text("![pixel](http://evil.example/p.png) [link](http://evil.example) <img")
    expect(answer).to_contain_text(":red[x] costs $5 and $6")
    expect(answer.locator("img, a[href*=evil]")).to_have_count(0)
    expect(answer.locator(".cite.unknown")).to_have_text("9?")
    expect(on.page.locator(".note.rescued")).to_contain_text("cites 9, which is not among its passages")
    on.page.locator("a.cite").first.click()
    expect(on.page.locator("#e1-p1")).to_be_visible()
    on.picture("answer")
    assert on.elsewhere == []


def test_a_follow_up_goes_out_with_the_conversation(address: str, sheet: Open, model: WireServer) -> None:
    on = sheet(address)
    on.ask(QUESTION)
    before = len(model.requests)
    on.ask("And which of them is faster?")
    sent = [str(request.body["messages"]) for request in model.requests[before:]]
    assert len(sent) == 2  # one to make the question stand alone, one to answer it
    assert all("bi-encoder" in message for message in sent)


def test_a_model_that_refuses_is_said_in_words(address: str, sheet: Open, model: WireServer) -> None:
    model.play("/v1/chat/completions", "401", "401", "401")
    on = sheet(address)
    on.page.locator(".hello").wait_for()
    on.settle()
    on.page.locator('[data-testid="stChatInputTextArea"]').fill(QUESTION)
    on.page.locator('[data-testid="stChatInputTextArea"]').press("Enter")
    alert = on.page.get_by_role("alert")
    expect(alert).to_be_visible(timeout=WAIT)
    expect(alert).not_to_contain_text("Traceback")
    on.picture("refused")
    model.play("/v1/chat/completions")
    on.button("Try again").click()
    expect(on.page.locator(".answer strong")).to_have_text("Both", timeout=WAIT)
