"""A small in-memory Sluice for tests of the pages: the real pipeline over a few notes, with scores worked out by hand.

The scorer counts shared words, the calibration maps the share to p with one line: every number can be recomputed.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.domain import (
    Chunk,
    Filter,
    GatePolicy,
    Judgement,
    LibraryInfo,
    Retrieved,
    Scale,
    Score,
    ScorerId,
    ScorerProfile,
    Shares,
    Trace,
)
from app.errors import LibraryLocked, ProviderTimeout
from app.evaluation.votes import VoteKind
from app.evaluation.votes import Votes as KeptVotes
from app.library.admin import DocumentRow, FailedRow
from app.pipeline import GateChoice, Limits, Options, Pipeline, Prompts
from app.ports import Lexical, Vectors
from app.samples import SampleQuestion
from app.settings import Settings
from app.stages.judge import Judge
from app.words import content_words

DIMENSION = 128
QUESTION = "What is the difference between a bi-encoder and a cross-encoder?"
OFF_TOPIC = "Zebra migration timetable Okavango?"
_WORDS = ["maple", "birch", "cedar", "aspen", "willow", "alder", "hazel", "rowan", "linden", "poplar"]


class WordEmbedder:
    """Hashes words into a vector; equal words give equal directions."""

    id = "fake/words"
    dimension = DIMENSION
    max_tokens = 220

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in content_words(text):
                row[sum(map(ord, word)) % DIMENSION] += 1
            row /= np.linalg.norm(row) or 1.0
        return rows

    embed_passages = embed_questions

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(t.split()) for t in texts]


class MemoryReader:
    """A library in memory."""

    has_lexical = True

    def __init__(self, info: LibraryInfo, chunks: Sequence[Chunk]) -> None:
        self.info = info
        self._chunks = {c.id: c for c in chunks}
        self._words = {c.id: content_words(c.text) for c in chunks}
        self._vectors = WordEmbedder().embed_passages([c.text for c in chunks])

    def dense(self, vector: Vectors, k: int, where: Filter) -> list[tuple[str, float]]:
        near = sorted(self.cosines(vector, list(self._allowed(where))).items(), key=lambda item: -item[1])
        return near[:k]

    def _allowed(self, where: Filter) -> list[str]:
        return [i for i, c in self._chunks.items() if all(c.metadata.get(w.field) in w.values for w in where)]

    def lexical(self, question: str, k: int, where: Filter) -> Lexical:
        allowed = self._allowed(where)
        found = self.bm25(question, allowed)
        best = sorted((i for i in allowed if found.bm25[i] > 0), key=lambda i: -found.bm25[i])[:k]
        return replace(found, bm25={i: found.bm25[i] for i in best}, matched={i: found.matched[i] for i in best})

    def cosines(self, vector: Vectors, chunk_ids: Sequence[str]) -> dict[str, float]:
        places = {i: n for n, i in enumerate(self._chunks)}
        return {i: float(self._vectors[places[i]] @ vector) for i in chunk_ids}

    def bm25(self, question: str, chunk_ids: Sequence[str]) -> Lexical:
        terms = sorted(set(content_words(question)))
        total = len(self._chunks)
        weights = tuple(math.log(1 + total / (1 + sum(t in w for w in self._words.values()))) for t in terms)
        matched = {i: frozenset(n for n, t in enumerate(terms) if t in self._words[i]) for i in chunk_ids}
        scores = {i: sum(weights[n] for n in found) for i, found in matched.items()}
        return Lexical(scores, matched, weights, ceiling=sum(weights) or 1.0)

    def chunks(self, chunk_ids: Sequence[str]) -> dict[str, Chunk]:
        return {i: self._chunks[i] for i in chunk_ids if i in self._chunks}

    def around(self, chunk_id: str, reach: int = 1) -> tuple[Chunk, ...]:
        chunk = self._chunks[chunk_id]
        near = range(chunk.ordinal - reach, chunk.ordinal + reach + 1)
        return tuple(c for c in self._chunks.values() if c.document_id == chunk.document_id and c.ordinal in near)

    def close(self) -> None:
        pass


class OverlapScorer:
    """The share of the question's words that a passage holds; `down` makes it fail as a hosted one does."""

    def __init__(self, *, down: bool = False) -> None:
        self.profile = ScorerProfile(ScorerId("fake", "overlap"), "Word overlap", Scale.BOUNDED, pointwise=True)
        self._down = down

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        if self._down:
            raise ProviderTimeout("Cohere did not answer in 3 s.", hint="Try again, or choose another reranker.")
        asked = set(content_words(question)) or {""}
        return [Score(len(asked & set(content_words(p))) / len(asked)) for p in passages]


@dataclass(frozen=True)
class LineCalibration:
    """p = raw squared; p_answerable = the best raw score. Keeps from 0.30, answers from 0.34."""

    kind: str = "general"
    note: str = "general calibration, measured on held-out questions"
    policy: GatePolicy = GatePolicy(
        answer_above=0.34,
        keep_above=0.30,
        keeps_relevant=0.95,
        answer_note="set where 1 in 20 answerable questions is refused wrongly",
    )

    def judge(self, retrieved: Retrieved, scores: Sequence[Score]) -> Judgement:
        p = tuple(None if s.raw is None else s.raw**2 for s in scores)
        order = tuple(sorted(range(len(p)), key=lambda i: -(p[i] or 0.0)))
        shares = tuple(
            Shares(3 * (x or 0.0), c.cosine or 0.0, -0.5) for x, c in zip(p, retrieved.candidates, strict=True)
        )
        best = max((s.raw for s in scores if s.raw is not None), default=None)
        return Judgement(p, shares, order, best)

    def evidence(self, retrieved: Retrieved) -> Judgement:
        p = tuple(c.bm25_share for c in retrieved.candidates)
        order = tuple(sorted(range(len(p)), key=lambda i: -(p[i] or 0.0)))
        return Judgement(p, (None,) * len(p), order, max((x for x in p if x is not None), default=None))


@dataclass(frozen=True)
class Uncalibrated(LineCalibration):
    """The raw order and no p."""

    kind: str = "none"
    note: str = "uncalibrated: the raw score orders the passages"
    policy: GatePolicy = GatePolicy(answer_above=0.2)

    def judge(self, retrieved: Retrieved, scores: Sequence[Score]) -> Judgement:
        judged = super().judge(retrieved, scores)
        return replace(judged, p=(None,) * len(scores), shares=(None,) * len(scores))


@dataclass(frozen=True)
class Reranker:
    name: str
    label: str
    available: bool = True
    reason: str = ""
    note: str = ""
    on_request: bool = False


class Votes(KeptVotes):
    """The real ones, and what was cast in short."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.cast: list[tuple[str, int, str | None]] = []

    def add(self, trace: Trace, *, kind: VoteKind, value: int, chunk_id: str | None = None) -> None:
        super().add(trace, kind=kind, value=value, chunk_id=chunk_id)
        self.cast.append((kind, value, chunk_id))


class FakeSluice:
    """What the pages use of `app.wiring.Sluice`."""

    def __init__(self, home: Path, texts: dict[str, str] | None = None, *, reranker: str | None = None) -> None:
        self.settings = Settings(_env_file=None, sluice_home=home, reranker=reranker or "auto")
        self.votes = Votes(home / "votes")
        chunks = chunked(handbook() if texts is None else texts)
        documents = len({c.document_id for c in chunks})
        self._info = LibraryInfo("handbook", 1, documents, len(chunks), WordEmbedder.id)
        self._reader = MemoryReader(self._info, chunks) if chunks else None
        self._chunks = chunks
        self.locked = False  # as while another process writes
        self.failed: list[FailedRow] = []
        prompts = Path(__file__).resolve().parent.parent / "app" / "prompts"
        self.pipeline = Pipeline(
            open_reader=lambda name: self._reader or MemoryReader(self._info, []),
            embedder=WordEmbedder(),
            open_judge=self.open_judge,
            sentence_scorer=lambda: OverlapScorer(),
            chat=None,
            prompts=Prompts(**{n: (prompts / f"{n}.txt").read_text("utf-8") for n in Prompts.__dataclass_fields__}),
            limits=Limits(window=8192, window_known=True, passages=6000, answer=800),
        )

    def open_judge(self, name: str, library: LibraryInfo) -> Judge:
        calibration = Uncalibrated() if name in ("raw", "none") else LineCalibration()
        evidence = LineCalibration() if name == "raw" else None  # asked where SKIP_MARGIN is set
        return Judge(OverlapScorer(down=name == "cohere"), calibration, evidence=evidence)

    def rerankers(self) -> list[Reranker]:
        return [
            Reranker("auto", "Word overlap, calibrated"),
            Reranker("raw", "Word overlap, uncalibrated"),
            Reranker(
                "cohere", "Cohere", available=self.settings.reranker == "cohere", reason="COHERE_API_KEY is not set"
            ),
            Reranker("none", "None: retrieval order"),
        ]

    def options(self, **given: object) -> Options:
        options = Options(library="handbook", gate=GateChoice(), skip_margin=self.settings.skip_margin)
        return replace(options, **{k: v for k, v in given.items() if v is not None})

    def samples(self, library: str) -> tuple[SampleQuestion, ...]:
        return (SampleQuestion(QUESTION, "promotion"), SampleQuestion(OFF_TOPIC, "refusal"))

    def libraries(self) -> list[LibraryInfo]:
        return [self._info] if self._chunks else []

    def library(self, name: str) -> LibraryInfo | None:
        return self._info if name == "handbook" and self._chunks else None

    def documents(self, name: str) -> list[DocumentRow]:
        grouped = itertools.groupby(self._chunks, key=lambda c: c.document_id)
        return [
            DocumentRow(i, i, f"docs/{i}.md", "markdown", len(list(of)), 4096, "2026-11-20T10:00:00+00:00", 1)
            for i, of in grouped
        ]

    def failed_files(self, name: str) -> list[FailedRow]:
        return self.failed

    def filter_fields(self, name: str) -> dict[str, list[str]]:
        return {"format": ["markdown", "pdf"]}

    def around(self, name: str, chunk_id: str) -> tuple[Chunk, ...]:
        return self._reader.around(chunk_id) if self._reader else ()

    def delete(self, name: str, document_ids: Sequence[str]) -> None:
        if self.locked:
            raise LibraryLocked(f"Library {name} is being written by another process.", hint="Wait for it.")
        self._chunks = [c for c in self._chunks if c.document_id not in set(document_ids)]

    def verify(self, name: str) -> list[str]:
        return []


def handbook() -> dict[str, str]:
    """Eleven documents with 25 chunks. Of the five words counted in "What is the difference between a bi-encoder and
    a cross-encoder?" one chunk holds four (p 0.64), two hold three (p 0.36), two hold two (p 0.16), the others one.
    """
    encoders = (
        "# Encoders\n\n"
        "## One vector\nA bi encoder turns a text into a vector.\n"
        "## Both texts\nA cross encoder reads both texts.\n"
        "## When they meet\nThe difference is when the texts meet: early in a cross encoder, late in a bi encoder. "
        "Everything else about speed, cost, memory, caching, indexing and quality follows from this choice of design, "
        "and a reader who remembers one thing from these notes should remember this sentence before all others.\n"
        "## Side by side\nA bi encoder beside a cross encoder.\n"
        "## What it costs\nThe difference to a cross encoder is paid in milliseconds. "
        "Measured on a laptop, with twenty passages of two hundred tokens, batches of eight and no accelerator at all, "
        "most of a second goes into reading, and the rest of the work is hardly worth a line in the table.\n"
    )
    notes = {
        f"note-{n:02}": f"# Note {n}\n\n## First\nEncoder note {tree} alpha.\n## Second\nEncoder note {tree} beta.\n"
        for n, tree in enumerate(_WORDS)
    }
    return {"encoders": encoders, **notes}


def chunked(texts: dict[str, str]) -> list[Chunk]:
    """A chunk for every "## " section."""
    chunks = []
    for name, text in texts.items():
        title = next((line[2:] for line in text.splitlines() if line.startswith("# ")), name)
        for n, part in enumerate(re.split(r"^## ", text, flags=re.M)):
            head, _, body = part.partition("\n")
            if n == 0 and not body.strip() and len(text) > len(part):
                continue  # a title with nothing under it before the first section
            section = (head,) if n else ()
            words = body.split()
            chunks.append(
                Chunk(
                    f"{name}-{n}",
                    name,
                    " ".join(words[:150]) or head,
                    title,
                    n,
                    min(150, len(words)),
                    section,
                    metadata={"format": "markdown"},
                )
            )
    return chunks
