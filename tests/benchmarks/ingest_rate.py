"""Our ingest against the stock path on the same files, in one run: `python -m tests.benchmarks.ingest_rate`.

    python -m tests.benchmarks.ingest_rate [--megabytes 2] [--rounds 3] [--questions 1000] [--out FILE]

The files are the articles A to M of dev_squad2 (one a file, for the questions) and documentation in Markdown, up to so
many megabytes. Both sides are whole processes with their start-up, alternating; each round is written to --out as it
ends, and a run that is called again goes on after the rounds that are there. Reported: megabytes of text per second,
the ratio within each round, the same of processor time (on a machine that others use it says more), peak memory, and
the quality of `tests.benchmarks.ingest_quality` on these files.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.datasets import DATA
from tests.benchmarks.ingest_quality import STOCK, quality, write_corpus
from tests.conftest import environment


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path(".sluice/ingest_rate.json"))
    given = parser.parse_args(arguments)
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not here: this benchmark reads its files from it.")
    print(json.dumps(measure(given.megabytes, given.rounds, given.questions, given.out), indent=2))
    return 0


def measure(megabytes: float, rounds: int, questions: int, out: Path, data: Path = DATA) -> dict[str, Any]:
    """Run the rounds that `out` lacks and return the summary of all of them."""
    out.parent.mkdir(parents=True, exist_ok=True)
    setting = {"megabytes": megabytes, "questions": questions, "cpus": os.cpu_count()}
    kept: dict[str, Any] = {"setting": setting, "rounds": [], "quality": None}
    if out.exists() and (before := json.loads(out.read_text(encoding="utf-8")))["setting"] == setting:
        kept = before
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        files = home / "files"
        probes = write_corpus(files, data, int(megabytes * 1_000_000), questions)
        size = sum(path.stat().st_size for path in files.rglob("*") if path.is_file())
        while len(kept["rounds"]) < rounds or kept["quality"] is None:
            number = len(kept["rounds"])
            sides = {
                "ours": lambda n=number: ours(home / f"ours-{n}", files),
                "stock": lambda n=number: stock(home / f"stock-{n}", files),
            }
            done = {name: sides[name]() for name in (sorted(sides) if number % 2 == 0 else sorted(sides, reverse=True))}
            done["load"] = os.getloadavg()[0]
            kept["rounds"].append(done)
            out.write_text(json.dumps(kept, indent=1), encoding="utf-8")
            if kept["quality"] is None:
                kept["quality"] = quality(home / f"ours-{number}", home / f"stock-{number}", probes, home)
            out.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return summary(kept, size)


def summary(kept: Mapping[str, Any], size: int) -> dict[str, Any]:
    """Medians over the rounds; the ratio is the median of each round's own."""
    rounds = kept["rounds"]

    def side(name: str) -> dict[str, Any]:
        seconds = statistics.median(r[name]["seconds"] for r in rounds)
        return {
            "seconds": round(seconds, 1),
            "megabytes_per_second": round(size / 1e6 / seconds, 4),
            "chunks": rounds[-1][name]["chunks"],
            "peak_mib": max(r[name]["peak_mib"] for r in rounds),
            "cpu_seconds": round(statistics.median(r[name]["cpu_seconds"] for r in rounds), 1),
        }

    busy = [r["stock"]["cpu_seconds"] / r["ours"]["cpu_seconds"] for r in rounds]
    ratios = [r["stock"]["seconds"] / r["ours"]["seconds"] for r in rounds]
    return {
        **kept["setting"],
        "text_megabytes": round(size / 1e6, 2),
        "rounds": len(rounds),
        "ours": side("ours"),
        "stock": side("stock"),
        "times_faster": round(statistics.median(ratios), 2),
        "times_faster_by_round": [round(ratio, 2) for ratio in ratios],
        "times_less_processor_time": round(statistics.median(busy), 2),
        "quality": kept["quality"],
    }


# -- the two sides ---------------------------------------------------------------------------------


def ours(home: Path, files: Path) -> dict[str, Any]:
    line = [sys.executable, "-m", "ingest", "--library", "rate", "--json", str(files)]
    said, spent = timed(line, environment(home))
    return {**spent, "chunks": sum(file["chunks"] for file in json.loads(said)["files"])}


def stock(target: Path, files: Path) -> dict[str, Any]:
    said, spent = timed([sys.executable, str(STOCK), "fill", str(files), str(target)], dict(os.environ))
    return {**spent, **json.loads(said.splitlines()[-1])}


def timed(line: Sequence[str], given: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Standard output of a process, and its `seconds` by the clock, `cpu_seconds` with those of its children, and
    `peak_mib`: the most resident memory that it, or one child, took."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        start = time.perf_counter()
        process = subprocess.Popen(line, stdout=out, stderr=subprocess.DEVNULL, env=dict(given))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if process.returncode:
            raise RuntimeError(f"{' '.join(line)} ended with {process.returncode}")
        out.seek(0)
        spent = {
            "seconds": seconds,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_mib": usage.ru_maxrss // 1024,
        }
        return out.read(), spent


if __name__ == "__main__":
    sys.exit(main())
