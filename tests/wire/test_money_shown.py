"""What a question cost, as a person reads it: the commands as processes, against a server with known prices."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import environment
from tests.wire.formats import KEY
from tests.wire.server import WireServer

QUESTION = "Why does the gate refuse a question?"


def sluice(server: WireServer, home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    service = {
        "RERANKER": "cohere:rerank-v3.5",
        "COHERE_BASE_URL": server.url,
        "COHERE_API_KEY": KEY,
        "OPENAI_BASE_URL": server.openai_url,
        "OPENAI_API_KEY": KEY,
        "ANSWER_ABOVE": "0",
    }
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env={**environment(home), **service, **settings},
        cwd=home,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def prices(server: WireServer, tmp_path: Path) -> str:
    """A search at two dollars a thousand, and a chat at no price at all."""
    host = urlsplit(server.url).netloc
    rows = (("rerank-v3.5", "thousand searches", 2), ("gpt-4o-mini", "any", 0))
    text = [f'[[price]]\nprovider = "{host}"\nmodel = "{m}"\nunit = "{u}"\nusd = {usd}\n' for m, u, usd in rows]
    (tmp_path / "prices.toml").write_text("\n".join(text), encoding="utf-8")
    return str(tmp_path / "prices.toml")


def test_ask_says_the_sum_and_its_parts(server: WireServer, handbook_home: Path, prices: str) -> None:
    done = sluice(server, handbook_home, "ask", QUESTION, "--explain", PRICE_FILE=prices)
    assert done.returncode == 0, done.stderr
    [summary] = [line for line in done.stdout.splitlines() if " found -> " in line]
    assert "; $0.0020; reranking: applied" in summary
    assert "Cost: score $0.0020, generate free." in done.stdout


def test_ask_says_what_would_make_a_cost_known(server: WireServer, handbook_home: Path) -> None:
    done = sluice(server, handbook_home, "ask", QUESTION)
    assert "; cost not known; " in done.stdout
    assert "The cost is not known: no price for searches of rerank-v3.5 (" in done.stderr
    assert "PRICE_FILE can name a file with prices of your own." in done.stderr


def test_a_price_file_that_is_off_is_one_sentence_and_what_to_correct(
    server: WireServer, handbook_home: Path, tmp_path: Path
) -> None:
    (tmp_path / "prices.toml").write_text('[[price]]\nprovider = "cohere"\n', encoding="utf-8")
    done = sluice(server, handbook_home, "ask", QUESTION, PRICE_FILE=str(tmp_path / "prices.toml"))
    assert (done.returncode, "price 1: model is missing" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr and server.requests == []
    found = json.loads(sluice(server, handbook_home, "doctor", "--json", PRICE_FILE="nowhere.toml").stdout)
    [state] = [f["state"] for f in found if f["what"] == "Prices"]
    assert state == "missing"


def test_an_evaluation_says_the_money_for_a_thousand_questions(
    server: WireServer, notes_home: Path, tmp_path: Path, prices: str
) -> None:
    home = tmp_path / "home"
    shutil.copytree(notes_home, home)
    command = ("evaluate", "field", "-l", "notes", "--rerank", "none,cohere,local", "--candidates", "5")
    done = sluice(server, home, *command, "--out", "run", PRICE_FILE=prices)
    assert done.returncode == 0, done.stdout + done.stderr
    report = (home / "run" / "report.md").read_text(encoding="utf-8")
    [money] = re.findall(r"^\| money for 1,000 questions \| (.*) \|$", report, re.MULTILINE)
    assert money.split(" | ") == ["free", "$2.00", "free"]  # one search a question
    assert re.search(r"Money: your own prices \(prices\.toml, \w+\), else list prices read on \d{4}-\d\d-\d\d", report)
    assert "No answers were written, so the chat model's price of one is not in it" in report
    unpriced = sluice(server, home, *command, "--out", "unpriced")
    assert unpriced.returncode == 0, unpriced.stderr
    report = (home / "unpriced" / "report.md").read_text(encoding="utf-8")
    assert "| money for 1,000 questions | free | not known | free |" in report
    assert re.search(r"PRICE\\?_FILE can name a file with prices of your own\.", report)
