"""Speed and memory, measured and printed: `python -m tests.benchmarks.speed [cold] [warm] [ingest] [serve]`.

Never a timed test: machines are noisy, so what is compared is compared within one run, as a ratio, alternating the two
sides. The stock path of ingest is the one most tutorials show: LangChain's RecursiveCharacterTextSplitter (1,000
characters, overlap 200), SentenceTransformer.encode with its defaults on the same weights, and Chroma's add.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import click

from app.pipeline import GateChoice
from app.settings import load_settings
from app.wiring import build
from tests.benchmarks import ingest_rate
from tests.conftest import ROOT, environment, ingest

QUESTIONS = (
    "What is the difference between a bi-encoder and a cross-encoder?",
    "Why does the gate refuse a question?",
    "How are documents cut into chunks?",
    "When should a passage be rescued?",
    "What happens when Cohere does not answer?",
    "How do I read the trace as JSON?",
    "Which formats can be ingested?",
    "What does p_answerable mean?",
)
STAGES = ("rewrite", "embed", "retrieve", "score", "gate", "context", "generate", "total")
PARTS = ("cold", "warm", "ingest", "serve")


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--runs", default=5, show_default=True, help="Runs of each side.")
@click.option("--json", "as_json", is_flag=True)
def main(parts: tuple[str, ...], runs: int, as_json: bool) -> None:
    """Measure the parts named, or all of them."""
    results: dict[str, object] = {"cpus": os.cpu_count(), "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ingest(home, "--library", "handbook", str(ROOT / "docs"))
        measures: dict[str, Callable[[], object]] = {
            "cold": lambda: cold(home, runs),
            "warm": lambda: warm(home, runs),
            "ingest": lambda: ingest_ratio(runs),
            "serve": lambda: serving_memory(home),
        }
        for part in parts or PARTS:
            results[part] = measures[part]()
            if not as_json:
                print(f"{part}: {json.dumps(results[part], indent=2)}", flush=True)
    if as_json:
        print(json.dumps(results, indent=2))


def cold(home: Path, runs: int) -> dict[str, object]:
    """Seconds from process start to the printed answer, no chat model, bundled models."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "app", "ask", QUESTIONS[0]],
            env=unremembered(home),
            check=True,
            capture_output=True,
            cwd=ROOT,
        )
        seconds.append(time.perf_counter() - start)
    return {"seconds_median": round(statistics.median(seconds), 2), "seconds_best": round(min(seconds), 2)}


def warm(home: Path, runs: int) -> dict[str, object]:
    """Milliseconds a stage of a warm question, 20 candidates, no chat model: p50 and p95."""
    models = Path(environment(home)["SLUICE_MODELS"])
    sluice = build(load_settings(sluice_home=home, sluice_models=models, score_cache_mb=0))
    options = sluice.options(library="handbook", gate=GateChoice(answer_above=0.0))
    sluice.pipeline.ask(QUESTIONS[0], options)  # loads the models
    seen: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for _ in range(runs):
        for question in QUESTIONS:
            timings = sluice.pipeline.ask(question, options).timings_ms
            for stage in STAGES:
                seen[stage].append(timings.get(stage, 0.0))
    return {
        stage: {"p50_ms": round(quantile(values, 0.5), 1), "p95_ms": round(quantile(values, 0.95), 1)}
        for stage, values in seen.items()
    }


def ingest_ratio(runs: int) -> dict[str, object]:
    """Our ingest against the stock path on the handbook: seconds and their ratio. `ingest_rate` does it on more text,
    with the retrieval quality of both."""
    seconds: dict[str, list[float]] = {"ours": [], "stock": []}
    for _ in range(max(1, runs // 2)):
        with tempfile.TemporaryDirectory() as folder:
            files = Path(folder) / "files"
            shutil.copytree(ROOT / "docs", files, ignore=shutil.ignore_patterns("images"))
            seconds["ours"].append(ingest_rate.ours(Path(folder) / "ours", files)["seconds"])
            seconds["stock"].append(ingest_rate.stock(Path(folder) / "stock", files)["seconds"])
    ratios = [b / a for a, b in zip(seconds["ours"], seconds["stock"], strict=True)]
    return {
        **{f"{side}_seconds": round(statistics.median(spent), 1) for side, spent in seconds.items()},
        "times_faster_in_text_per_second": round(statistics.median(ratios), 2),
    }


def serving_memory(home: Path) -> dict[str, object]:
    """Peak resident memory (MiB) of the serving process after its start and after a question in the same process."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", str(port)],
        env=unremembered(home),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health")
            started = peak_mib(process.pid)
            asked = ask_in_browser(f"http://127.0.0.1:{port}")
            return {"after_start_mib": started, "after_questions_mib": peak_mib(process.pid), "asked": asked}
        finally:
            process.terminate()


def unremembered(home: Path) -> dict[str, str]:
    """A process's environment without the score cache: the same questions are asked again and again here."""
    return {**environment(home), "SCORE_CACHE_MB": "0"}


def ask_in_browser(address: str) -> int:
    """Ask two questions on the page the way a person does; 0 where there is no Chromium."""
    from playwright.sync_api import sync_playwright

    chromium = Path("/usr/bin/chromium")
    if not chromium.exists():
        return 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium), args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        page = browser.new_page()
        page.goto(address)
        for question in QUESTIONS[:2]:
            box = page.get_by_test_id("stChatInputTextArea")
            box.wait_for(timeout=60_000)
            box.fill(question)
            box.press("Enter")
            page.get_by_text(re.compile(r"\d+ found")).last.wait_for(timeout=60_000)
            page.wait_for_timeout(3000)
        browser.close()
    return 2


def wait_for(url: str) -> None:
    """Until a URL answers, at most a minute."""
    for _ in range(240):
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.25)
    raise TimeoutError(f"{url} did not answer")


def peak_mib(pid: int) -> int:
    """Peak resident memory of a process (VmHWM), in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def quantile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(q * (len(ordered) - 1)))]


if __name__ == "__main__":
    main()
