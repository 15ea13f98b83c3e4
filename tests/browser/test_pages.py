"""What a person does, on the real page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.samples import samples
from tests.browser.conftest import NASTY, WAIT, Sheet, served

pytestmark = pytest.mark.browser
Open = Callable[..., Sheet]
QUESTION = "What is the difference between a bi-encoder and a cross-encoder?"
CHART = '[data-testid="stVegaLiteChart"] svg'
OFF_TOPIC = "Who won the football world cup in 1954?"


def test_an_empty_library_loads_the_handbook(chromium: Browser, sheet: Open, tmp_path: Path) -> None:
    with served(tmp_path / "home", tmp_path / "serve.log") as url:
        on = sheet(url)
        expect(on.page.locator(".hello")).to_contain_text("There is nothing to ask yet")
        on.picture("empty")
        on.button("Load the handbook").click()
        expect(on.page.locator(".files li").first).to_be_visible(timeout=WAIT)
        on.picture("loading")
        expect(on.page.locator(".st-key-samples")).to_be_visible(timeout=WAIT)
        on.settle()


def test_ask_and_open_a_citation_in_its_place(address: str, sheet: Open) -> None:
    on = sheet(address)
    on.picture("hello")
    on.button(samples()[0].text).click()
    expect(on.page.locator(".summary")).to_contain_text("20 found")
    on.settle()
    expect(on.page.locator(".summary")).to_contain_text("through the gate")
    passage = on.page.locator("#e1-p1")
    expect(passage).to_be_hidden()
    on.picture("answer")
    on.page.locator(".cite").first.click()
    expect(passage).to_be_visible()
    expect(passage).to_be_in_viewport()
    expect(passage.locator("dd").first).not_to_be_empty()
    expect(passage.locator("mark")).to_have_count(1)
    expect(passage.locator(".around").first).to_be_visible()
    on.picture("citation")


def test_move_the_gate_and_see_decisions_change(address: str, sheet: Open) -> None:
    on = sheet(address)
    on.ask(QUESTION)
    on.page.get_by_text("How these were chosen").click()
    expect(on.page.locator(CHART).first).to_be_visible()
    rows = on.page.locator(".decisions tbody tr")
    expect(rows).to_have_count(20)
    let_through = on.page.locator(".decisions tbody tr.through, .decisions tbody tr.rescued")
    before = let_through.count()
    on.picture("before")
    on.slider("Passages, fewest to most — start").press("ArrowLeft")
    for most in (4, 3, 2):
        on.slider("Passages, fewest to most — end").press("ArrowLeft")
        expect(on.slider("Passages, fewest to most — end")).to_have_value(str(most))
    expect(on.page.locator(".summary")).to_contain_text("2 through the gate")
    on.settle()
    assert before > let_through.count() == 2
    expect(on.page.locator(".answer.stale")).to_be_visible()
    expect(on.page.locator(".note.held")).to_contain_text("Answered with another gate")
    on.picture("after")
    on.button("Ask again with this gate").click()
    expect(on.page.locator(".answer.stale")).to_have_count(0)
    expect(on.page.locator(".summary")).to_contain_text("2 through the gate")


def test_a_question_it_cannot_answer_is_refused_and_answered_anyway_on_request(address: str, sheet: Open) -> None:
    on = sheet(address)
    on.ask(OFF_TOPIC)
    refusal = on.page.locator(".refusal")
    expect(refusal).to_contain_text("does not seem to answer this")
    expect(refusal.locator("li")).to_have_count(3)
    expect(on.page.locator(".answer")).to_have_count(0)
    on.picture("refused")
    on.button("Answer from these anyway").click()
    expect(on.page.locator(".answer")).to_be_visible()
    expect(on.page.locator(".note.rescued").first).to_contain_text("Below the gate")
    on.picture("anyway")


def test_compare_the_same_question_without_reranking(address: str, sheet: Open) -> None:
    on = sheet(address)
    on.ask(QUESTION)
    on.page.get_by_role("link", name="Compare without reranking").click()
    expect(on.page.locator(".verdict")).to_contain_text("differ", timeout=WAIT)
    expect(on.page.locator(".side-head")).to_have_count(2)
    expect(on.page.locator(".side-answer")).to_have_count(2)
    expect(on.page.get_by_text("Kendall tau")).to_be_visible()
    on.settle()
    on.picture("compare")


def test_upload_a_file_and_ask_about_it(address: str, sheet: Open) -> None:
    on = sheet(f"{address}/library")
    expect(on.page.locator(".documents")).to_be_visible()
    on.page.get_by_text("Add documents").click()
    on.page.locator('input[type="file"]').set_input_files(
        [
            {
                "name": "lighthouse.md",
                "mimeType": "text/markdown",
                "buffer": b"# Brattle lighthouse\n\nThe Brattle lighthouse keeper feeds eleven grey geese at dawn.\n",
            },
            {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 nothing of the kind"},
        ]
    )
    on.button("Preview how they are cut").click()
    expect(on.page.locator(".cuts")).to_contain_text("eleven grey geese", timeout=WAIT)
    on.picture("preview")
    on.page.locator(".st-key-add-upload button").click()
    report = on.page.locator(".note[role=status]")
    expect(report).to_contain_text("1 added", timeout=WAIT)
    expect(report).to_contain_text("broken.pdf")
    on.picture("report")
    expect(on.page.locator(".documents")).to_contain_text("lighthouse.md")
    on.page.get_by_role("link", name="Chat").first.click()
    on.ask("How many geese does the Brattle lighthouse keeper feed?")
    expect(on.page.locator(".answer")).to_contain_text("eleven grey geese")
    on.picture("asked")


def test_delete_a_document_after_hearing_what_goes(address: str, sheet: Open) -> None:
    on = sheet(f"{address}/library")
    expect(on.page.locator(".documents")).to_contain_text("Glossary")
    on.button("Delete documents").click()
    dialog = on.page.get_by_role("dialog")
    dialog.get_by_role("combobox").click()
    on.page.keyboard.type("Glossary")
    on.page.get_by_role("option", name="Glossary").click()
    expect(dialog).to_contain_text("1 document with")
    on.page.keyboard.press("Tab")  # closes the list, not the dialog
    on.picture("delete")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(on.page.locator(".note.through")).to_contain_text("1 document deleted")
    expect(on.page.locator(".documents")).not_to_contain_text("Glossary")


def test_a_nasty_document_is_text_and_causes_no_request(address: str, sheet: Open) -> None:
    on = sheet(address)
    on.ask("When are quokkas counted on Rottnest Island?")
    expect(on.page.locator(".answer")).to_contain_text("quokkas are counted every March")
    on.page.locator(".cite").first.click()
    passage = on.page.locator("#e1-p1")
    expect(passage).to_contain_text("<script>window.hacked = 1</script>")
    expect(passage).to_contain_text("[link](javascript:alert(1)) :red[warning] $x^2$")
    on.page.get_by_text("How these were chosen").click()
    expect(on.page.locator(CHART).first).to_be_visible()
    on.picture("nasty")
    assert on.page.evaluate("window.hacked") is None
    assert on.page.locator('[data-testid="stMain"] img, [data-testid="stMain"] script').count() == 0
    assert on.page.locator('a[href^="javascript"], a[href*="evil"]').count() == 0
    assert "evil.example" in NASTY
    assert on.elsewhere == []


def test_export_is_the_trace(address: str, sheet: Open, tmp_path: Path) -> None:
    on = sheet(address)
    on.ask(QUESTION)
    with on.page.expect_download() as download:
        on.button("Export").click()
    path = tmp_path / "trace.json"
    download.value.save_as(path)
    trace = json.loads(path.read_text(encoding="utf-8"))
    assert trace["schema"] == 1
    assert trace["question"]["text"] == QUESTION
    assert len(trace["candidates"]) == 20


def test_a_question_mark_explains_and_leads_to_the_handbook(address: str, sheet: Open) -> None:
    on = sheet(address)
    on.ask(QUESTION)
    with on.page.context.expect_page() as opened:
        on.page.locator(".why").first.click()
    opened.value.set_default_timeout(WAIT)
    expect(opened.value.get_by_role("heading", level=1)).to_be_visible(timeout=WAIT)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_narrow_screens_have_everything_within_reach(address: str, sheet: Open, dark: bool) -> None:
    on = sheet(address, width=390, dark=dark)
    on.ask(QUESTION)
    on.picture("answer")
    on.page.locator(".cite").first.click()
    expect(on.page.locator("#e1-p1")).to_be_in_viewport()
    on.page.get_by_text("How these were chosen").click()
    expect(on.page.locator(CHART).first).to_be_visible()
    on.settle()
    on.page.locator(".legend").first.scroll_into_view_if_needed()
    on.picture("how")
    wide = on.page.evaluate(
        "[...document.querySelectorAll('[data-testid=stMain] *')].filter(e => e.getBoundingClientRect().right > 391"
        " && !e.closest('.scroll') && getComputedStyle(e).position !== 'absolute').length"
    )
    assert wide == 0
    on.page.locator('[data-testid="stExpandSidebarButton"]').click()
    expect(on.page.get_by_role("link", name="Compare").first).to_be_visible()
    expect(on.page.get_by_role("slider", name="Candidates")).to_be_visible()
    on.picture("sidebar")


def test_dark_mode_follows_the_system(address: str, sheet: Open) -> None:
    grounds = {}
    for dark in (False, True):
        on = sheet(address, dark=dark)
        on.page.locator(".hello").wait_for()
        grounds[dark] = on.page.evaluate(
            "[getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor,"
            " getComputedStyle(document.querySelector('.hello .muted')).color]"
        )
        on.ask(QUESTION)
        on.page.get_by_text("How these were chosen").click()
        expect(on.page.locator(CHART).first).to_be_visible()
        on.picture("dark" if dark else "light")
    assert grounds[False] == ["rgb(251, 251, 249)", "rgb(86, 96, 103)"]
    assert grounds[True] == ["rgb(19, 24, 26)", "rgb(163, 174, 178)"]


def test_the_keyboard_alone_reaches_answer_citation_and_passage(address: str, sheet: Open) -> None:
    on = sheet(address)
    on.page.locator(".hello").wait_for()
    on.settle()
    on.page.locator('[data-testid="stChatInputTextArea"]').focus()
    on.page.keyboard.type(QUESTION)
    on.page.keyboard.press("Enter")
    expect(on.page.locator(".summary")).to_be_visible(timeout=WAIT)
    on.settle()
    on.page.locator(".cite").first.focus()
    on.page.keyboard.press("Enter")
    expect(on.page.locator("#e1-p1")).to_be_visible()
    on.page.locator(".passage > summary").first.focus()
    on.page.keyboard.press("Enter")
    expect(on.page.locator("#e1-p1")).to_be_hidden()
