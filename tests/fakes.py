"""Small real classes with numbers one can work out by hand. They implement `app.ports`; nothing is patched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from app.domain import (
    CalibrationKind,
    Candidate,
    Chunk,
    GatePolicy,
    Judgement,
    LibraryInfo,
    Retrieved,
    Scale,
    Score,
    Scored,
    ScorerId,
    ScorerProfile,
    ScorerRun,
)
from app.errors import ProviderTimeout
from app.ports import Delta, Lexical, Vectors

INFO = LibraryInfo(name="fake", generation=1, documents=1, chunks=3, embedder_id="fake/letters")


def chunk(chunk_id: str, text: str = "", **values: object) -> Chunk:
    """A chunk; its text is its id unless given."""
    base: dict[str, object] = {"document_id": "doc", "title": "Title", "ordinal": 0, "tokens": 10}
    return Chunk(id=chunk_id, text=text or chunk_id, **{**base, **values})  # type: ignore[arg-type]


def scored(
    chunk_id: str, rank_after: int, p: float | None = None, *, raw: float | None = None, before: int = 0, text: str = ""
) -> Scored:
    """A scored candidate; the raw score is p unless given."""
    candidate = Candidate(chunk(chunk_id, text or f"passage {chunk_id}"), rank_before=before or rank_after)
    return Scored(candidate, rank_after, raw_score=p if raw is None else raw, p=p)


def run(status: str = "applied", scale: Scale = Scale.LOGIT) -> ScorerRun:
    return ScorerRun("fake", "fake", scale, status)  # type: ignore[arg-type]


class TableScorer:
    """Scores by looking the passage up; a passage that is not in the table gets None."""

    def __init__(self, table: Mapping[str, float | None], *, scale: Scale = Scale.LOGIT, name: str = "table") -> None:
        self.table = table
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.profile = ScorerProfile(ScorerId("fake", name), f"{name} scorer", scale, pointwise=True)

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        self.calls.append((question, tuple(passages)))
        return [Score(self.table.get(p)) for p in passages]


class BrokenScorer(TableScorer):
    """A provider that never answers."""

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        raise ProviderTimeout("The provider did not answer in 3 s.", hint="Try again.")


class RawIsP:
    """A calibration whose p is the raw score; evidence is the cosine; p_answerable is fixed."""

    kind: CalibrationKind = "general"
    note = "p is the raw score"

    def __init__(self, p_answerable: float | None = 0.9, policy: GatePolicy | None = None) -> None:
        self.policy = GatePolicy(answer_above=0.3, keep_above=0.2) if policy is None else policy
        self.p_answerable = p_answerable

    def judge(self, retrieved: Retrieved, scores: Sequence[Score]) -> Judgement:
        return self._by([s.raw for s in scores])

    def evidence(self, retrieved: Retrieved) -> Judgement:
        return self._by([c.cosine for c in retrieved.candidates])

    def _by(self, values: Sequence[float | None]) -> Judgement:
        keys = [-1.0 if v is None else v for v in values]
        order = sorted(range(len(keys)), key=lambda i: (-keys[i], i))
        return Judgement(tuple(values), (None,) * len(keys), tuple(order), self.p_answerable)


class LetterEmbedder:
    """Counts the letters a, b and c: `"aab"` points to (2, 1, 0), scaled to length 1."""

    id = "fake/letters"
    dimension = 3
    max_tokens = 256

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        counts = np.array([[t.lower().count(letter) for letter in "abc"] for t in texts], dtype=np.float32).reshape(
            -1, 3
        )
        counts[~counts.any(axis=1)] = 1
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    embed_passages = embed_questions

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(t.split()) for t in texts]


class MemoryReader:
    """A library in memory: cosine over given vectors, and one BM25 point for each question word a chunk holds."""

    has_lexical = True

    def __init__(self, chunks: Sequence[Chunk], embedder: LetterEmbedder | None = None) -> None:
        self._chunks = {c.id: c for c in chunks}
        embedder = embedder or LetterEmbedder()
        self._vectors = dict(zip(self._chunks, embedder.embed_passages([c.text for c in chunks]), strict=True))
        self.info = LibraryInfo("fake", 1, 1, len(chunks), "fake/letters")
        self.closed = 0

    def dense(self, vector: Vectors, k: int, where: object) -> list[tuple[str, float]]:
        found = self.cosines(vector, list(self._chunks))
        return sorted(found.items(), key=lambda item: -item[1])[:k]

    def cosines(self, vector: Vectors, chunk_ids: Sequence[str]) -> dict[str, float]:
        return {i: float(self._vectors[i] @ vector) for i in chunk_ids}

    def lexical(self, question: str, k: int, where: object) -> Lexical:
        found = self.bm25(question, list(self._chunks))
        best = sorted((i for i in found.bm25 if found.bm25[i] > 0), key=lambda i: -found.bm25[i])[:k]
        return Lexical(
            {i: found.bm25[i] for i in best}, {i: found.matched[i] for i in best}, found.term_weights, found.ceiling
        )

    def bm25(self, question: str, chunk_ids: Sequence[str]) -> Lexical:
        terms = question.lower().split()
        matched = {
            i: frozenset(n for n, term in enumerate(terms) if term in self._chunks[i].text.lower().split())
            for i in chunk_ids
        }
        scores = {i: float(len(m)) for i, m in matched.items()}
        return Lexical(scores, matched, (1.0,) * len(terms), float(len(terms)))

    def chunks(self, chunk_ids: Sequence[str]) -> dict[str, Chunk]:
        return {i: self._chunks[i] for i in chunk_ids}

    def around(self, chunk_id: str, reach: int = 1) -> tuple[Chunk, ...]:
        chunk = self._chunks[chunk_id]
        near = range(chunk.ordinal - reach, chunk.ordinal + reach + 1)
        same = [c for c in self._chunks.values() if c.document_id == chunk.document_id and c.ordinal in near]
        return tuple(sorted(same, key=lambda c: c.ordinal))

    def close(self) -> None:
        self.closed += 1


class ScriptedChat:
    """A chat model that says what it was told to, and keeps what it was asked."""

    name = "scripted"

    def __init__(self, pieces: Sequence[str], *, finish: str = "stop", window: int | None = 8192) -> None:
        self.pieces = pieces
        self.finish = finish
        self.window = window
        self.asked: list[tuple[str, str]] = []

    def stream(self, system: str, user: str, *, max_tokens: int) -> Iterator[Delta]:
        self.asked.append((system, user))
        for piece in self.pieces:
            yield Delta(piece)
        yield Delta("", self.finish, {"input_tokens": 7, "output_tokens": 3})  # type: ignore[arg-type]

    def complete(self, system: str, user: str, *, max_tokens: int) -> str:
        self.asked.append((system, user))
        return "".join(self.pieces)


class CountingScorer(TableScorer):
    """A local scorer with fixed weights: a passage's raw score is its length divided by seven; `calls` as above."""

    def __init__(self, *, revision: str = "rev-1", pointwise: bool = True, fixed_weights: bool = True) -> None:
        super().__init__({})
        identity = ScorerId("fake", "counting", revision)
        self.profile = ScorerProfile(identity, "counting scorer", Scale.LOGIT, pointwise, fixed_weights)

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        self.calls.append((question, tuple(passages)))
        return [Score(len(p) / 7, windows=1 + len(p) // 10) if p else Score(None) for p in passages]
