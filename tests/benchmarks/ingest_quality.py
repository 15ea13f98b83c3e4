"""Whether our ingest finds as much as the stock path: `python -m tests.benchmarks.ingest_quality [--questions 20000]`.

The articles of dev_squad2 A to M and those of train_squad11 that are held out from training, one a file, are read in by
both sides; every question with an answer in them is asked of both. Reported: nDCG@10 of what a user gets (ours searches
as it does by default, by words and meaning; the stock path by meaning), and of search by meaning alone on both sides,
each with the 95 % interval of the paired difference. An answer counts as found by a chunk that holds it with the words
around it, so that it does not matter how either side cuts.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any

import numpy as np

from app.library import open_reader
from app.providers.embedding import open_embedder
from app.settings import load_settings
from app.stages.retrieve import retrieve
from app.tuning.calibration_sets import is_choosing_half
from app.tuning.split import held_out
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
    parser.add_argument("--questions", type=int, default=20_000)
    given = parser.parse_args(arguments)
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not here: this benchmark reads its files from it.")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        probes = write_articles(home / "files", [*_choosing(DATA), *_held_out(DATA)], most=None)
        if len(probes) > given.questions:
            probes = random.Random(7).sample(probes, given.questions)
        line = [sys.executable, "-m", "ingest", "--library", "rate", str(home / "files")]
        subprocess.run(line, check=True, env=environment(home / "ours"), stdout=subprocess.DEVNULL)
        line = [sys.executable, str(STOCK), "fill", str(home / "files"), str(home / "stock")]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
        print(json.dumps(quality(home / "ours", home / "stock", probes, home), indent=2))
    return 0


# -- the files and the questions -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Article:
    """One article of a set, and the questions about it: (question, the paragraph that answers it)."""

    title: str
    paragraphs: tuple[str, ...]
    asked: tuple[tuple[Mapping[str, Any], str], ...]


def write_corpus(folder: Path, data: Path, most: int, questions: int) -> list[Probe]:
    """Articles of dev_squad2 A to M and documentation below `folder`, about `most` bytes, and a seeded sample of the
    articles' questions."""
    probes = write_articles(folder, _choosing(data), most=most)
    size = sum(path.stat().st_size for path in folder.rglob("*.md"))
    pages = [
        *sorted((data / "raw" / "md_haystack").rglob("*.md*")),
        *sorted((data / "raw" / "md_litellm").rglob("*.md")),
    ]
    for page in pages:
        if size > most:
            break
        size += _write(folder / "pages" / page.relative_to(data / "raw"), page.read_text(encoding="utf-8"))
    return probes if len(probes) <= questions else random.Random(7).sample(probes, questions)


def write_articles(folder: Path, articles: Iterable[_Article], *, most: int | None) -> list[Probe]:
    """One file an article, until there are `most` bytes (all of them when None); the probes of those written."""
    size, probes = 0, []
    for article in articles:
        if most is not None and size > most:
            break
        name = re.sub(r"[^A-Za-z0-9]+", "-", article.title)
        text = f"# {article.title}\n\n" + "\n\n".join(article.paragraphs) + "\n"
        size += _write(folder / "articles" / f"{name}.md", text)
        probes += [probe for query, passage in article.asked if (probe := _probe(query, passage)) is not None]
    return probes


def _choosing(data: Path) -> list[_Article]:
    folder = data / "dev_squad2"
    rows = [row for row in _lines(folder / "corpus.jsonl") if is_choosing_half(str(row["title"]))]
    return _articles(rows, _lines(folder / "queries.jsonl"), folder / "qrels.tsv")


def _held_out(data: Path) -> list[_Article]:
    folder = data / "train_squad11"
    rows = [row for row in _lines(folder / "corpus.jsonl.gz") if held_out(row)]
    return _articles(rows, _lines(folder / "queries.jsonl.gz"), folder / "qrels.tsv")


def _articles(rows: Sequence[Mapping[str, Any]], queries: Iterable[Mapping[str, Any]], judged: Path) -> list[_Article]:
    gold = _gold(judged)
    by_title: dict[str, list[str]] = {}
    title_of: dict[str, tuple[str, str]] = {}
    for row in rows:
        by_title.setdefault(row["title"], []).append(row["text"])
        title_of[row["id"]] = (row["title"], row["text"])
    asked: dict[str, list[tuple[Mapping[str, Any], str]]] = {}
    for query in queries:
        if query["answerable"] and (found := title_of.get(gold.get(query["id"], ""))) is not None:
            asked.setdefault(found[0], []).append((query, found[1]))
    return [_Article(title, tuple(texts), tuple(asked.get(title, ()))) for title, texts in by_title.items()]


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
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in data.decode("utf-8").split("\n") if line]


# -- asking both ------------------------------------------------------------------------------------


def quality(ours_home: Path, stock_target: Path, probes: Sequence[Probe], home: Path) -> dict[str, Any]:
    """nDCG@10 of each side: dense against dense, and ours as it searches by default."""
    asked, found = home / "asked.jsonl", home / "found.json"
    asked.write_text("".join(json.dumps({"id": p.id, "text": p.text}) + "\n" for p in probes), encoding="utf-8")
    subprocess.run([sys.executable, str(STOCK), "ask", str(stock_target), str(asked), str(found)], check=True)
    settings = load_settings(sluice_home=ours_home, sluice_models=models_dir(), library="rate")
    embedder = open_embedder(settings)
    reader = open_reader(settings.libraries_dir, "rate", embedder_id=embedder.id)
    texts: dict[str, dict[str, list[str]]] = {"stock": json.loads(found.read_text(encoding="utf-8"))}
    vectors = embedder.embed_questions([probe.text for probe in probes])
    for mode in ("dense", "hybrid"):
        texts[mode] = {}
        for probe, vector in zip(probes, vectors, strict=True):
            result = retrieve(probe.text, vector, reader, mode=mode, k=DEPTH)  # type: ignore[arg-type]
            texts[mode][probe.id] = [candidate.chunk.text for candidate in result.candidates]
    reader.close()
    scores = {side: [gain(by_id[p.id], p.evidence) for p in probes] for side, by_id in texts.items()}
    return {
        "questions": len(probes),
        **{f"ndcg10_{side}": round(statistics.fmean(values), 4) for side, values in scores.items()},
        "hybrid_minus_stock": _difference(scores["hybrid"], scores["stock"]),
        "dense_minus_stock": _difference(scores["dense"], scores["stock"]),
    }


def gain(texts: Sequence[str], evidence: str) -> float:
    """nDCG with one right answer: 1/log2(1 + rank) of the first chunk that holds the evidence, 0 below."""
    for rank, text in enumerate(texts[:DEPTH], 1):
        if evidence in normal(text):
            return 1 / log2(1 + rank)
    return 0.0


def _difference(a: Sequence[float], b: Sequence[float]) -> dict[str, float]:
    """The mean of the paired differences and its 95 % interval: bootstrap, 2,000 draws."""
    differences = np.asarray(a) - np.asarray(b)
    draw = np.random.default_rng(7)
    means = np.sort([differences[draw.integers(0, len(differences), len(differences))].mean() for _ in range(2000)])
    return {
        "mean": round(float(differences.mean()), 4),
        "low": round(float(means[50]), 4),
        "high": round(float(means[1949]), 4),
    }


if __name__ == "__main__":
    sys.exit(main())
