"""What the calibration's maps look at: numbers about one passage, and numbers about one question. Pure.

Per passage (every array follows the candidates):
    score, score_gap      the raw score, and how far it is below the question's best (<= 0)
    cosine, cosine_gap    lift of the cosine over the library's floor (see floor.py), and the gap to the best
    bm25, bm25_gap        BM25 as a share of the most this question could score (0..1), and the gap to the best
    cover, cover_gap      share of the question's IDF weight that occurs in the passage (0..1), and the gap to the best

Per question: the same in their sorted form: the best, the gaps behind it, the spread, and how much of the question's
IDF weight the best passages cover. Sorted scores as features: Gisserot-Boukhlef et al. 2024, arXiv 2402.12997.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.calibration.floor import floor_level, lift
from app.domain import Candidate, Retrieved

Floats = npt.NDArray[np.float64]
View = Literal["full", "dense", "score", "evidence", "evidence_dense"]

SCORE = ("score", "score_gap")
COSINE = ("cosine", "cosine_gap")
LEXICAL = ("bm25", "bm25_gap", "cover", "cover_gap")
PASSAGE_FEATURES: Mapping[View, tuple[str, ...]] = {
    "full": (*SCORE, *COSINE, *LEXICAL),
    "dense": (*SCORE, *COSINE),
    "score": SCORE,
    "evidence": (*COSINE, *LEXICAL),
    "evidence_dense": COSINE,
}

_SORTED_SCORE = ("score_1", "score_1_2", "score_1_5", "score_1_rest", "score_spread")
_SORTED_COSINE = ("cosine_1", "cosine_1_2", "cosine_1_5", "cosine_1_rest", "cosine_spread")
_SORTED_LEXICAL = ("bm25_1", "bm25_1_2", "bm25_1_rest", "cover_1", "cover_top", "cover_3", "terms", "agree")
_SCORE_ON_EVIDENCE = ("scored_cosine",)
_SCORE_ON_LEXICAL = ("scored_cover",)
QUESTION_FEATURES: Mapping[View, tuple[str, ...]] = {
    "full": (*_SORTED_SCORE, *_SORTED_COSINE, *_SORTED_LEXICAL, *_SCORE_ON_EVIDENCE, *_SCORE_ON_LEXICAL),
    "dense": (*_SORTED_SCORE, *_SORTED_COSINE, *_SCORE_ON_EVIDENCE),
    "score": _SORTED_SCORE,
    "evidence": (*_SORTED_COSINE, *_SORTED_LEXICAL),
    "evidence_dense": _SORTED_COSINE,
}

_MOST = 20  # question features look at this many candidates at most, so that asking for 100 changes nothing


@dataclass(frozen=True, slots=True)
class Evidence:
    """One question's candidates as arrays; `raw` is NaN where the scorer gave no score. Leaves out what is unknown."""

    raw: Floats | None
    cosine: Floats | None
    bm25: Floats | None
    cover: Floats | None
    covered: tuple[frozenset[int], ...]
    term_weights: Floats

    def view(self) -> View | None:
        """The richest map these candidates allow; None when there is neither a score nor evidence."""
        if self.raw is not None:
            return "score" if self.cosine is None else "dense" if self.bm25 is None else "full"
        return None if self.cosine is None else "evidence_dense" if self.bm25 is None else "evidence"


def evidence_of(retrieved: Retrieved, raw: Sequence[float | None] | None = None) -> Evidence:
    """The arrays behind all features. `raw` follows the candidates; None leaves the scorer out."""
    candidates = retrieved.candidates
    level = floor_level(retrieved.library.floor)
    weights = np.asarray(retrieved.term_weights, dtype=np.float64)
    cosine = _column([c.cosine for c in candidates])
    bm25 = _column([c.bm25_share for c in candidates])
    lexical = retrieved.lexical_available and weights.sum() > 0.0
    scores = None if raw is None else np.asarray([np.nan if r is None else r for r in raw], dtype=np.float64)
    return Evidence(
        raw=None if scores is None or np.isnan(scores).all() else scores,
        cosine=None if cosine is None else lift(cosine, level),
        bm25=bm25 if lexical else None,
        cover=_cover(candidates, weights) if lexical else None,
        covered=tuple(c.matched for c in candidates),
        term_weights=weights,
    )


def passage_features(evidence: Evidence) -> dict[str, Floats]:
    """Arrays of shape (candidates,), by name; those the evidence does not allow are absent."""
    columns: dict[str, Floats] = {}
    for name, values in (
        ("score", evidence.raw),
        ("cosine", evidence.cosine),
        ("bm25", evidence.bm25),
        ("cover", evidence.cover),
    ):
        if values is not None and values.size:
            columns[name] = values
            columns[f"{name}_gap"] = values - np.nanmax(values)
    return columns


def question_features(evidence: Evidence) -> dict[str, float]:
    """Numbers by name; those the evidence does not allow are absent. Gaps behind the last candidate are 0."""
    features: dict[str, float] = {}
    if evidence.raw is not None:
        features |= _sorted("score", evidence.raw[~np.isnan(evidence.raw)])
    if evidence.cosine is not None and evidence.cosine.size:
        features |= _sorted("cosine", evidence.cosine)
        if evidence.raw is not None:
            features["scored_cosine"] = float(evidence.cosine[int(np.nanargmax(evidence.raw))])
    if evidence.bm25 is not None and evidence.cover is not None and evidence.bm25.size:
        features |= _lexical(evidence, evidence.bm25, evidence.cover)
    return features


def _column(values: Sequence[float | None]) -> Floats | None:
    known = [v for v in values if v is not None]
    return np.asarray(known, dtype=np.float64) if len(known) == len(values) else None


def _cover(candidates: Sequence[Candidate], weights: Floats) -> Floats:
    total = float(weights.sum())
    return np.asarray([float(weights[list(c.matched)].sum()) / total for c in candidates], dtype=np.float64)


def _sorted(name: str, values: Floats) -> dict[str, float]:
    ordered = np.sort(values)[::-1][:_MOST]
    best = float(ordered[0])
    behind = ordered[1:] if ordered.size > 1 else ordered
    return {
        f"{name}_1": best,
        f"{name}_1_2": best - float(behind[0]),
        f"{name}_1_5": best - float(behind[:4].mean()),
        f"{name}_1_rest": best - float(behind.mean()),
        f"{name}_spread": float(ordered.std()),
    }


def _lexical(evidence: Evidence, bm25: Floats, cover: Floats) -> dict[str, float]:
    by_bm25 = np.argsort(-bm25, kind="stable")[:_MOST]
    ordered = bm25[by_bm25]
    behind = ordered[1:] if ordered.size > 1 else ordered
    leader = by_bm25[0] if evidence.cosine is None else int(np.argmax(evidence.cosine))
    lead = by_bm25[:3] if evidence.cosine is None else np.argsort(-evidence.cosine, kind="stable")[:3]
    together = frozenset().union(*(evidence.covered[int(i)] for i in lead))
    features = {
        "bm25_1": float(ordered[0]),
        "bm25_1_2": float(ordered[0] - behind[0]),
        "bm25_1_rest": float(ordered[0] - behind.mean()),
        "cover_1": float(cover.max()),
        "cover_top": float(cover[leader]),
        "cover_3": float(evidence.term_weights[list(together)].sum() / evidence.term_weights.sum()),
        "terms": float(np.log1p(evidence.term_weights.size)),
        "agree": float(leader == by_bm25[0]),
    }
    if evidence.raw is not None:
        features["scored_cover"] = float(cover[int(np.nanargmax(evidence.raw))])
    return features
