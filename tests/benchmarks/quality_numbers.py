"""The numbers of the quality benchmark, from ranked passages and judged questions. Pure but for ir-measures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import ir_measures
import numpy as np
import numpy.typing as npt
from ir_measures import RR, P, nDCG

from app.calibration.measure import auroc, brier_skill, expected_calibration_error

MEASURES = {"nDCG@10": nDCG @ 10, "MRR@10": RR @ 10, "P@5": P @ 5}
Interval = tuple[float, float, float]  # mean, and the bounds of its 95 % interval
Pairs = list[tuple[float, float]]  # (p, 0 or 1)


@dataclass(slots=True)
class Judged:
    """What the benchmark keeps of one question. `ranked` lists passage ids for each arm, best first, each once."""

    id: str
    answerable: bool | None
    relevant: Mapping[str, float]
    ranked: Mapping[str, Sequence[str]]
    p_answerable: float | None
    refused: bool
    rank_1: tuple[float, float] | None = None
    admitted: Pairs = field(default_factory=list)
    answer_found: bool | None = None


def distinct(passages: Iterable[str]) -> list[str]:
    """Passages in order, each where its best chunk stands.

    >>> distinct(["a", "b", "a"])
    ['a', 'b']
    """
    return list(dict.fromkeys(passages))


def ranking(judged: Sequence[Judged], arm: str) -> dict[str, dict[str, float]]:
    """Each measure by question id, over the questions that have relevant passages."""
    asked = [j for j in judged if j.relevant]
    qrels = [ir_measures.Qrel(j.id, passage, int(grade)) for j in asked for passage, grade in j.relevant.items()]
    run = [
        ir_measures.ScoredDoc(j.id, passage, 1.0 / rank) for j in asked for rank, passage in enumerate(j.ranked[arm], 1)
    ]
    result: dict[str, dict[str, float]] = {name: dict.fromkeys((j.id for j in asked), 0.0) for name in MEASURES}
    names = {measure: name for name, measure in MEASURES.items()}
    for metric in ir_measures.iter_calc(list(MEASURES.values()), qrels, run):
        result[names[metric.measure]][metric.query_id] = metric.value
    return result


def bootstrap(values: Sequence[float], *, seed: int = 7, rounds: int = 2000) -> Interval | None:
    """The mean over questions with its 95 % percentile interval; None without questions."""
    if not values:
        return None
    numbers = np.asarray(values, dtype=np.float64)
    picks = np.random.default_rng(seed).integers(len(numbers), size=(rounds, len(numbers)))
    low, high = np.quantile(numbers[picks].mean(axis=1), [0.025, 0.975])
    return float(numbers.mean()), float(low), float(high)


def difference(a: Mapping[str, float], b: Mapping[str, float]) -> Interval | None:
    """a - b, question by question."""
    return bootstrap([a[i] - b[i] for i in a])


def refusals(judged: Sequence[Judged]) -> dict[str, float | int | None]:
    """Refused shares on answerable and unanswerable questions, and the AUROC of p_answerable between them."""
    yes = [j for j in judged if j.answerable is True]
    no = [j for j in judged if j.answerable is False]
    known = [(j.p_answerable, float(bool(j.answerable))) for j in (*yes, *no) if j.p_answerable is not None]
    p, labels = _columns(known)
    return {
        "answerable": len(yes),
        "refused_answerable": _share([j.refused for j in yes]),
        "unanswerable": len(no),
        "refused_unanswerable": _share([j.refused for j in no]),
        "auroc": auroc(p, labels) if len(known) else None,
    }


def probabilities(pairs: Pairs) -> dict[str, float | int | None]:
    """Brier skill, ECE, what was said and what was seen."""
    if not pairs:
        return {"n": 0, "precision": None, "mean_p": None, "brier_skill": None, "ece": None}
    p, labels = _columns(pairs)
    return {
        "n": len(pairs),
        "precision": float(labels.mean()),
        "mean_p": float(p.mean()),
        "brier_skill": brier_skill(p, labels),
        "ece": expected_calibration_error(p, labels),
    }


def _columns(pairs: Pairs) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    table = np.asarray(pairs, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
