"""What the calibration's maps look at: numbers about one passage, and numbers about one question. Pure.

Per passage (every array follows the candidates):
    score     the raw score
    cosine    lift of the cosine over the library's floor (see floor.py)
    bm25      BM25 as a share of the most this question could score, 0..1
    cover     share of the question's IDF weight that occurs in the passage, 0..1
    *_idf     the same two times the question's IDF weight: what a passage has over the others counts for as much as the
              words that make it are rare, and a long question can be surer of it than a short one. An IDF weight is
              close to a log-odds of relevance (Robertson & Sparck Jones 1976), which is why differences of them carry
              over to other libraries, where a raw BM25 does not. They are used in comparisons only:
    place     minus the logarithm of the place retrieval gave it: 0 for the first. Only beside both legs; it keeps what
              their fusion knew and the features above do not, such as the carried terms of a follow-up
    *_ahead   the same, against its best rival: the best passage that does not say the same (see copies.py) and does not
              stand beside it in its document (see neighbours.py). Square root of the distance, negative behind it. Only
              the leader's and those of its copies and neighbours are positive, which is what tells a clear winner from
              the best of a bad lot; the root keeps passages far behind from deciding the fit.
    *_over    the same against the sixth best (the last, where there are fewer): several relevant passages are close
              to each other, and all of them above the field.

Per question: the best of each, its lead over the best rival (square root) and over the rest
(plain), and how much of the question's IDF weight the best passages cover. Sorted scores as features:
Gisserot-Boukhlef et al. 2024, 2402.12997.

More of any of these never lowers a probability: the maps are fitted without negative weights (see fit.py), which
measured the same or better than with them, and cannot surprise a reader of the shares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.calibration.copies import Flags, copies
from app.calibration.floor import floor_level, lift
from app.calibration.neighbours import neighbours
from app.domain import Candidate, Retrieved

Floats = npt.NDArray[np.float64]
View = Literal["full", "dense", "score", "evidence", "evidence_dense"]

SCORE = ("score", "score_ahead", "score_over")
COSINE = ("cosine", "cosine_ahead", "cosine_over")
LEXICAL = ("bm25", "bm25_idf_ahead", "bm25_idf_over", "cover", "cover_idf_ahead", "cover_idf_over")
PLACE = "place"
PASSAGE_FEATURES: Mapping[View, tuple[str, ...]] = {
    "full": (*SCORE, *COSINE, *LEXICAL, PLACE),
    "dense": (*SCORE, *COSINE),
    "score": SCORE,
    "evidence": (*COSINE, *LEXICAL, PLACE),
    "evidence_dense": COSINE,
}

_BEST_SCORE = ("score_best", "score_lead", "score_over_rest")
_BEST_COSINE = ("cosine_best", "cosine_lead", "cosine_over_rest")
_BEST_LEXICAL = ("bm25_best", "bm25_lead", "cover_best", "cover_three")
QUESTION_FEATURES: Mapping[View, tuple[str, ...]] = {
    "full": (*_BEST_SCORE, *_BEST_COSINE, *_BEST_LEXICAL, "cover_scored"),
    "dense": (*_BEST_SCORE, *_BEST_COSINE),
    "score": _BEST_SCORE,
    "evidence": (*_BEST_COSINE, *_BEST_LEXICAL),
    "evidence_dense": _BEST_COSINE,
}

# the best raw scores, best first; not fitted with the others: see app.evaluation.abstention
SORTED_SCORES = tuple(f"score_{place}" for place in range(1, 21))

_FIELD = 6  # the candidate that stands for the field: max_chunks are above it
_MOST = 20  # leads are over this many candidates at most, so that asking for 100 changes nothing


@dataclass(frozen=True, slots=True)
class Evidence:
    """One question's candidates as arrays; `raw` is NaN where the scorer gave no score. Leaves out what is unknown."""

    raw: Floats | None
    cosine: Floats | None
    bm25: Floats | None
    cover: Floats | None
    covered: tuple[frozenset[int], ...]
    term_weights: Floats
    no_rivals: Flags  # (candidates, candidates): which are copies or neighbours of which

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
        no_rivals=copies([c.chunk.text for c in candidates]) | neighbours([c.chunk for c in candidates]),
    )


def passage_features(evidence: Evidence) -> dict[str, Floats]:
    """Arrays of shape (candidates,), by name; those the evidence does not allow are absent."""
    columns: dict[str, Floats] = {}
    idf = float(evidence.term_weights.sum())
    for name, compared, values, unit in (
        ("score", "score", evidence.raw, 1.0),
        ("cosine", "cosine", evidence.cosine, 1.0),
        ("bm25", "bm25_idf", evidence.bm25, idf),
        ("cover", "cover_idf", evidence.cover, idf),
    ):
        if values is not None and values.size:
            columns[name] = values
            columns[f"{compared}_ahead"] = ahead(values * unit, evidence.no_rivals)
            columns[f"{compared}_over"] = over_field(values * unit)
    if evidence.cosine is not None and evidence.bm25 is not None:
        columns[PLACE] = -np.log(np.arange(1.0, evidence.cosine.size + 1.0))
    return columns


def ahead(values: Floats, no_rivals: Flags) -> Floats:
    """Signed square root of each value's distance to its best rival; to the lowest where it has none.

    0 for a lone value, NaN stays NaN. `no_rivals`, of shape (values, values), says who is no rival of whom.

    >>> ahead(np.array([0.5, 0.25, 0.25]), np.zeros((3, 3), dtype=bool))
    array([ 0.5, -0.5, -0.5])
    """
    if np.isnan(values).all():
        return values
    known = np.where(np.isnan(values), -np.inf, values)
    rivals = np.where(no_rivals | np.eye(values.size, dtype=bool), -np.inf, known[None, :]).max(axis=1)
    return _signed_root(values - np.where(np.isneginf(rivals), np.nanmin(values), rivals))


def over_field(values: Floats) -> Floats:
    """Signed square root of each value's distance to the sixth best, or to the last of fewer; NaN stays NaN.

    >>> over_field(np.array([0.5, 0.25, 0.25]))
    array([0.5, 0. , 0. ])
    """
    known = np.sort(values[~np.isnan(values)])[::-1]
    return _signed_root(values - known[: min(known.size, _FIELD)][-1])


def _signed_root(distance: Floats) -> Floats:
    result: Floats = np.sign(distance) * np.sqrt(np.abs(distance))
    return result


def question_features(evidence: Evidence) -> dict[str, float]:
    """Numbers by name; those the evidence does not allow are absent. The lead of a lone candidate is 0."""
    features: dict[str, float] = {}
    if evidence.raw is not None:
        kept = ~np.isnan(evidence.raw)
        known = evidence.raw[kept]
        features |= _leading("score", known, evidence.no_rivals[np.ix_(kept, kept)]) | _sorted(known)
    if evidence.cosine is not None and evidence.cosine.size:
        features |= _leading("cosine", evidence.cosine, evidence.no_rivals)
    if evidence.bm25 is not None and evidence.cover is not None and evidence.bm25.size:
        features |= _lexical(evidence, evidence.bm25, evidence.cover)
    return features


def _column(values: Sequence[float | None]) -> Floats | None:
    known = [v for v in values if v is not None]
    return np.asarray(known, dtype=np.float64) if len(known) == len(values) else None


def _cover(candidates: Sequence[Candidate], weights: Floats) -> Floats:
    total = float(weights.sum())
    return np.asarray([float(weights[sorted(c.matched)].sum()) / total for c in candidates], dtype=np.float64)


def _leading(name: str, values: Floats, no_rivals: Flags) -> dict[str, float]:
    first = int(np.argmax(values))
    ordered = np.sort(values)[::-1][:_MOST]
    best = float(ordered[0])
    behind = ordered[1:] if ordered.size > 1 else ordered
    return {
        f"{name}_best": best,
        f"{name}_lead": float(ahead(values, no_rivals)[first]),
        f"{name}_over_rest": best - float(behind.mean()),
    }


def _sorted(values: Floats) -> dict[str, float]:
    """The best scores by place; fewer candidates repeat the last."""
    best = np.sort(values)[::-1][: len(SORTED_SCORES)]
    padded = np.pad(best, (0, len(SORTED_SCORES) - best.size), mode="edge")
    return dict(zip(SORTED_SCORES, map(float, padded), strict=True))


def _lexical(evidence: Evidence, bm25: Floats, cover: Floats) -> dict[str, float]:
    leading = _leading("bm25", bm25, evidence.no_rivals)
    weights = evidence.term_weights
    first_three = np.argsort(-bm25 if evidence.cosine is None else -evidence.cosine, kind="stable")[:3]
    together = frozenset().union(*(evidence.covered[int(i)] for i in first_three))
    features = {
        "bm25_best": leading["bm25_best"],
        "bm25_lead": leading["bm25_lead"],
        "cover_best": float(cover.max()),
        "cover_three": float(weights[sorted(together)].sum() / weights.sum()),
    }
    if evidence.raw is not None:
        features["cover_scored"] = float(cover[int(np.nanargmax(evidence.raw))])
    return features
