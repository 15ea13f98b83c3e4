"""Our ingest against the stock path on the same files, in one run: `python -m tests.benchmarks.ingest_rate`.

    python -m tests.benchmarks.ingest_rate [--megabytes 2] [--rounds 3] [--questions 1000] [--out FILE]

The files are the articles A to M of dev_squad2 (one a file, for the questions) and documentation in Markdown, up to so
many megabytes. Both sides are whole processes with their start-up, alternating; each round is written to --out as it
ends, and a run that is called again goes on after the rounds that are there. Reported: megabytes of text per second,
the ratio within each round, the same of processor time (on a machine that others use it says more), peak memory, and
nDCG@10 of the same questions against both libraries. An answer counts as found by a chunk that holds it with the words
around it, so that it does not matter how either side cuts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any

from app.library import open_reader
from app.providers.embedding import open_embedder
from app.settings import load_settings
from app.stages.retrieve import retrieve
from app.tuning.calibration_sets import is_choosing_half
from tests.benchmarks.datasets import DATA
from tests.conftest import environment, models_dir

STOCK = Path(__file__).with_name("stock_ingest.py")
DEPTH = 10
_AROUND = 3  # words on either side of an answer that a chunk must hold with it


@dataclass(frozen=True, slots=True)
class Probe:
    """A question, and the words that a chunk must hold to answer it: the answer with its neighbours, normalised."""

    id: str
    text: str
    evidence: str


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("ingest_rate.json"))
    given = parser.parse_args(arguments)
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not here: this benchmark reads its files from it.")
    print(json.dumps(measure(given.megabytes, given.rounds, given.questions, given.out), indent=2))
    return 0


def measure(megabytes: float, rounds: int, questions: int, out: Path, data: Path = DATA) -> dict[str, Any]:
    """Run the rounds that `out` lacks and return the summary of all of them."""
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


# -- the files and the questions -------------------------------------------------------------------


def write_corpus(folder: Path, data: Path, most: int, questions: int) -> list[Probe]:
    """Articles and documentation below `folder`, about `most` bytes, and a seeded sample of the articles' questions."""
    rows = [row for row in _lines(data / "dev_squad2" / "corpus.jsonl") if is_choosing_half(str(row["title"]))]
    articles: dict[str, list[str]] = {}
    for row in rows:
        articles.setdefault(row["title"], []).append(row["text"])
    size = 0
    for title, paragraphs in articles.items():
        if size > most:
            break
        text = f"# {title}\n\n" + "\n\n".join(paragraphs) + "\n"
        size += _write(folder / "articles" / f"{re.sub(r'[^A-Za-z0-9]+', '-', title)}.md", text)
    pages = [
        *sorted((data / "raw" / "md_haystack").rglob("*.md*")),
        *sorted((data / "raw" / "md_litellm").rglob("*.md")),
    ]
    for page in pages:
        if size > most:
            break
        size += _write(folder / "pages" / page.relative_to(data / "raw"), page.read_text(encoding="utf-8"))
    written = {p.stem for p in (folder / "articles").glob("*.md")}
    of = {row["id"]: row["text"] for row in rows if re.sub(r"[^A-Za-z0-9]+", "-", row["title"]) in written}
    gold = _gold(data / "dev_squad2" / "qrels.tsv")
    probes = [
        probe
        for query in _lines(data / "dev_squad2" / "queries.jsonl")
        if query["answerable"] and gold.get(query["id"]) in of and (probe := _probe(query, of[gold[query["id"]]]))
    ]
    return probes if len(probes) <= questions else random.Random(7).sample(probes, questions)


def _probe(query: Mapping[str, Any], passage: str) -> Probe | None:
    words = normal(passage).split()
    for answer in sorted(query["answers"], key=len, reverse=True):
        wanted = normal(answer).split()
        for at in range(len(words) - len(wanted) + 1):
            if wanted and words[at : at + len(wanted)] == wanted:
                start, end = max(0, at - _AROUND), at + len(wanted) + _AROUND
                return Probe(query["id"], query["text"], " ".join(words[start:end]))
    return None


def normal(text: str) -> str:
    """Letters and figures in lower case, one blank between words."""
    return " ".join(re.findall(r"\w+", text.lower()))


def _write(path: Path, text: str) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_bytes(text.encode("utf-8"))


def _gold(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8") as lines:
        next(lines)
        return {line.split("\t")[0]: line.split("\t")[1] for line in lines}


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


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


def quality(ours_home: Path, stock_target: Path, probes: Sequence[Probe], home: Path) -> dict[str, Any]:
    """nDCG@10 of each side: dense against dense, and ours as it searches by default."""
    asked, found = home / "asked.jsonl", home / "found.json"
    asked.write_text("".join(json.dumps({"id": p.id, "text": p.text}) + "\n" for p in probes), encoding="utf-8")
    subprocess.run([sys.executable, str(STOCK), "ask", str(stock_target), str(asked), str(found)], check=True)
    settings = load_settings(sluice_home=ours_home, sluice_models=models_dir(), library="rate")
    embedder = open_embedder(settings)
    reader = open_reader(settings.libraries_dir, "rate", embedder_id=embedder.id)
    texts: dict[str, dict[str, list[str]]] = {"stock": json.loads(found.read_text(encoding="utf-8"))}
    for mode in ("dense", "hybrid"):
        texts[mode] = {}
        for probe in probes:
            vector = embedder.embed_questions([probe.text])[0]
            result = retrieve(probe.text, vector, reader, mode=mode, k=DEPTH)  # type: ignore[arg-type]
            texts[mode][probe.id] = [candidate.chunk.text for candidate in result.candidates]
    reader.close()
    scores = {side: [gain(by_id[p.id], p.evidence) for p in probes] for side, by_id in texts.items()}
    return {
        "questions": len(probes),
        **{f"ndcg10_{side}": round(statistics.fmean(values), 4) for side, values in scores.items()},
        **{f"dense_minus_stock_95_{end}": value for end, value in _interval(scores["dense"], scores["stock"]).items()},
    }


def gain(texts: Sequence[str], evidence: str) -> float:
    """nDCG with one right answer: 1/log2(1 + rank) of the first chunk that holds the evidence, 0 below."""
    for rank, text in enumerate(texts[:DEPTH], 1):
        if evidence in normal(text):
            return 1 / log2(1 + rank)
    return 0.0


def _interval(a: Sequence[float], b: Sequence[float]) -> dict[str, float]:
    """Paired bootstrap of the mean difference, 1,000 draws."""
    differences = [x - y for x, y in zip(a, b, strict=True)]
    draw = random.Random(7)
    means = sorted(statistics.fmean(draw.choices(differences, k=len(differences))) for _ in range(1000))
    return {"low": round(means[25], 4), "high": round(means[974], 4)}


if __name__ == "__main__":
    sys.exit(main())
