"""How memory and time grow with a library: `python -m tests.benchmarks.scale [memory] [query] [--sizes 1000,10000]`.

    python -m tests.benchmarks.scale memory --sizes 1000,10000,100000
    python -m tests.benchmarks.scale query --sizes 10000,100000,1000000

`memory`: the peak resident memory of a whole ingest of so many chunks, by the real process's own run. Up to
--embed-up-to chunks are embedded by the bundled model; above that vectors are drawn, so that hours of embedding are not
part of it: the model takes the same memory either way. `query`: a library of so many chunks is filled through the
writer, and 200 real questions are asked of it: milliseconds (p50, p95; by the clock, and of processor time, which says
more on a machine that others use) of the dense leg, the lexical leg and both merged, recall at 10 and 20 against exact
search over every vector, and how the times grow from one size to the next (exponent: 1 is in proportion).

Vectors are those of real passages, moved by the difference of two others: such steps stay where text lies, whereas
isotropic noise does not, and an index is a third as good at it. Texts mix the words of two passages. Every size is
kept in --work when it is done, and a run that is called again goes on after it; each library is removed unless --keep.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from math import log
from pathlib import Path
from typing import Any

import numpy as np

from app.domain import Chunk, Document
from app.library import exact, open_reader, open_writer
from app.library.catalogue import connect
from app.library.filters import select_rows
from app.library.places import places
from app.ports import Embedder, Vectors
from app.providers.bundled_embedding import open_bundled_embedder
from app.stages.retrieve import retrieve
from tests.benchmarks.datasets import DATA
from tests.benchmarks.ingest_rate import timed
from tests.conftest import environment, models_dir

SEEDS = 1500  # real passages that all others are made from
QUESTIONS = 200
STEP = 0.35  # of the difference of two real vectors: cosine about .9 to the vector it starts from
_A_DOCUMENT = 50  # chunks
_PUBLISH = 10_000  # documents: what a run that is killed goes on from; each time the index is built anew
_DRAWN = "drawn/real-vectors-moved/1/float32"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["memory", "query", "fill", []], help="default: both")
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--work", type=Path, default=Path(".sluice/scale"))
    parser.add_argument("--embed-up-to", type=int, default=1000)
    parser.add_argument("--keep", action="store_true", help="keep the libraries")
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--files", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.parts == ["fill"]:
        print(json.dumps(fill_drawn(given.home, given.files, given.work)))
        return 0
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not here: this benchmark takes its passages from it.")
    sizes = [int(size) for size in given.sizes.split(",")]
    for part in given.parts or ["memory", "query"]:
        print(json.dumps(measure(part, sizes, given.work, given.embed_up_to, keep=given.keep), indent=2))
    return 0


def measure(part: str, sizes: Sequence[int], work: Path, embed_up_to: int, *, keep: bool) -> dict[str, Any]:
    """Measure the sizes that are not there yet; everything known of this part, by size."""
    work.mkdir(parents=True, exist_ok=True)
    file = work / f"{part}.json"
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for size in sizes:
        if str(size) in known:
            continue
        home = work / f"{part}-{size}"
        known[str(size)] = (
            ingest_memory(home, work, size, embed=size <= embed_up_to) if part == "memory" else ask(home, work, size)
        )
        file.write_text(json.dumps(known, indent=1), encoding="utf-8")
        if not keep:
            shutil.rmtree(home, ignore_errors=True)
    return {**known, "growth": growth(known)} if part == "query" else known


def growth(known: dict[str, Any]) -> dict[str, float]:
    """The exponent of each leg's p50 between neighbouring sizes: time grows as size to the power of it. Of processor
    time: on a machine that others use, the clock runs while a search waits its turn."""
    sizes = sorted(map(int, known))
    return {
        f"{leg} {a:,} to {b:,}": round(
            log(known[str(b)][leg]["cpu_p50_ms"] / known[str(a)][leg]["cpu_p50_ms"]) / log(b / a), 2
        )
        for a, b in zip(sizes, sizes[1:], strict=False)
        for leg in ("dense", "lexical", "hybrid")
    }


# -- what libraries are made from --------------------------------------------------------------------


class Seeds:
    """Real passages with their vectors, and as many others made from them as asked for."""

    def __init__(self, work: Path, count: int = SEEDS) -> None:
        self.texts = _texts("dev_squad2", count // 2) + _texts("dev_tatqa", count - count // 2)
        file = work / f"seeds-{count}.npy"
        if not file.exists():
            embedder = open_bundled_embedder(models_dir())
            asked = _texts("dev_squad2", QUESTIONS, file="queries.jsonl")
            np.save(file, np.concatenate([embedder.embed_passages(self.texts), embedder.embed_questions(asked)]))
        found = np.load(file)
        self.vectors: Vectors = found[: len(self.texts)]
        self.asked = list(
            zip(_texts("dev_squad2", QUESTIONS, file="queries.jsonl"), found[len(self.texts) :], strict=True)
        )

    def moved(self, count: int, draw: np.random.Generator) -> Vectors:
        """Vectors of length 1 where text lies, shape (count, dimension)."""
        at, towards, away = draw.integers(len(self.vectors), size=(3, count))
        return exact.unit(self.vectors[at] + STEP * (self.vectors[towards] - self.vectors[away]))

    def text(self, draw: np.random.Generator) -> str:
        """The first words of one passage and the last of another."""
        first, last = (self.texts[int(n)].split() for n in draw.integers(len(self.texts), size=2))
        return " ".join([*first[: len(first) // 2], *last[len(last) // 2 :]])


def _texts(folder: str, count: int, *, file: str = "corpus.jsonl") -> list[str]:
    with (DATA / folder / file).open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for _, line in zip(range(count), lines, strict=False)]


# -- memory ------------------------------------------------------------------------------------------


class DrawnEmbedder:
    """Stands in for the model where embedding a hundred thousand passages is not what is measured."""

    id = _DRAWN
    max_tokens = 254

    def __init__(self, seeds: Seeds, counts: Embedder) -> None:
        self._seeds = seeds
        self._draw = np.random.default_rng(7)
        self.count_tokens = counts.count_tokens
        self.dimension = seeds.vectors.shape[1]

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return self._seeds.moved(len(texts), self._draw)

    embed_passages = embed_questions


def ingest_memory(home: Path, work: Path, size: int, *, embed: bool) -> dict[str, Any]:
    files = home / "files"
    if not files.exists():
        write_files(files, Seeds(work), size)
    line = [sys.executable, "-m", "tests.benchmarks.scale", "fill", "--home", str(home), "--files", str(files)]
    line = [*line, "--work", str(work)] if not embed else [sys.executable, "-m", "ingest", "--json", str(files)]
    said, spent = timed(line, environment(home))
    report = json.loads(said)
    chunks = report["chunks"] if not embed else sum(file["chunks"] for file in report["files"])
    return {
        "chunks": chunks, "embedded": "bundled model" if embed else "drawn", "peak_mib": spent["peak_mib"],
        "seconds": round(spent["seconds"], 1), "cpu_seconds": round(spent["cpu_seconds"], 1),
        "parser_peak_mib": report.get("parser_peak_mib"),
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def write_files(folder: Path, seeds: Seeds, size: int) -> None:
    """Markdown files of fifty paragraphs under ten headings, one chunk or so a paragraph."""
    draw = np.random.default_rng(3)
    for number in range(-(-size // _A_DOCUMENT)):
        path = folder / f"{number // 500:03}" / f"{number:06}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [f"{'## Part ' + str(n // 5) if n % 5 == 0 else ''}\n\n{seeds.text(draw)}" for n in range(_A_DOCUMENT)]
        path.write_text(f"# Document {number}\n\n" + "\n\n".join(parts) + "\n", encoding="utf-8")


def fill_drawn(home: Path, files: Path, work: Path) -> dict[str, Any]:
    """An ingest in this process with drawn vectors: everything of a run but the model's own work."""
    from ingest.progress import LineProgress
    from ingest.run import Ingest
    from ingest.walk import find

    embedder = DrawnEmbedder(Seeds(work), open_bundled_embedder(models_dir()))
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        writer = open_writer(home / "libraries", "scale", embedder_id=_DRAWN, dimension=embedder.dimension, chunker="x")
        try:
            report = Ingest(writer, embedder, LineProgress(nowhere)).run(find([str(files)], home=home))
        finally:
            writer.close()
    return {
        "chunks": sum(file.chunks for file in report.files),
        "parser_peak_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }


# -- questions ---------------------------------------------------------------------------------------


def ask(home: Path, work: Path, size: int) -> dict[str, Any]:
    seeds = Seeds(work)
    filled = fill(home, seeds, size)
    opened = time.perf_counter()
    reader = open_reader(home, "scale", embedder_id=_DRAWN)
    reader.dense(seeds.asked[0][1], 20, ())
    first = time.perf_counter() - opened
    legs: dict[str, Callable[[str, Vectors], object]] = {
        "dense": lambda _, vector: reader.dense(vector, 50, ()),
        "lexical": lambda text, _: reader.lexical(text, 50, ()),
        "hybrid": lambda text, vector: retrieve(text, vector, reader, k=20),
    }
    result: dict[str, Any] = {**filled, "first_question_s": round(first, 2)}
    for leg, search in legs.items():
        waited, worked = [], []
        for text, vector in seeds.asked:
            start, busy = time.perf_counter(), time.process_time()
            search(text, vector)
            waited.append((time.perf_counter() - start) * 1000)
            worked.append((time.process_time() - busy) * 1000)
        result[leg] = {**_quantiles("", waited), **_quantiles("cpu_", worked)}
    vectors = np.stack([vector for _, vector in seeds.asked])
    found = [[i for i, _ in reader.dense(vector, 20, ())] for vector in vectors]
    best = exact_best(home, vectors, 20)
    ids = _ids(home, {row for rows in best for row in rows})
    for depth in (10, 20):
        shares = [len({ids[r] for r in b[:depth]} & set(f[:depth])) / depth for f, b in zip(found, best, strict=True)]
        result[f"recall_at_{depth}"] = round(statistics.fmean(shares), 4)
    reader.close()
    result["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    result["load"] = round(os.getloadavg()[0], 1)
    return result


def _quantiles(name: str, spent: Sequence[float]) -> dict[str, float]:
    ordered = sorted(spent)
    return {
        f"{name}p50_ms": round(statistics.median(ordered), 2),
        f"{name}p95_ms": round(ordered[int(0.95 * len(ordered))], 2),
    }


def fill(home: Path, seeds: Seeds, size: int) -> dict[str, Any]:
    """The library of so many chunks, through the one door; goes on where an earlier call was cut off."""
    start, busy = time.perf_counter(), time.process_time()
    writer = open_writer(home, "scale", embedder_id=_DRAWN, dimension=seeds.vectors.shape[1], chunker="x")
    try:
        there = writer.info.documents
        for number, (document, chunks, vectors) in enumerate(_documents(seeds, size)):
            if number < there:
                continue
            writer.replace(document, chunks, vectors, "x")
            if number % _PUBLISH == _PUBLISH - 1 and (number + 1) * _A_DOCUMENT < size:
                writer.publish()
        written, worked = time.perf_counter(), time.process_time()
        writer.publish()
        done = time.perf_counter()
    finally:
        writer.close()
    on_disk = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    return {
        "chunks": writer.info.chunks, "rows_s": round(written - start, 1), "publish_s": round(done - written, 1),
        "rows_cpu_s": round(worked - busy, 1), "publish_cpu_s": round(time.process_time() - worked, 1),
        "disk_mib": on_disk >> 20,
    }  # fmt: skip


def _documents(seeds: Seeds, size: int) -> Iterator[tuple[Document, list[Chunk], Vectors]]:
    for number in range(size // _A_DOCUMENT):
        draw = np.random.default_rng(number)
        name = f"d{number}"
        chunks = [
            Chunk(f"{name}-{n}", name, seeds.text(draw), f"Document {number}", n, 150, section=(f"Part {n // 5}",))
            for n in range(_A_DOCUMENT)
        ]
        yield Document(name, f"Document {number}", f"/{name}", "markdown", name), chunks, seeds.moved(_A_DOCUMENT, draw)


def exact_best(home: Path, questions: Vectors, k: int) -> list[list[int]]:
    """Rows of the k nearest of each question, over every vector of the catalogue, streamed."""
    connection = connect(places(home, "scale"))
    rows = select_rows(connection, _latest(home), ())
    best: list[exact.Hits] = [[] for _ in questions]
    for numbers, matrix in exact.batches(connection, rows, questions.shape[1]):
        for place, vector in enumerate(questions):
            best[place] = exact.merge(best[place], exact.nearest(numbers, matrix, vector, k), k)
    connection.close()
    return [[row for row, _ in hits] for hits in best]


def _latest(home: Path) -> int:
    connection = connect(places(home, "scale"))
    number: int = connection.execute("SELECT max(generation) FROM generations").fetchone()[0]
    connection.close()
    return number


def _ids(home: Path, rows: set[int]) -> dict[int, str]:
    connection = connect(places(home, "scale"))
    sql = "SELECT row, id FROM chunks WHERE row IN (SELECT value FROM json_each(?))"
    found = dict(connection.execute(sql, (json.dumps(sorted(rows)),)).fetchall())
    connection.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
