"""How well an arm ranks: nDCG, MRR, precision and recall by question, through ir-measures (trec_eval), and the ceiling.

Grades are gains as trec_eval takes them (linear, discounted by log2 of the rank + 1; Järvelin and Kekäläinen 2002);
any grade of 1 or more is relevant to the others. Relevant passages that retrieval missed count in the ideal and below
the fraction bar, so no reranking can hide them. P@k divides by k also where fewer passages were found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import ir_measures
import numpy as np
from ir_measures import RR, P, R, nDCG

from app.evaluation.intervals import Estimate, mean_interval
from app.evaluation.records import QuestionRecord

PerQuestion = dict[str, float]  # question id -> measure

_MEASURES = {
    "nDCG@3": nDCG @ 3,
    "nDCG@5": nDCG @ 5,
    "nDCG@10": nDCG @ 10,
    "MRR@10": RR @ 10,
    "P@1": P @ 1,
    "P@3": P @ 3,
    "P@5": P @ 5,
    "Recall@5": R @ 5,
    "Recall@20": R @ 20,
    "Recall@50": R @ 50,
}
MEASURES: tuple[str, ...] = tuple(_MEASURES)


def ranking(records: Iterable[QuestionRecord], arm: str) -> dict[str, PerQuestion]:
    """Every measure by question id, over the labelled questions. `arm`: off, evidence, reranked or gated.

    A question whose arm is empty (refused, in the gated arm) has 0 everywhere. Raises KeyError for an arm that did
    not run.
    """
    asked = [r for r in records if r.labelled]
    return ranked({r.id: r.passages(arm) for r in asked}, {r.id: r.relevant for r in asked})


def ranked(
    orders: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]], measures: Sequence[str] = MEASURES
) -> dict[str, PerQuestion]:
    """The measures of plain orders (question id -> passages, best first, each once) against graded labels.

    Raises KeyError for a measure that is not in `MEASURES`.
    """
    chosen = {name: _MEASURES[name] for name in measures}
    names = {measure: name for name, measure in chosen.items()}
    result: dict[str, PerQuestion] = {name: dict.fromkeys(orders, 0.0) for name in measures}
    qrels = [ir_measures.Qrel(q, passage, grade) for q in orders for passage, grade in relevant[q].items()]
    # trec_eval sorts by score and breaks ties by id: falling scores keep the order given
    run = [
        ir_measures.ScoredDoc(q, passage, float(-rank))
        for q, order in orders.items()
        for rank, passage in enumerate(order)
    ]
    for metric in ir_measures.iter_calc(list(chosen.values()), qrels, run):
        result[names[metric.measure]][metric.query_id] = float(metric.value)
    return result


def means(measured: Mapping[str, PerQuestion]) -> dict[str, Estimate | None]:
    """The mean of each measure with its interval; None without labelled questions."""
    return {name: mean_interval([*values.values()]) for name, values in measured.items()}


def recall_ceiling(records: Iterable[QuestionRecord]) -> PerQuestion:
    """The share of a question's relevant passages that is among the candidates at all: no order can recall more."""
    return {
        r.id: len(r.relevant.keys() & {c.passage for c in r.candidates}) / len(r.relevant)
        for r in records
        if r.labelled
    }


def ndcg_ceiling(records: Iterable[QuestionRecord], k: int = 10) -> PerQuestion:
    """nDCG@k of the best order these candidates allow: what is left to win by reranking is the way from here to it."""
    discount = 1.0 / np.log2(np.arange(2, k + 2))

    def gain(grades: Iterable[int]) -> float:
        best = np.asarray(sorted(grades, reverse=True)[:k], dtype=np.float64)
        return float((best * discount[: best.size]).sum())

    return {
        r.id: gain(r.relevant[p] for p in {c.passage for c in r.candidates} & r.relevant.keys())
        / gain(r.relevant.values())
        for r in records
        if r.labelled
    }
