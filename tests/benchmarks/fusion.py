"""Ways to merge the two legs: `python -m tests.benchmarks.fusion [--questions N] [--set NAME ...] [--json]`.

Dense alone, BM25 alone, reciprocal rank fusion (k = 60) and the weighted sum that `app.stages.retrieve` ships, over the
same libraries and the same depth. Only sets that are for choosing take part: the held-out documents of the training
sets, articles A to M of dev_squad2, and dev_tatqa. The weighted sum was chosen on them too, so what is printed is the
reason for the choice and not an unseen test of it. Libraries are those of `python -m app.tuning.calibrate_shipped`,
filled by `python -m ingest` below SLUICE_HOME.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from ir_measures import R, nDCG

from app.errors import SluiceError
from app.library import open_reader
from app.ports import Embedder, LibraryReader, Vectors
from app.providers.embedding import open_embedder
from app.settings import Settings, load_settings
from app.stages.retrieve import MIN_DEPTH, retrieve
from app.tuning.calibration_observe import condition, fill_library
from app.tuning.calibration_sets import (
    ABSTENTION,
    FITTED,
    MEASURED,
    Ask,
    LibraryPlan,
    plan_abstention,
    plan_fitted,
    plan_measured,
)
from app.tuning.sources import read_set
from tests.benchmarks.datasets import DATA
from tests.benchmarks.quality_numbers import Interval, difference, distinct

RRF_K = 60
CANDIDATES = 20
ARMS = ("dense", "lexical", "rrf", "weighted")
MEASURES = {"nDCG@10": nDCG @ 10, "recall@20": R @ CANDIDATES}
Values = dict[str, dict[str, float]]  # measure -> question -> value


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=100, help="a seeded sample of so many a set (100)")
    parser.add_argument("--set", dest="sets", action="append", help="default: every set that is for choosing")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not here: this benchmark reads the question sets from it.")
    try:
        settings = load_settings()
        embedder = open_embedder(settings)
        chosen = [plan for plan in plans(DATA, given.questions) if not given.sets or plan.name in given.sets]
        measured = {plan.name: run(plan, settings, embedder) for plan in chosen}
    except SluiceError as error:
        sys.exit(f"{error.message}\n{error.hint}")
    if not measured:
        sys.exit(f"No such set: {', '.join(given.sets)}. There are {', '.join((*FITTED, ABSTENTION, MEASURED))}.")
    result = report(measured)
    print(json.dumps({"schema": 1, **result}, indent=1) if given.json else as_text(result))


def plans(data: Path, questions: int) -> list[LibraryPlan]:
    """Every library with its answerable questions, at most `questions` each."""
    tatqa = read_set(data / MEASURED)
    return [
        *plan_fitted([read_set(data / name) for name in FITTED], questions=questions, off_topic=0),
        plan_abstention(read_set(data / ABSTENTION), questions=questions),
        plan_measured(tatqa, questions=questions, within_group=True),
        plan_measured(tatqa, questions=questions, within_group=False),
    ]


def run(plan: LibraryPlan, settings: Settings, embedder: Embedder) -> dict[str, Values]:
    """Both measures of each arm, by question. A question whose passage was left out takes no part."""
    name = fill_library(plan, settings.sluice_home / "calibration", lambda text: print(text, file=sys.stderr))
    rows = {passage.id: row for row, passage in enumerate(plan.passages, 1)}
    passage_of = {row: passage for passage, row in rows.items()}
    asks = [ask for ask in plan.asks if ask.kind == "answerable" and ask.relevant & rows.keys()]
    ranked: dict[str, dict[str, list[str]]] = {arm: {} for arm in ARMS}
    reader = open_reader(settings.libraries_dir, name, embedder_id=embedder.id)
    try:
        vectors = embedder.embed_questions([ask.text for ask in asks])
        for ask, vector in zip(asks, vectors, strict=True):
            for arm, ids in merged(ask, vector, reader, rows).items():
                chunks = reader.chunks(ids)
                ranked[arm][ask.id] = distinct(passage_of[int(str(chunks[i].metadata["row"]))] for i in ids)
    finally:
        reader.close()
    relevant = {ask.id: ask.relevant & rows.keys() for ask in asks}
    return {arm: measure(relevant, ranked[arm]) for arm in ARMS}


def merged(ask: Ask, vector: Vectors, reader: LibraryReader, rows: Mapping[str, int]) -> dict[str, list[str]]:
    """The 20 chunk ids of each arm, best first; the weighted sum is what `retrieve` answers."""
    where = condition(ask, rows)
    deep = {
        mode: [c.chunk.id for c in retrieve(ask.text, vector, reader, mode=mode, k=MIN_DEPTH, where=where).candidates]
        for mode in ("dense", "lexical")
    }
    shipped = retrieve(ask.text, vector, reader, k=CANDIDATES, where=where)
    return {
        "dense": deep["dense"][:CANDIDATES],
        "lexical": deep["lexical"][:CANDIDATES],
        "rrf": reciprocal_ranks(deep.values())[:CANDIDATES],
        "weighted": [c.chunk.id for c in shipped.candidates],
    }


def reciprocal_ranks(legs: Iterable[Sequence[str]], *, k: int = RRF_K) -> list[str]:
    """Ids by the sum of 1 / (k + rank) over the legs (Cormack, Clarke, Buettcher, SIGIR 2009); ties by best rank, id.

    >>> reciprocal_ranks([["a", "b"], ["b"]])
    ['b', 'a']
    """
    totals: dict[str, float] = {}
    best: dict[str, int] = {}
    for leg in legs:
        for rank, i in enumerate(leg, 1):
            totals[i] = totals.get(i, 0.0) + 1 / (k + rank)
            best[i] = min(rank, best.get(i, rank))
    return sorted(totals, key=lambda i: (-totals[i], best[i], i))


def measure(relevant: Mapping[str, Iterable[str]], ranked: Mapping[str, Sequence[str]]) -> Values:
    """nDCG@10 and recall@20 of each question, over passages."""
    qrels = [ir_measures.Qrel(i, passage, 1) for i, passages in relevant.items() for passage in passages]
    found = [
        ir_measures.ScoredDoc(i, passage, 1.0 / rank)
        for i, passages in ranked.items()
        for rank, passage in enumerate(passages, 1)
    ]
    values: Values = {name: dict.fromkeys(relevant, 0.0) for name in MEASURES}
    names = {measure: name for name, measure in MEASURES.items()}
    for metric in ir_measures.iter_calc(list(MEASURES.values()), qrels, found):
        values[names[metric.measure]][metric.query_id] = metric.value
    return values


def report(measured: Mapping[str, Mapping[str, Values]]) -> dict[str, Any]:
    """Means by set and arm, weighted - rrf with its interval by set, and the same over all sets, which weigh alike."""
    sets: dict[str, Any] = {
        name: {
            "questions": len(arms["rrf"]["nDCG@10"]),
            "arms": {arm: {m: float(np.mean([*arms[arm][m].values()])) for m in MEASURES} for arm in ARMS},
            "weighted - rrf": {m: difference(arms["weighted"][m], arms["rrf"][m]) for m in MEASURES},
        }
        for name, arms in measured.items()
    }
    overall: dict[str, Any] = {
        "arms": {arm: {m: float(np.mean([s["arms"][arm][m] for s in sets.values()])) for m in MEASURES} for arm in ARMS}
    }
    overall["weighted - rrf"] = {
        m: stratified(
            [[a["weighted"][m][i] - a["rrf"][m][i] for i in a["rrf"][m]] for a in measured.values() if a["rrf"][m]]
        )
        for m in MEASURES
    }
    return {"sets": sets, "mean": overall}


def stratified(groups: Sequence[Sequence[float]], *, seed: int = 7, rounds: int = 2000) -> Interval | None:
    """The mean of the groups' means with its 95 % percentile interval, questions drawn again within each group."""
    if not groups:
        return None
    generator = np.random.default_rng(seed)
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    drawn = np.mean([a[generator.integers(len(a), size=(rounds, len(a)))].mean(axis=1) for a in arrays], axis=0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(np.mean([a.mean() for a in arrays])), float(low), float(high)


def as_text(result: Mapping[str, Any]) -> str:
    """Tables for people, one a measure."""
    lines = []
    for name in MEASURES:
        heads = "".join(f"{arm:>10}" for arm in ARMS)
        lines.append(f"{name:<28}{'questions':>9}{heads}   weighted - rrf")
        for title, numbers in (*result["sets"].items(), ("mean over sets", result["mean"])):
            means = "".join(f"{numbers['arms'][arm][name]:>10.3f}" for arm in ARMS)
            gain = numbers["weighted - rrf"][name]
            count = numbers.get("questions", "")
            lines.append(f"{title:<28}{count:>9}{means}   {gain[0]:+.3f} [{gain[1]:+.3f}, {gain[2]:+.3f}]")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
