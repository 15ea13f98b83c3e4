"""The ways of comparing, on the real page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import WAIT, Sheet, served

pytestmark = pytest.mark.browser
Open = Callable[..., Sheet]
QUESTION = "How do I know whether reranking pays on my documents?"
CSV = b"id,text\n1,A cross-encoder reads question and passage at once.\n2,Bananas are yellow.\n"


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["wide, light", "narrow, dark"])
def test_a_blind_vote_then_what_the_sides_were(address: str, sheet: Open, width: int, dark: bool) -> None:
    on = sheet(f"{address}/compare", width=width, dark=dark)
    on.page.get_by_text("Blind", exact=True).click()
    expect(on.page.get_by_text("Two answers in random order")).to_be_visible()
    on.settle()
    on.page.get_by_label("Question", exact=True).fill(QUESTION)
    on.button("Compare").click()
    expect(on.page.get_by_text("Which answer is better?")).to_be_visible(timeout=WAIT)
    on.settle()
    answers = on.page.locator(".unnamed")
    expect(answers).to_have_count(2)
    expect(on.page.locator(".badge, .side-head .muted, [data-testid='stVegaLiteChart']")).to_have_count(0)
    expect(answers.first).not_to_contain_text(re.compile("reranking and gate|tokens", re.IGNORECASE))
    answers.first.locator(".cite").first.click()
    expect(on.page.locator("#blind-left-1")).to_be_visible()
    on.picture("asked")
    on.button("Right is better").click()
    expect(on.page.locator(".note.through")).to_contain_text("You chose:")
    expect(on.page.get_by_text(re.compile(r"blind votes? for"))).to_be_visible()
    expect(on.page.locator(".side-head .muted")).to_have_count(2)
    on.settle()
    on.picture("revealed")
    assert _too_wide(on, width) == 0


def test_the_playground_without_a_library(
    chromium: Browser, sheet: Open, tmp_path: Path, prepared_models: Path
) -> None:
    with served(tmp_path / "home", tmp_path / "serve.log") as url:
        on = sheet(f"{url}/compare", width=390)
        on.page.get_by_text("Playground", exact=True).click()
        expect(on.button("Rank them")).to_be_visible(timeout=WAIT)
        on.settle()
        on.page.get_by_label("Question", exact=True).fill("What does a cross-encoder read?")
        on.button("Rank them").click()
        expect(on.page.get_by_role("alert")).to_contain_text("There are no passages.")
        on.page.get_by_text("Drop a CSV").click()
        on.page.locator('input[type="file"]').set_input_files(
            [{"name": "rows.csv", "mimeType": "text/csv", "buffer": CSV}]
        )
        expect(on.page.get_by_text("2 passages to rank.")).to_be_visible()
        on.button("Rank them").click()
        expect(on.page.locator(".verdict")).to_contain_text("ranked 2 passages", timeout=WAIT)
        expect(on.page.locator(".played tbody tr").first).to_contain_text("A cross-encoder reads")
        expect(on.page.locator(".played tbody tr").first).to_contain_text("1st")
        assert on.page.get_by_label("Question", exact=True).input_value() == "What does a cross-encoder read?"
        on.settle()
        on.picture("ranked")
        assert _too_wide(on, 390) == 0


def _too_wide(on: Sheet, width: int) -> int:
    count: int = on.page.evaluate(
        "width => [...document.querySelectorAll('[data-testid=stMain] *')].filter(e => "
        "e.getBoundingClientRect().right > width + 1 && !e.closest('.scroll') && "
        "getComputedStyle(e).position !== 'absolute').length",
        width,
    )
    return count
