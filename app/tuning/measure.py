"""How well scores rank: nDCG@10 with paired bootstrap intervals, AUROC, top-5 overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from app.tuning.candidates import Task

Array = npt.NDArray[np.floating]


def ndcg(task: Task, scores: Array | None, k: int = 10) -> float:
    """nDCG@k of one question with binary gains; None keeps the retrieval order, which also breaks ties.

    The ideal counts the relevant passages that retrieval missed. Järvelin and Kekäläinen 2002.
    """
    gains = task.relevant.astype(np.float64)
    if scores is not None:
        gains = gains[np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")]
    total = int(task.relevant.sum()) + task.missed
    if total == 0:
        return 0.0
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    gained = float((gains[:k] * discount[: len(gains[:k])]).sum())
    return gained / float(discount[: min(total, k)].sum())


def auroc(positive: Array, negative: Array) -> float:
    """The probability that a positive scores above a negative, ties half (Mann-Whitney). NaN when one is empty."""
    if not len(positive) or not len(negative):
        return float("nan")
    everything = np.concatenate([positive, negative])
    order = np.argsort(everything, kind="stable")
    _, inverse, counts = np.unique(everything, return_inverse=True, return_counts=True)
    del order
    upper = np.cumsum(counts)
    ranks = (upper - (counts - 1) / 2.0)[inverse]
    wins = ranks[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2.0
    return float(wins / (len(positive) * len(negative)))


def overlap(a: Array, b: Array, k: int = 5) -> float:
    """Share (0..1) of the k best by `a` that are also among the k best by `b`."""
    top = [set(np.argsort(-np.asarray(x), kind="stable")[:k].tolist()) for x in (a, b)]
    return len(top[0] & top[1]) / max(len(top[0]), 1)


def interval(values: Sequence[float], draws: int = 2000, seed: int = 7) -> tuple[float, float, float]:
    """Mean with a 95 % bootstrap interval over questions (Efron): (mean, low, high)."""
    data = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = data[rng.integers(0, len(data), (draws, len(data)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(data.mean()), float(low), float(high)
