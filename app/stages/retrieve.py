"""Retrieval: dense and lexical search merged into one frozen candidate set, with the evidence of both for each.

Hybrid adds up cosine and BM25, each scaled to 0..1 over what either leg found (Fox and Shaw's CombSUM, TREC-2 1994).
On the sets kept for choosing it measured better than reciprocal rank fusion, which throws the distances away: see
docs/hybrid-search-and-fusion.md. These sums order candidates and are never shown or compared with a threshold.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from app.domain import Candidate, Chunk, Filter, RetrievalMode, Retrieved
from app.ports import Lexical, LibraryReader, Vectors

LEXICAL_WEIGHT = 0.5
MIN_DEPTH = 50  # each leg looks further than the candidates asked for, so that fusion has something to agree on


def retrieve(
    question: str,
    vector: Vectors,
    reader: LibraryReader,
    *,
    mode: RetrievalMode = "hybrid",
    k: int = 20,
    where: Filter = (),
    asked: str | None = None,
) -> Retrieved:
    """The `k` best chunks for a question. `vector` is its embedding, shape (dimension,).

    `asked` is `Question.asked`, where that differs: both legs search for all of `question`, `bm25_share` is of all of
    it too, and how much of the question a passage covers (`matched`, `term_weights`) is measured on `asked`. With
    carried terms counted as uncovered, made-up follow-ups were refused twice as often; with the share measured on
    `asked` as well, passages about another topic came first (`python -m tests.benchmarks.followups`).
    """
    depth = max(MIN_DEPTH, 2 * k)
    lexical_there = reader.has_lexical
    dense = reader.dense(vector, depth, where) if mode != "lexical" or not lexical_there else []
    lexical = reader.lexical(question, depth, where) if mode != "dense" and lexical_there else None
    dense_ranks = {chunk_id: rank for rank, (chunk_id, _) in enumerate(dense, 1)}
    lexical_ranks = _ranks(lexical.bm25) if lexical else {}
    found = [*dense_ranks, *(i for i in lexical_ranks if i not in dense_ranks)]
    cosines = {**reader.cosines(vector, [i for i in found if i not in dense_ranks]), **dict(dense)}
    if dense and lexical is not None:
        words = {**reader.bm25(question, [i for i in found if i not in lexical_ranks]).bm25, **lexical.bm25}
        ids = fuse(cosines, words)[:k]
    else:
        ids = found[:k]
    evidence = reader.bm25(question, ids) if lexical_there else None
    covered = reader.bm25(asked, ids) if lexical_there and asked is not None and asked != question else evidence
    chunks = reader.chunks(ids)
    return Retrieved(
        candidates=tuple(
            _candidate(chunks[i], rank, cosines.get(i), evidence, covered, dense_ranks.get(i), lexical_ranks.get(i))
            for rank, i in enumerate(ids, 1)
        ),
        mode=mode,
        k=k,
        library=reader.info,
        filter=where,
        term_weights=covered.term_weights if covered else (),
        lexical_available=lexical_there,
    )


def fuse(cosines: Mapping[str, float], bm25: Mapping[str, float]) -> list[str]:
    """Chunk ids by the weighted sum of both scores, each scaled to 0..1 over these chunks; best first, ties by id.

    Both maps have the same keys.

    >>> fuse({"a": 0.8, "b": 0.6, "c": 0.4}, {"a": 0.0, "b": 9.0, "c": 1.0})
    ['b', 'a', 'c']
    """
    meaning, words = _scaled(cosines), _scaled(bm25)
    total = {i: (1 - LEXICAL_WEIGHT) * meaning[i] + LEXICAL_WEIGHT * words[i] for i in meaning}
    return sorted(total, key=lambda i: (-total[i], i))


def _scaled(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores from 0 (the lowest) to 1 (the highest); all 0 where they are equal, so that the other leg decides."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    return {i: (score - low) / (high - low) if high > low else 0.0 for i, score in scores.items()}


def _ranks(scores: Mapping[str, float]) -> dict[str, int]:
    ordered = sorted(scores, key=lambda i: (-scores[i], i))
    return {chunk_id: rank for rank, chunk_id in enumerate(ordered, 1) if scores[chunk_id] > 0}


def _candidate(
    chunk: Chunk,
    rank: int,
    cosine: float | None,
    evidence: Lexical | None,
    covered: Lexical | None,
    dense: int | None,
    lexical: int | None,
) -> Candidate:
    return Candidate(
        chunk=chunk,
        rank_before=rank,
        cosine=None if cosine is None else float(np.clip(cosine, -1.0, 1.0)),
        bm25=evidence.bm25.get(chunk.id, 0.0) if evidence else None,
        bm25_share=_share(evidence, chunk.id) if evidence else None,
        rank_dense=dense,
        rank_lexical=lexical,
        matched=covered.matched.get(chunk.id, frozenset()) if covered else frozenset(),
    )


def _share(evidence: Lexical, chunk_id: str) -> float:
    if evidence.ceiling <= 0:
        return 0.0
    return float(np.clip(evidence.bm25.get(chunk_id, 0.0) / evidence.ceiling, 0.0, 1.0))
