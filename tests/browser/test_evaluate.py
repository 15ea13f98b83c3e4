"""An evaluation from the upload to the verdict, on the real page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import WAIT, Sheet, served
from tests.ui.evaluations import measure

pytestmark = pytest.mark.browser
Open = Callable[..., Sheet]
NASTY = "<b>bold</b> ![p](http://evil.example/p.png) :red[red] $x^2$ [l](javascript:alert(1))"
QUESTIONS = (
    {"question": "How does reciprocal rank fusion combine two rankings?", "document": "hybrid-search-and-fusion.md"},
    {"question": "What do k1 and b do in BM25?", "document": "lexical-search-bm25.md"},
    {"question": "What is MaxSim?", "document": "late-interaction.md"},
    {"question": "How many numbers does Platt scaling learn?", "document": "calibration.md"},
    {"question": "When is a passage below the gate rescued?", "document": "rescue-and-duplicates.md"},
    {"question": "How is nDCG computed?", "document": "measuring-ranking.md"},
    {"question": f"What is {NASTY}?", "answerable": False},
    {"question": "Who won the football world cup in 1954?", "answerable": False},
    {"question": "How long does a lasagne stay in the oven?", "answerable": False},
)
CHART = '[data-testid="stVegaLiteChart"] svg'


def _file(name: str, text: str) -> Any:
    return {"name": name, "mimeType": "text/plain", "buffer": text.encode()}


def test_upload_a_set_run_it_read_the_verdict_move_the_gate_and_open_a_question(address: str, sheet: Open) -> None:
    on = sheet(f"{address}/evaluate")
    page = on.page
    expect(page.locator(".ways")).to_contain_text("sluice questions generate --library handbook", timeout=WAIT)
    on.picture("nothing-yet")

    upload = page.locator('input[type="file"]')
    upload.set_input_files(_file("asked.csv", "question,quote,colour\nHow deep?,forty metres,blue\n"))
    expect(page.locator(".note.failed")).to_contain_text("line 2, colour", timeout=WAIT)
    on.picture("fault")
    upload.set_input_files(_file("asked.jsonl", "".join(json.dumps(row) + "\n" for row in QUESTIONS)))
    expect(page.locator(".note.through")).to_contain_text("asked is kept: 9 questions", timeout=WAIT)
    expect(page.get_by_text("Labels: 6 of 6 found")).to_be_visible(timeout=WAIT)
    on.settle()
    on.picture("ready")

    on.button("Start").click()
    running = page.locator(".st-key-running")
    expect(running).to_be_visible(timeout=WAIT)
    expect(running).to_contain_text("of 9 questions", timeout=2 * WAIT)
    on.picture("running")
    page.reload()  # it goes on
    expect(page.locator(".verdict")).to_contain_text("nDCG@10", timeout=6 * WAIT)
    on.settle()
    expect(running).to_have_count(0)
    expect(page.locator(CHART).first).to_be_visible()
    on.picture("verdict")

    numbers = page.locator(".together")
    expect(numbers).not_to_contain_text("Here")
    slider = on.slider("Let through passages from p")
    for _ in range(4):
        slider.press("ArrowRight")
    expect(numbers).to_contain_text("Here", timeout=WAIT)
    on.settle()
    on.button("Use these thresholds for handbook").click()
    expect(page.get_by_text("Changed for handbook")).to_be_visible(timeout=WAIT)
    on.picture("applied")
    on.button("Undo").click()
    expect(page.get_by_text("Undone for handbook")).to_be_visible(timeout=WAIT)
    on.settle()

    page.get_by_text("all (9)", exact=True).click()
    expect(page.get_by_role("button", name=f"What is {NASTY}?")).to_be_visible()  # as it was typed, and nothing else
    page.get_by_role("button", name="What is MaxSim?").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Relevant: late-interaction.md")
    expect(dialog.locator(".decisions tbody tr")).to_have_count(20, timeout=WAIT)
    on.settle()
    on.picture("question")


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1280, True)])
def test_a_report_fits_the_screen(address: str, sheet: Open, width: int, dark: bool) -> None:
    """After the test above, which leaves a run; alone it shows the way to a question set."""
    on = sheet(f"{address}/evaluate", width=width, dark=dark)
    expect(on.page.locator(".verdict, .ways").first).to_be_visible(timeout=WAIT)
    on.settle()
    assert on.page.evaluate("document.documentElement.scrollWidth") <= width
    on.picture(f"{width}-{'dark' if dark else 'light'}")


@pytest.fixture
def measured(notes_home: Path, tmp_path: Path) -> Path:
    """The notes with one evaluation, field-1, answers quoted."""
    home = Path(shutil.copytree(notes_home, tmp_path / "home"))
    measure(home, rerankers=("late-interaction",), answers=True)
    return home


def test_an_evaluation_is_deleted_after_asking_and_what_was_applied_from_it_stays(
    chromium: Browser, measured: Path, sheet: Open
) -> None:
    with served(measured, measured / "serve.log", LIBRARY="notes") as address:
        on = sheet(f"{address}/evaluate", width=390)
        page = on.page
        expect(page.locator(".st-key-answers .measured")).to_contain_text("citation recall", timeout=2 * WAIT)
        slider = on.slider("Let through passages from p")
        for _ in range(4):
            slider.press("ArrowRight")
        on.settle()
        on.button("Use these thresholds for notes").click()
        expect(page.get_by_text("Changed for notes")).to_be_visible(timeout=WAIT)
        on.settle()

        dialog = page.get_by_role("dialog")
        on.button("Delete …").click()
        expect(dialog).to_contain_text("field-1: 7 questions under 1 configuration")
        expect(dialog).to_contain_text("stay applied")
        on.picture("asked")
        dialog.get_by_role("button", name="Keep it").click()
        expect(dialog).to_have_count(0, timeout=WAIT)
        on.settle()
        on.button("Delete …").click()
        dialog.get_by_role("button", name="Delete", exact=True).click()
        expect(page.get_by_text("field-1 is deleted.")).to_be_visible(timeout=WAIT)
        on.settle()
        expect(page.locator(".verdict")).to_have_count(0)
        expect(page.get_by_text("The evaluation they were chosen on, field-1, was deleted; they stay.")).to_be_visible()
        assert not (measured / "runs" / "notes" / "field-1").exists()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        on.picture("deleted")
