"""Whether small-to-big pays: `python -m tests.benchmarks.small_to_big [--megabytes 0.4] [--questions 500]`.

The articles A to M of dev_squad2, one a file, are cut twice: as usual, and into chunks of half the size. The first five
chunks that hybrid search finds are sent, alone or with their sections, within budgets of 1,200, 2,400 and 4,800 tokens.
Reported for each: the share of questions whose answer, with the words around it, is in what is sent, and the tokens
that takes. Each way of cutting is written to --out as it is done, and a run that is called again with
the same sizes goes on after it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.domain import Decision, DecisionKind, GatePolicy, GateResult, Retrieved, Scored
from app.library import open_reader
from app.ports import LibraryReader, Vectors
from app.providers.bundled_embedding import open_bundled_embedder
from app.stages.context import build_context, render
from app.stages.parents import REACH
from app.stages.retrieve import retrieve
from tests.benchmarks.datasets import DATA
from tests.benchmarks.ingest_quality import Probe, normal, write_corpus
from tests.conftest import environment, models_dir

CUTTINGS = ("auto", "auto:110")
BUDGETS = (1200, 2400, 4800)
PARENTS = (0, 800, 1600)
SENT = 5


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=0.4)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path(".sluice/small_to_big.json"))
    given = parser.parse_args(arguments)
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not here: this benchmark reads its files from it.")
    print(json.dumps(measure(given.megabytes, given.questions, given.out), indent=2))
    return 0


def measure(megabytes: float, questions: int, out: Path, data: Path = DATA) -> dict[str, Any]:
    setting = {"megabytes": megabytes, "questions": questions}
    kept = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    known: dict[str, Any] = kept if kept.get("setting") == setting else {"setting": setting}
    out.parent.mkdir(parents=True, exist_ok=True)
    for cutting in CUTTINGS:
        if cutting in known:
            continue
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            probes = write_corpus(home / "files", data, int(megabytes * 1_000_000), questions)
            line = [sys.executable, "-m", "ingest", "--library", "parents", "--chunking", cutting, str(home / "files")]
            subprocess.run(line, env=environment(home), check=True, capture_output=True)
            known[cutting] = ways(home / "libraries", probes)
        out.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return known


def ways(libraries: Path, probes: Sequence[Probe]) -> dict[str, Any]:
    embedder = open_bundled_embedder(models_dir())
    reader = open_reader(libraries, "parents", embedder_id=embedder.id)
    vectors = embedder.embed_questions([probe.text for probe in probes])
    found = [first(probe.text, vector, reader) for probe, vector in zip(probes, vectors, strict=True)]
    told: dict[str, Any] = {"chunks": reader.info.chunks, "questions": len(probes)}
    for budget in BUDGETS:
        for parent in PARENTS:
            seen = [sent(gate, reader, budget, parent) for gate in found]
            held = [probe.evidence in normal(text) for probe, (text, _) in zip(probes, seen, strict=True)]
            name = f"budget {budget}, " + (f"parents of {parent}" if parent else "alone")
            told[name] = {
                "answer_sent": round(statistics.fmean(held), 4),
                "tokens": round(statistics.fmean(tokens for _, tokens in seen)),
            }
    reader.close()
    return told


def first(question: str, vector: Vectors, reader: LibraryReader) -> GateResult:
    """The first candidates, all let through."""
    found: Retrieved = retrieve(question, vector, reader, k=SENT)
    decisions = tuple(
        Decision(Scored(candidate, rank, None, None), DecisionKind.KEPT_BY_RANK, "")
        for rank, candidate in enumerate(found.candidates, 1)
    )
    return GateResult(decisions, GatePolicy(), None, "admitted", changed_order=False)


def sent(gate: GateResult, reader: LibraryReader, budget: int, parent: int) -> tuple[str, int]:
    context = build_context(
        gate,
        budget=budget,
        window=budget,
        window_known=True,
        around=lambda chunk_id: reader.around(chunk_id, REACH),
        parent_tokens=parent,
    )
    return render(context), context.tokens


if __name__ == "__main__":
    sys.exit(main())
