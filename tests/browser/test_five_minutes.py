"""Calibrate in five minutes by keyboard, on the real page with the real reranker; then drafted questions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WAIT, Sheet

pytestmark = pytest.mark.browser
Open = Callable[..., Sheet]


def test_thirty_answers_by_keyboard_then_applied_and_undone(address: str, home: Path, sheet: Open) -> None:
    on = sheet(f"{address}/library?view=calibrate")
    on.button("Pick thirty passages").click()
    bar = on.page.locator('[data-testid="stProgress"]')
    expect(on.page.get_by_text("Does this passage answer")).to_be_visible(timeout=3 * WAIT)
    on.settle()
    on.picture("asking")
    for n in range(16):
        expect(bar).to_contain_text(f"{n + 1} of 30", timeout=WAIT)
        on.settle()
        on.page.keyboard.press("n" if n % 2 else "y")
    expect(bar).to_contain_text("17 of 30")
    narrow = sheet(f"{address}/library?view=calibrate", width=390, dark=True)  # later, on another screen
    expect(narrow.page.locator('[data-testid="stProgress"]')).to_contain_text("17 of 30", timeout=WAIT)
    narrow.button("See what these answers would change").click()
    expect(narrow.page.get_by_text("Relevant passages lost")).to_be_visible(timeout=WAIT)
    narrow.picture("effect")
    assert not list((home / "calibrations").glob("*.json"))
    narrow.button("Use this for handbook").click()
    expect(narrow.page.get_by_text("Calibrated here: 16 answers")).to_be_visible(timeout=WAIT)
    assert len(list((home / "calibrations").glob("*.json"))) == 1
    narrow.button("Undo").click()
    expect(narrow.page.get_by_text("Undone")).to_be_visible(timeout=WAIT)
    assert not list((home / "calibrations").glob("*.json"))


def test_a_draft_is_reworded_and_kept(address: str, home: Path, sheet: Open) -> None:
    on = sheet(f"{address}/library?view=drafts")
    on.page.get_by_role("button", name="Draft", exact=True).click()
    expect(on.page.get_by_text("To decide (10)")).to_be_visible(timeout=WAIT)
    on.settle()
    on.button("Reword").first.click()
    box = on.page.get_by_label("In the words a person would use")
    box.fill("Why bother with a gate at all?")
    on.picture("reword")
    on.button("Accept in these words").click()
    expect(on.page.get_by_text("Accepted (1)")).to_be_visible(timeout=WAIT)
    on.settle()
    on.button("Keep as a question set").click()
    expect(on.page.get_by_text("handbook-drafts is kept")).to_be_visible(timeout=WAIT)
    kept = home / "questions" / "handbook" / "sets" / "handbook-drafts.jsonl"
    assert "Why bother with a gate at all?" in kept.read_text(encoding="utf-8")
