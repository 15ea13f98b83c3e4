"""Two searches over a set's passages, as retrieval does it: BM25 and the bi-encoder, merged by reciprocal rank.

They give the model its hard negatives, the evidence (cosine, BM25 share) beside each pair, and the twenty candidates
that evaluation ranks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_matrix
from tokenizers import Tokenizer

from app.tuning.encoder import Encoder, Tensor, minilm_folder
from app.words import content_words

Floats = npt.NDArray[np.float32]

K1, B = 0.9, 0.4
RRF_K = 60


class Bm25:
    """BM25 (Robertson; k1 .9, b .4, no stemming) over passages, as one sparse matrix."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._vocabulary: dict[str, int] = {}
        rows, columns, counts, lengths = [], [], [], []
        for row, text in enumerate(texts):
            bag = Counter(content_words(text))
            lengths.append(sum(bag.values()))
            for word, count in bag.items():
                rows.append(row)
                columns.append(self._vocabulary.setdefault(word, len(self._vocabulary)))
                counts.append(count)
        size = (len(texts), len(self._vocabulary))
        tf = np.array(counts, dtype=np.float32)
        found = np.bincount(columns, minlength=size[1]).astype(np.float32)
        self.idf = np.log1p((size[0] - found + 0.5) / (found + 0.5))
        share = np.array(lengths, dtype=np.float32)[rows] / max(float(np.mean(lengths)), 1.0)
        weight = self.idf[columns] * tf * (K1 + 1) / (tf + K1 * (1 - B + B * share))
        self._matrix = csr_matrix((weight, (rows, columns)), shape=size).T.tocsr()  # word -> passages
        self._unseen = float(np.log1p((size[0] + 0.5) / 0.5))
        self._size = size[0]

    def scores(self, question: str) -> tuple[Floats, float]:
        """One score a passage, and the most any passage could have: the question's own ceiling."""
        distinct = set(content_words(question))
        known = [self._vocabulary[w] for w in distinct if w in self._vocabulary]
        ceiling = (float(self.idf[known].sum()) + self._unseen * (len(distinct) - len(known))) * (K1 + 1)
        if not known:
            return np.zeros(self._size, dtype=np.float32), ceiling
        return np.asarray(self._matrix[known].sum(axis=0)).ravel().astype(np.float32), ceiling


def tokenizer(limit: int) -> Any:
    """all-MiniLM's tokenizer, cutting at `limit` tokens, special ones included; a pair loses from its passage only."""
    made = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
    made.no_padding()
    made.enable_truncation(limit, strategy="only_second" if limit > 256 else "longest_first")
    return made


def embed(
    encoder: Encoder, texts: Sequence[str], *, limit: int = 256, device: str = "cpu", budget: int = 4096
) -> Floats:
    """Unit-length mean-pooled vectors (len(texts), 384) of the first `limit` tokens; `budget` tokens a batch."""
    encoded = tokenizer(limit).encode_batch(list(texts))
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].ids))
    out = np.zeros((len(encoded), encoder.shape.width), dtype=np.float32)
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * len(encoded[order[end]].ids) <= budget:
            end += 1
        rows = order[start:end]
        ids, mask = padded([encoded[i].ids for i in rows])
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
            states = encoder(ids.to(device), mask.to(device), torch.zeros_like(ids).to(device)).float()
        weight = mask.to(device)[:, :, None].float()
        vectors = torch.nn.functional.normalize((states * weight).sum(1) / weight.sum(1), dim=1)
        out[rows] = vectors.cpu().numpy()
        start = end
    return out


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token id rows to a padded (rows, longest) tensor and its mask (1 = token)."""
    longest = max(len(row) for row in rows)
    ids = torch.zeros((len(rows), longest), dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return ids, mask


@dataclass(frozen=True, slots=True)
class Found:
    """Hybrid candidates of one question, best first: passage numbers with their evidence (each of the same length)."""

    passages: npt.NDArray[np.int64]
    cosine: Floats
    bm25: Floats
    bm25_share: Floats
    rank_dense: npt.NDArray[np.int64]
    rank_lexical: npt.NDArray[np.int64]


def hybrid(cosine: Floats, bm25: Floats, ceiling: float, k: int, depth: int = 100) -> Found:
    """The k best by reciprocal rank fusion (k=60) of the `depth` best of each leg. Ties keep the passage order."""
    by_cosine, by_bm25 = _best(cosine, depth), _best(bm25, depth)
    by_bm25 = by_bm25[bm25[by_bm25] > 0]
    fused = np.zeros(len(cosine), dtype=np.float64)
    for leg in (by_cosine, by_bm25):
        fused[leg] += 1.0 / (RRF_K + 1 + np.arange(len(leg)))
    best = _best(fused, k)
    best = best[fused[best] > 0]
    places = [np.full(len(cosine), len(cosine), dtype=np.int64) for _ in range(2)]
    for place, leg in zip(places, (by_cosine, by_bm25), strict=True):
        place[leg] = np.arange(1, len(leg) + 1)
    return Found(best, cosine[best], bm25[best], bm25[best] / max(ceiling, 1e-6), places[0][best], places[1][best])


def _best(values: npt.NDArray[Any], k: int) -> npt.NDArray[np.int64]:
    k = min(k, len(values))
    top = np.argpartition(-values, k - 1)[:k] if k < len(values) else np.arange(len(values))
    top = np.sort(top)
    return top[np.argsort(-values[top], kind="stable")].astype(np.int64)
