"""Retrieval: dense and lexical search merged into one frozen candidate set, with the evidence of both for each.

Hybrid is reciprocal rank fusion, score = sum over legs of 1 / (60 + rank) (Cormack, Clarke, Buettcher, SIGIR 2009).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from app.domain import Candidate, Chunk, Filter, RetrievalMode, Retrieved
from app.ports import Lexical, LibraryReader, Vectors

RRF_K = 60
MIN_DEPTH = 50  # each leg looks further than the candidates asked for, so that fusion has something to agree on


def retrieve(
    question: str,
    vector: Vectors,
    reader: LibraryReader,
    *,
    mode: RetrievalMode = "hybrid",
    k: int = 20,
    where: Filter = (),
) -> Retrieved:
    """The `k` best chunks for a question. `vector` is its embedding, shape (dimension,).

    A reader without a lexical leg answers `lexical` and `hybrid` from the dense leg, and `lexical_available` says so.
    """
    depth = max(MIN_DEPTH, 2 * k)
    lexical_there = reader.has_lexical
    dense = reader.dense(vector, depth, where) if mode != "lexical" or not lexical_there else []
    lexical = reader.lexical(question, depth, where) if mode != "dense" and lexical_there else None
    dense_ranks = {chunk_id: rank for rank, (chunk_id, _) in enumerate(dense, 1)}
    lexical_ranks = _ranks(lexical.bm25) if lexical else {}
    ids = fuse([dense_ranks, lexical_ranks])[:k]
    cosines = {**reader.cosines(vector, ids), **{i: c for i, c in dense if i in set(ids)}}
    evidence = reader.bm25(question, ids) if lexical_there else None
    chunks = reader.chunks(ids)
    return Retrieved(
        candidates=tuple(
            _candidate(chunks[i], rank, cosines.get(i), evidence, dense_ranks.get(i), lexical_ranks.get(i))
            for rank, i in enumerate(ids, 1)
        ),
        mode=mode,
        k=k,
        library=reader.info,
        filter=where,
        term_weights=evidence.term_weights if evidence else (),
        lexical_available=lexical_there,
    )


def fuse(legs: Sequence[Mapping[str, int]]) -> list[str]:
    """Chunk ids by reciprocal rank fusion of 1-based ranks, best first; ties by the best single rank, then by id.

    >>> fuse([{"a": 1, "b": 2}, {"b": 1}])
    ['b', 'a']
    """
    totals: dict[str, float] = {}
    best: dict[str, int] = {}
    for leg in legs:
        for chunk_id, rank in leg.items():
            totals[chunk_id] = totals.get(chunk_id, 0.0) + 1 / (RRF_K + rank)
            best[chunk_id] = min(rank, best.get(chunk_id, rank))
    return sorted(totals, key=lambda i: (-totals[i], best[i], i))


def _ranks(scores: Mapping[str, float]) -> dict[str, int]:
    ordered = sorted(scores, key=lambda i: (-scores[i], i))
    return {chunk_id: rank for rank, chunk_id in enumerate(ordered, 1) if scores[chunk_id] > 0}


def _candidate(
    chunk: Chunk, rank: int, cosine: float | None, evidence: Lexical | None, dense: int | None, lexical: int | None
) -> Candidate:
    bm25 = evidence.bm25.get(chunk.id, 0.0) if evidence else None
    share = None
    if evidence is not None and bm25 is not None:
        share = float(np.clip(bm25 / evidence.ceiling, 0.0, 1.0)) if evidence.ceiling > 0 else 0.0
    return Candidate(
        chunk=chunk,
        rank_before=rank,
        cosine=None if cosine is None else float(np.clip(cosine, -1.0, 1.0)),
        bm25=bm25,
        bm25_share=share,
        rank_dense=dense,
        rank_lexical=lexical,
        matched=evidence.matched.get(chunk.id, frozenset()) if evidence else frozenset(),
    )
