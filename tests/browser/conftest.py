"""The real page, served by the real launcher over a real library, driven in headless Chromium.

SLUICE_SCREENSHOTS=FOLDER keeps the pictures; without it they go to pytest's temporary folder.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.conftest import ROOT, environment, ingest

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT = 40_000  # milliseconds; two slow cores shared with other work
expect.set_options(timeout=WAIT)  # an expectation too: its own five seconds are less than an answer may take there
NASTY = (
    "The quokka ledger <script>window.hacked = 1</script> ![pixel](http://evil.example/p.png) "
    "[link](javascript:alert(1)) :red[warning] $x^2$ <img src='http://evil.example/i.png' onerror='window.hacked=1'> "
    "says that quokkas are counted every March on Rottnest Island."
)

Open = Callable[..., "Sheet"]


class Sheet:
    """One open page, with the few things a person does on it."""

    def __init__(self, page: Page, pictures: Path, name: str) -> None:
        self.page = page
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        self._pictures = pictures
        self._name = name
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._watch(request.url))

    def _watch(self, url: str) -> None:
        if not re.match(r"(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:", url):
            self.elsewhere.append(url)

    def settle(self) -> None:
        """Wait until the script has run to its end."""
        self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()

    def ask(self, question: str) -> None:
        box = self.page.locator('[data-testid="stChatInputTextArea"]')
        box.fill(question)
        box.press("Enter")
        expect(self.page.locator(".asked", has_text=question).last).to_be_visible(timeout=WAIT)
        expect(self.page.locator(".summary").last).to_be_visible(timeout=WAIT)
        self.settle()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=False)

    def slider(self, label: str) -> Locator:
        """The thumb of a slider."""
        return self.page.get_by_role("slider", name=label).first

    def picture(self, of: str) -> None:
        self._pictures.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self._pictures / f"{self._name}-{of}.png")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if _CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


@contextmanager
def served(home: Path, log: Path, **settings: str) -> Iterator[str]:
    """`sluice serve` on a free port until the block ends; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", "--port", str(port)],
            env={**environment(home), "OMP_NUM_THREADS": "1", **settings},
            cwd=log.parent,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(f"{address}/_stcore/health", process, log)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            pytest.fail(f"the page ended at its start:\n{log.read_text(encoding='utf-8')}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the page did not come up:\n{log.read_text(encoding='utf-8')}")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, prepared_models: Path) -> Path:
    """A SLUICE_HOME of the browser tests' own, which they write to: the handbook, and one nasty document beside it."""
    folder = tmp_path_factory.mktemp("browser-home")
    nasty = folder / "nasty.txt"
    nasty.write_text(f"{NASTY}\n", encoding="utf-8")
    ingest(folder, "--library", "handbook", str(ROOT / "docs"), str(nasty))
    return folder


@pytest.fixture(scope="session")
def address(chromium: Browser, home: Path) -> Iterator[str]:
    with served(home, home / "serve.log") as url:
        yield url


@pytest.fixture
def sheet(chromium: Browser, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Sheet]]:
    """Open a page of its own: `sheet(url, width=1280, dark=False)`. It fails on script errors and foreign requests."""
    pictures = Path(os.environ.get("SLUICE_SCREENSHOTS", tmp_path / "pictures"))
    sheets: list[Sheet] = []

    def open_sheet(url: str, *, width: int = 1280, dark: bool = False) -> Sheet:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        opened = Sheet(context.new_page(), pictures, request.node.name)
        sheets.append(opened)
        opened.page.goto(url)
        opened.page.locator('[data-testid="stApp"]').wait_for()
        return opened

    yield open_sheet
    for opened in sheets:
        opened.picture("end")
        opened.page.context.close()
        assert not opened.errors
        assert not opened.elsewhere
