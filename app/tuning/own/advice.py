"""What is wrong here, before anything is trained: the search, the order, or the number of labels. Pure.

recall@100 against recall@10 tells the two apart: no reranker brings back what was not found, and what was found but
stands low is a reranker's work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.domain import Candidate
from app.evaluation.intervals import Estimate, mean_interval
from app.evaluation.measures_ranking import ranked
from app.evaluation.verdict import points
from app.tuning.own.asking import DEPTH, Searched
from app.tuning.own.parts import LEAST

Kind = Literal["retrieval", "candidates", "rerank", "tune", "label", "nothing"]
CUTS = (1, 5, 10, 20, 50, DEPTH)
LOW = 0.75  # recall@100 below this: a quarter of what is asked for cannot be reached by any order
GAP = 0.05  # what is left between the order there is and the best order, below which there is little to win
COMFORTABLE = 200  # questions with which a gain of a few hundredths of nDCG can usually be told from noise


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, the most important first. `recall` is by cut-off; `order` and `best` are nDCG@10 of the order in
    force and of the best one that the candidates allow; `reranked` says whether a reranker made that order."""

    kinds: tuple[Kind, ...]
    words: tuple[str, ...]
    questions: int
    candidates: int
    recall: Mapping[int, Estimate]
    order: Estimate | None
    best: Estimate | None
    reranked: bool


def advise(searched: Sequence[Searched], orders: Mapping[str, Sequence[str]], *, reranker: str | None) -> Advice:
    """From the searched questions and, by question id, the passages in the order in force (the retrieval order where
    `reranker` is None), for all or some of them. Questions without a relevant label say nothing here."""
    labelled = [s for s in searched if s.question.passages.relevant]
    count = max((s.found.retrieved.k for s in labelled), default=0)
    recall = {k: e for k in CUTS if (e := mean_interval([_recall(s, k) for s in labelled])) is not None}
    relevant = {s.question.id: s.question.passages.relevant for s in labelled}
    now = ranked({i: tuple(orders[i]) for i in relevant if i in orders}, relevant, ("nDCG@10",))["nDCG@10"]
    best_orders = {s.question.id: _best_order(s) for s in labelled if s.question.id in orders}
    top = ranked(best_orders, relevant, ("nDCG@10",))["nDCG@10"]
    order, best = mean_interval([*now.values()]), mean_interval([*top.values()])
    measurable = sum(s.measurable for s in labelled)
    found = [*_said(recall, order, best, reranker, count, measurable)]
    return Advice(
        tuple(kind for kind, _ in found),
        tuple(words for _, words in found),
        len(labelled),
        count,
        recall,
        order,
        best,
        reranker is not None,
    )


def _said(
    recall: Mapping[int, Estimate],
    order: Estimate | None,
    best: Estimate | None,
    reranker: str | None,
    count: int,
    measurable: int,
) -> list[tuple[Kind, str]]:
    said: list[tuple[Kind, str]] = []
    if order is None or best is None:
        return [("label", "Nothing is labelled relevant: there is nothing to measure.")]
    deep, near = points(recall[DEPTH].value), points(recall[10].value)
    missed, reached, possible = 1.0 - recall[DEPTH].value, points(order.value), points(best.value)
    if recall[DEPTH].value < LOW:
        said.append(("retrieval", _RETRIEVAL.format(deep=deep, missed=100 * missed)))
    between = recall[DEPTH].value - _within(recall, count)
    if between >= GAP:
        said.append(("candidates", _CANDIDATES.format(between=100 * between, count=count)))
    if best.value - order.value < GAP:
        said.append(("nothing", _NOTHING.format(reached=reached, possible=possible)))
    elif reranker is None:
        said.append(("rerank", _RERANK.format(deep=deep, near=near)))
    else:
        said.append(("tune", _TUNE.format(deep=deep, reranker=reranker, reached=reached, possible=possible)))
    if measurable < LEAST:
        said.append(("label", f"Too few labels to judge: {measurable} questions can be measured; {LEAST} are needed."))
    elif measurable < COMFORTABLE:
        said.append(("label", _LABEL.format(measurable=measurable)))
    return said


_RETRIEVAL = (
    f"Retrieval is the problem: recall@{DEPTH} is {{deep}}, so {{missed:.0f}} of 100 relevant passages are out of any "
    "reranker's reach. Look at the chunks, the search and the embedding model first (sluice evaluate QUESTIONS "
    "--retrieval dense,lexical,hybrid)."
)
_CANDIDATES = (
    f"{{between:.0f}} of 100 relevant passages stand between {{count}} and {DEPTH}: more candidates (CANDIDATES=50) "
    "would bring some of them before the reranker."
)
_NOTHING = (
    "The order is nearly as good as these candidates allow (nDCG@10 {reached} of {possible}): there is little that "
    "tuning could win."
)
_RERANK = (
    f"Ranking is the problem: recall@{DEPTH} is {{deep}} and recall@10 {{near}}, and nothing is reranked. Try a "
    "reranker before you train one (sluice evaluate QUESTIONS --rerank none,local)."
)
_TUNE = (
    f"Tuning may help: recall@{DEPTH} is {{deep}}, and the order by {{reranker}} reaches nDCG@10 {{reached}} of the "
    "{possible} that these candidates allow."
)
_LABEL = (
    f"{{measurable}} questions can be measured. That is enough to try; with about {COMFORTABLE} a gain of a few "
    "hundredths can be told from noise."
)


def _within(recall: Mapping[int, Estimate], count: int) -> float:
    """Recall at the largest cut-off that is not above `count`."""
    return recall[max(k for k in recall if k <= max(count, CUTS[0]))].value


def _recall(searched: Searched, k: int) -> float:
    passages = searched.question.passages
    seen = {passages.passage_of(c.chunk) for c in _first(searched, k)}
    return len(seen & passages.relevant.keys()) / len(passages.relevant)


def _first(searched: Searched, k: int) -> Sequence[Candidate]:
    return searched.deep.retrieved.candidates[:k]


def _best_order(searched: Searched) -> tuple[str, ...]:
    relevant = searched.question.passages.relevant
    return tuple(sorted(searched.order(), key=lambda passage: -relevant.get(passage, 0)))
