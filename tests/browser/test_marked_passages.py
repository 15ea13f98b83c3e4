"""A hosted reranker that says what mattered: its marks stand in the passage, and nothing in them is markup."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Sheet, served
from tests.wire.formats import KEY
from tests.wire.server import WireServer

pytestmark = pytest.mark.browser
Open = Callable[..., Sheet]
QUESTION = "When are quokkas counted on Rottnest Island?"


@pytest.fixture(scope="module")
def address(chromium: Browser, home: Path) -> Iterator[str]:
    with WireServer() as server:
        settings = {
            "RERANKER": "cohere:rerank-v5.0-pro",
            "COHERE_BASE_URL": server.url,
            "COHERE_API_KEY": KEY,
            "ANSWER_ABOVE": "0",
        }
        with served(home, home / "serve-marks.log", **settings) as url:
            yield url


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_what_the_reranker_marked_is_underlined_with_dots(address: str, sheet: Open, width: int, dark: bool) -> None:
    on = sheet(address, width=width, dark=dark)
    on.page.locator(".hello").wait_for()
    on.settle()
    on.ask(QUESTION)
    card = on.page.locator("details.passage", has_text="quokkas are counted every March").first
    card.locator("summary").click()
    marks = card.locator("mark.both")  # the passage is one sentence, and quoted
    assert marks.count() > 0
    asked = set(re.findall(r"\w+", QUESTION.lower()))
    assert all(word in asked for word in re.findall(r"\w+", " ".join(marks.all_inner_texts()).lower()))
    assert "dotted" in marks.first.evaluate("e => getComputedStyle(e).textDecorationStyle")
    expect(card).to_contain_text("Dotted lines mark what the reranker found relevant.")
    other = on.page.locator("details.passage").nth(1)
    other.locator("summary").click()
    expect(other.locator("mark.span").first).to_be_visible()
    on.picture("marked")
    assert on.page.evaluate("window.hacked") is None
