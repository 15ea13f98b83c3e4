"""The lexical leg: BM25 proper on the postings of an FTS5 index.

FTS5 stems (Porter) and stores; the scores are ours. Its own bm25() clamps the IDF of words that occur in more than
half of a small library, its query syntax trips over ?, + and ., and it has no word breaks for Chinese or Japanese: so
words are cut by `app.words` before they go in, and term frequencies are read back through fts5vocab.

score = sum over the question's distinct terms of idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length)),
idf = ln(1 + (N - n + 0.5) / (n + 0.5))  (Lucene's; Robertson & Zaragoza, The Probabilistic Relevance Framework, 2009).
N, n and the mean length are those of the pinned generation.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from app.domain import Chunk
from app.library.catalogue import LIVE, TOKENIZER
from app.library.filters import Rows
from app.words import content_words

K1 = 0.9
B = 0.4


def indexed_words(chunk: Chunk) -> list[str]:
    """What is searched of a chunk: title, section path and text, without stop words."""
    return content_words("\n".join((chunk.title, *chunk.section, chunk.text)))


class _Stemmer:
    """FTS5's own tokenizer on words, through an index in memory: question and index can never stem differently."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._memory.execute(f"CREATE VIRTUAL TABLE stems USING fts5 (words, tokenize = '{TOKENIZER}')")
        self._memory.execute("CREATE VIRTUAL TABLE terms USING fts5vocab (stems, 'instance')")

    def __call__(self, found: Sequence[str]) -> list[str]:
        """The distinct stems in order of first occurrence."""
        with self._lock:
            self._memory.execute("DELETE FROM stems")
            self._memory.execute("INSERT INTO stems VALUES (?)", (" ".join(found),))
            rows = self._memory.execute("SELECT term FROM terms ORDER BY offset").fetchall()
        return list(dict.fromkeys(row[0] for row in rows))


@lru_cache(maxsize=1)
def _stemmer() -> _Stemmer:
    return _Stemmer()


def question_terms(question: str) -> list[str]:
    """The distinct stemmed terms of a question, stop words left out, in order of first occurrence."""
    return _stemmer()(content_words(question))


@dataclass(frozen=True, slots=True)
class TermScores:
    """BM25 of every chunk that one question's terms touch: `rows` ascending, `scores` beside them.

    `terms` holds, for each term, the rows it occurs in (ascending); `weights` the IDF of each term.
    """

    rows: Rows
    scores: npt.NDArray[np.float64]
    terms: tuple[Rows, ...]
    weights: tuple[float, ...]

    @property
    def ceiling(self) -> float:
        return sum(self.weights) * (K1 + 1)

    def matched(self, row: int) -> frozenset[int]:
        """Indices of the terms that occur in the chunk of this row."""
        return frozenset(index for index, rows in enumerate(self.terms) if _holds(rows, row))


def _holds(rows: Rows, row: int) -> bool:
    place = int(np.searchsorted(rows, row))
    return place < len(rows) and int(rows[place]) == row


class Bm25:
    """BM25 over one pinned generation. Holds the chunks' lengths in memory: four bytes a row."""

    def __init__(self, connection: sqlite3.Connection, generation: int) -> None:
        pairs = connection.execute(
            f"SELECT c.row, c.words FROM chunks c WHERE {LIVE.format('c')}", {"generation": generation}
        ).fetchall()
        table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        self._count = len(table)
        # lengths by row; -1 marks rows that this generation does not see
        self._lengths = np.full(int(table[:, 0].max()) + 1 if len(table) else 1, -1, dtype=np.int32)
        self._lengths[table[:, 0]] = table[:, 1]
        mean = float(table[:, 1].mean()) if len(table) else 0.0
        self._mean = mean if mean > 0 else 1.0

    def scores(self, connection: sqlite3.Connection, question: str) -> TermScores:
        """Scores of all chunks for one question. Terms that occur nowhere keep their weight: they were asked for."""
        terms: list[Rows] = []
        weights: list[float] = []
        gains: list[npt.NDArray[np.float64]] = []
        for term in question_terms(question):
            rows, frequencies = self._postings(connection, term)
            idf = float(np.log1p((self._count - len(rows) + 0.5) / (len(rows) + 0.5)))
            length = self._lengths[rows] / self._mean
            gains.append(idf * frequencies * (K1 + 1) / (frequencies + K1 * (1 - B + B * length)))
            terms.append(rows)
            weights.append(idf)
        if not terms:
            return TermScores(np.empty(0, np.int64), np.empty(0), (), ())
        rows, inverse = np.unique(np.concatenate(terms), return_inverse=True)
        totals = np.zeros(len(rows))
        np.add.at(totals, inverse, np.concatenate(gains))
        return TermScores(rows, totals, tuple(terms), tuple(weights))

    def _postings(self, connection: sqlite3.Connection, term: str) -> tuple[Rows, npt.NDArray[np.float64]]:
        found = connection.execute("SELECT doc, count(*) FROM postings WHERE term = ? GROUP BY doc", (term,)).fetchall()
        table = np.array(found, dtype=np.int64).reshape(-1, 2)
        table = table[table[:, 0] < len(self._lengths)]
        table = table[self._lengths[table[:, 0]] >= 0]
        return table[:, 0], table[:, 1].astype(np.float64)
