"""The bundled scorer and embedder against what people call: `python -m tests.benchmarks.rerank_speed [PART ...]`.

Quality first: with `--checkpoint` (the float32 weights that the bundled folder was made from), nDCG@10 and the top-5
overlap of int8 with float32 on the choosing sets; see rerank_quality.py.

`scorer`: seconds to score candidates as the app does, against CrossEncoder.predict with its defaults (float32, torch's
threads, batches of 32) on a model of the same layers, tokenizer and window. A passage past the window is windowed by
ours and cut by theirs, so that at 400 tokens ours reads more. `embedder`: the same for SentenceTransformer.encode.
`limit`: how near 20 passages of 200 tokens come to the arithmetic limit of the CPU; see cpu_limit.py.

Never a timed test: machines are noisy, so the two sides take turns, and what is reported is the ratio in this run.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Any

import click
import numpy as np
from tokenizers import Tokenizer

from app.providers.bundled_embedding import open_bundled_embedder
from app.providers.onnx_runtime import available_cpus
from app.providers.prepared import read_prepared
from app.providers.reranking.onnx_cross_encoder import OVERLAP, OnnxCrossEncoder, open_bundled
from app.settings import load_settings
from tests.benchmarks.rerank_numbers import Ratio, Sizes, alternate, best_of, cuts, windowed, work_of
from tests.benchmarks.speed import QUESTIONS
from tests.conftest import DATA, ROOT

PARTS = ("quality", "scorer", "embedder", "limit")
CANDIDATES = (20, 100)
LENGTHS = (100, 200, 400)
MIXED = (60, 350)  # tokens of the passages that people have; equal lengths spare a rival its padding
QUESTION = QUESTIONS[0]
EMBEDDED = 64
EMBEDDED_LENGTHS = (30, 220)
GOALS = {"20 x 200": 6.0, "embedder": 3.0}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--runs", default=5, show_default=True, help="Rounds of each cell.")
@click.option("--candidates", type=int, multiple=True, default=CANDIDATES, show_default=True, help="For the scorer.")
@click.option("--model", type=Path, default=ROOT / "app" / "models" / "reranker", help="A bundled folder.")
@click.option("--checkpoint", type=Path, help="Its float32 weights, as app.tuning.export.save wrote them.")
@click.option("--data", type=Path, default=DATA, help="The question sets, for the quality.")
@click.option("--questions", default=100, show_default=True, help="Questions of each set, for the quality.")
@click.option("--kept", type=Path, help="Folder in which the quality keeps its vectors for the next time.")
@click.option("--json", "as_json", is_flag=True)
def main(
    parts: tuple[str, ...],
    runs: int,
    candidates: tuple[int, ...],
    model: Path,
    checkpoint: Path | None,
    data: Path,
    questions: int,
    kept: Path | None,
    as_json: bool,
) -> None:
    """Measure the parts named, or all of them."""
    results: dict[str, Any] = {"cpus": available_cpus(), "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as scratch:
        measures: dict[str, Callable[[], object]] = {
            "quality": lambda: _quality(model, checkpoint, data, questions, kept or Path(scratch)),
            "scorer": lambda: scorer(model, checkpoint, Path(scratch) / "rival", candidates, runs),
            "embedder": lambda: embedder(runs),
            "limit": lambda: distance(model, runs),
        }
        for part in parts or PARTS:
            results[part] = measures[part]()
            _show(part, results, as_json)
    if as_json:
        print(json.dumps(results, indent=2))


def _quality(model: Path, checkpoint: Path | None, data: Path, questions: int, kept: Path) -> dict[str, Any]:
    if checkpoint is None or not data.is_dir():
        return {"not_measured": "needs --checkpoint and the question sets (--data)"}
    from tests.benchmarks.rerank_quality import quality

    return quality(model, checkpoint, data, questions, kept)


def scorer(
    model: Path, checkpoint: Path | None, folder: Path, candidates: Sequence[int], runs: int
) -> dict[str, object]:
    """Each cell of the grid, and whether the goal at 20 x 200 is met."""
    from tests.benchmarks.rerank_rivals import cross_encoder

    ours = open_bundled(model)
    window = ours.profile.id.window
    theirs = cross_encoder(folder, sizes_of(model), window, checkpoint)
    found: dict[str, object] = {"their_weights": "all-MiniLM-L6-v2" if checkpoint is None else checkpoint.name}
    cells = {f"{count} x {length}": [length] * count for length in LENGTHS for count in candidates}
    cells |= {f"{count} x {MIXED[0]}-{MIXED[1]}": _mixed(count, *MIXED) for count in candidates}
    for name, lengths in cells.items():
        found[name] = _rounded(_versus(ours, theirs, passages_of(model, lengths), runs), name)
    return found


def _versus(ours: OnnxCrossEncoder, theirs: Any, passages: Sequence[str], runs: int) -> Ratio:
    return alternate(
        lambda: ours.score(QUESTION, passages),
        lambda: theirs.predict([(QUESTION, passage) for passage in passages]),
        runs,
    )


def embedder(runs: int) -> dict[str, object]:
    """Passages of mixed length in one call, questions one at a time, and how near the vectors are to theirs."""
    from tests.benchmarks.rerank_rivals import embedder as rival

    ours, theirs = open_bundled_embedder(load_settings().models_dir), rival()
    passages = passages_of(ROOT / "app" / "models" / "reranker", _mixed(EMBEDDED, *EMBEDDED_LENGTHS))
    many = alternate(lambda: ours.embed_passages(passages), lambda: theirs.encode(passages), runs)
    a, b = iter(cycle(QUESTIONS)), iter(cycle(QUESTIONS))
    one = alternate(lambda: ours.embed_questions([next(a)]), lambda: theirs.encode(next(b)), 4 * runs)
    cosines = (ours.embed_passages(passages) * theirs.encode(passages, normalize_embeddings=True)).sum(axis=1)
    return {
        f"{EMBEDDED} passages": _rounded(many, "embedder"),
        "one question": _rounded(one, "embedder"),
        "cosine_with_theirs": {"mean": round(float(cosines.mean()), 4), "least": round(float(cosines.min()), 4)},
    }


def distance(model: Path, runs: int) -> dict[str, object]:
    """From the arithmetic limit, at 20 x 200: the best of the runs, as the peaks are the best of theirs."""
    from tests.benchmarks.cpu_limit import limit

    ours, passages = open_bundled(model), passages_of(model, [200] * 20)
    seconds = best_of(lambda: ours.score(QUESTION, passages), 2 * runs)
    lengths = read_lengths(_tokenizer(model), QUESTION, passages, ours.profile.id.window)
    figures = limit(work_of(lengths, sizes_of(model)), round(sum(lengths) / len(lengths)), seconds, sizes_of(model))
    return {"seconds": round(seconds, 4), **figures}


def _mixed(count: int, shortest: int, longest: int) -> list[int]:
    return [int(n) for n in np.random.default_rng(7).integers(shortest, longest + 1, count)]


def read_lengths(tokenizer: Tokenizer, question: str, passages: Sequence[str], window: int) -> list[int]:
    """Tokens of every window that the scorer reads, special ones included."""
    asked = len(tokenizer.encode(question, add_special_tokens=False).ids)
    special = tokenizer.num_special_tokens_to_add(True)
    read = [len(e.ids) for e in tokenizer.encode_batch(list(passages), add_special_tokens=False)]
    room = window - special - asked
    return [asked + special + part for n in read for part in windowed(n, room, OVERLAP)]


def passages_of(model: Path, lengths: Sequence[int]) -> list[str]:
    """The handbook's text in passages of exactly so many tokens."""
    text = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))
    read = _tokenizer(model).encode(text, add_special_tokens=False)
    numbered = {n: iter(cuts(read.word_ids, n, lengths.count(n))) for n in set(lengths)}
    return [text[read.offsets[a][0] : read.offsets[b - 1][1]] for a, b in (next(numbered[n]) for n in lengths)]


def sizes_of(model: Path) -> Sizes:
    """The encoder's sizes, from the folder's manifest."""
    return Sizes(layers=int(str(read_prepared(model).facts["layers"])))


def _tokenizer(model: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _rounded(found: Ratio, goal: str) -> dict[str, object]:
    figures: dict[str, object] = {name: round(value, 4) for name, value in asdict(found).items()}
    return figures | ({"goal": GOALS[goal], "goal_met": found.times >= GOALS[goal]} if goal in GOALS else {})


def _show(part: str, results: dict[str, Any], as_json: bool) -> None:
    if not as_json:
        print(f"{part}: {json.dumps(results[part], indent=2)}", flush=True)


if __name__ == "__main__":
    main()
