"""The frozen values that flow through Sluice, in the order a question meets them.

Question -> Retrieved (candidates) -> Scored -> GateResult (decisions) -> Context -> Answer -> Trace.

Standard library only: everything else in the project may import this file, and it imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Scalar = str | int | float | bool
Metadata = Mapping[str, Scalar]

# -- what the library holds ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Document:
    """One source file or page. `content_hash` is the SHA-256 (hex) of the source's bytes."""

    id: str
    title: str
    uri: str
    format: str
    content_hash: str
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document that is embedded and retrieved.

    `tokens` counts title and text with the embedding model's own tokenizer (at most 220). `ordinal` is the
    0-based place within the document; `page` is 1-based, None where the format has no pages.
    """

    id: str
    document_id: str
    text: str
    title: str
    ordinal: int
    tokens: int
    section: tuple[str, ...] = ()
    page: int | None = None
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """What a reader knows about the pinned generation it reads.

    `floor` is p_answerable's offset for this library (see `app.calibration.floor`): the scores that about thirty
    shipped off-topic questions reach here; empty until ingest has asked them.
    """

    name: str
    generation: int
    documents: int
    chunks: int
    embedder_id: str
    floor: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """One metadata condition: the field's value is one of `values` ("in"), or compares with `values[0]`."""

    field: str
    op: Literal["in", ">=", "<="]
    values: tuple[Scalar, ...]


Filter = tuple[Condition, ...]  # all must hold; () lets everything through

# -- the question ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier turn of the conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What was typed, and the question that stands alone and is searched for; `note`: what went wrong on the way."""

    text: str
    standalone: str
    rewrite: Literal["none", "model", "terms", "edited"] = "none"
    note: str = ""

    @property
    def asked(self) -> str:
        """The words a passage is expected to contain. Terms carried over from earlier turns help to search and to
        compare meaning; an answer need not repeat them."""
        return self.text if self.rewrite == "terms" else self.standalone


# -- retrieval -------------------------------------------------------------------------------------

RetrievalMode = Literal["dense", "lexical", "hybrid"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that retrieval returned, with its evidence. Ranks are 1-based.

    `cosine` (-1..1) and `bm25` (>= 0) are computed for every candidate, whichever leg found it; None only where the
    leg is unavailable (a Chroma server without its catalogue has no lexical leg). `bm25_share` is BM25 divided by
    the most this question could score (0..1), so that it carries over between corpora. `matched` indexes the
    question's terms (`Retrieved.term_weights`) that occur in the chunk. Both are about `Question.asked`.
    """

    chunk: Chunk
    rank_before: int
    cosine: float | None = None
    bm25: float | None = None
    bm25_share: float | None = None
    rank_dense: int | None = None
    rank_lexical: int | None = None
    matched: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The frozen candidate set of one question. `term_weights` are the IDFs of the question's terms in this library."""

    candidates: tuple[Candidate, ...]
    mode: RetrievalMode
    k: int
    library: LibraryInfo
    filter: Filter = ()
    term_weights: tuple[float, ...] = ()
    lexical_available: bool = True


# -- scoring ---------------------------------------------------------------------------------------


class Scale(StrEnum):
    """What a raw score means. Declared by the adapter, never guessed from values."""

    LOGIT = "logit"
    PROBABILITY = "probability"
    BOUNDED = "bounded"  # 0..1, uncalibrated
    ORDINAL = "ordinal"  # 0..4
    RANK_ONLY = "rank_only"


@dataclass(frozen=True, slots=True)
class ScorerId:
    """What a score or a calibration belongs to. Two scorers with equal ids give equal scores."""

    provider: str
    model: str
    revision: str = ""
    activation: str = ""
    precision: str = ""
    template: str = "title+text"
    window: int = 0

    def __str__(self) -> str:
        return "/".join(
            (self.provider, self.model, self.revision, self.activation, self.precision, self.template, str(self.window))
        )


@dataclass(frozen=True, slots=True)
class ScorerProfile:
    """What a scorer declares about itself. `window` (tokens) is in the id; `label` is what the page calls it.

    `fixed_weights`: its id names one set of weights on this machine, so that a score may be kept (a service can
    change its model under an unchanged name).
    """

    id: ScorerId
    label: str
    scale: Scale
    pointwise: bool
    fixed_weights: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """One passage's raw score; None when the scorer gave none. `windows` > 1: the maximum over that many windows.

    `cached`: it was read from the score cache; the score is the same either way.
    """

    raw: float | None
    windows: int = 1
    cached: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Shares:
    """What the scorer and each kind of evidence gave to the log-odds of p (they add up, with an intercept)."""

    score: float
    cosine: float
    bm25: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate after scoring, at its place (1-based) in the new order."""

    candidate: Candidate
    rank_after: int
    raw_score: float | None
    p: float | None = None
    shares: Shares | None = None
    windows: int = 1


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a calibration makes of one question's raw scores; `p` and `shares` follow the order of the candidates.

    `p` is None where the raw score is, or where nothing is calibrated for this scorer. `order` lists candidate
    indices (0-based), best first; ties keep the retrieval order.
    """

    p: tuple[float | None, ...]
    shares: tuple[Shares | None, ...]
    order: tuple[int, ...]
    p_answerable: float | None


ScorerStatus = Literal["applied", "fallback", "skipped", "failed"]
CalibrationKind = Literal["here", "general", "none"]


@dataclass(frozen=True, slots=True)
class ScorerRun:
    """Which scorer was asked for, which ran (`used` is its id, `label` what the page calls it), and what became of it.

    `calibration_note` says where p comes from, in words. `cached_scores` counts the scores that were read from the
    score cache; `cached` is true when all were, so that the scorer did not run. `why`: what `auto` stands for, and why.
    `stopped_after`: scoring stopped early, after so many candidates in retrieval order; None when all were scored.
    """

    requested: str
    used: str | None
    scale: Scale | None
    status: ScorerStatus
    reason: str | None = None
    attempts: int = 1
    calibration: CalibrationKind = "none"
    calibration_note: str = ""
    cached: bool = False
    label: str = ""
    cached_scores: int = 0
    why: str = ""
    stopped_after: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything that is known before the gate decides; moving the gate starts again from here.

    `scored` is in the order after scoring; `evidence` is the same candidates ordered by retrieval evidence alone (the
    fourth arm). `defaults` is the gate policy the calibration proposes.
    """

    question: Question
    retrieved: Retrieved
    scored: tuple[Scored, ...]
    run: ScorerRun
    p_answerable: float | None
    defaults: GatePolicy
    evidence: tuple[Scored, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)


# -- the gate --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What clears the gate (design.md section 3). None means "not set", 0.0 is a value.

    `answer_above` and `keep_above` are probabilities 0..1; with an uncalibrated scorer `raw_keep_above` is compared
    with the raw score instead, and without it passages are kept by rank. `rescue_ratio`, `ratio_to_top` and
    `duplicate_above` are shares 0..1. `keeps_relevant` and `answer_note` are the measured errors the page shows.
    """

    answer_above: float | None = None
    keep_above: float | None = None
    raw_keep_above: float | None = None
    min_chunks: int = 3
    max_chunks: int = 5
    rescue_ratio: float = 0.25
    ratio_to_top: float | None = None
    duplicate_above: float = 0.85
    token_budget: int | None = None
    keeps_relevant: float | None = None
    answer_note: str = ""


class DecisionKind(StrEnum):
    """What the gate did with one candidate."""

    NOT_SCORED = "NOT_SCORED"
    DUPLICATE = "DUPLICATE"
    OVER_BUDGET = "OVER_BUDGET"
    OVER_MAX = "OVER_MAX"
    BELOW_THRESHOLD = "BELOW_THRESHOLD"
    BELOW_RATIO = "BELOW_RATIO"
    KEPT = "KEPT"
    KEPT_BY_RANK = "KEPT_BY_RANK"
    RESCUED = "RESCUED"
    FORCED = "FORCED"  # below the gate; the person asked for it

    @property
    def admits(self) -> bool:
        return self in _ADMITTING


_ADMITTING = frozenset({DecisionKind.KEPT, DecisionKind.KEPT_BY_RANK, DecisionKind.RESCUED, DecisionKind.FORCED})


@dataclass(frozen=True, slots=True)
class Decision:
    """One candidate's decision, with the reason in words. `duplicate_of` is a chunk id."""

    scored: Scored
    kind: DecisionKind
    reason: str
    duplicate_of: str | None = None


Outcome = Literal["admitted", "refused", "ungated", "forced"]


class RefusalCode(StrEnum):
    EMPTY_LIBRARY = "EMPTY_LIBRARY"
    NO_CANDIDATES = "NO_CANDIDATES"
    BELOW_THRESHOLD = "BELOW_THRESHOLD"
    RERANKER_UNAVAILABLE = "RERANKER_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A result, not an error: why nothing was let through, and the nearest misses (at most three, best first)."""

    code: RefusalCode
    message: str
    nearest: tuple[Scored, ...] = ()


@dataclass(frozen=True, slots=True)
class GateResult:
    """One decision a candidate, in the order after scoring; `admitted` lists the passages for the context in order."""

    decisions: tuple[Decision, ...]
    policy: GatePolicy
    p_answerable: float | None
    outcome: Outcome
    changed_order: bool
    refusal: Refusal | None = None

    @property
    def admitted(self) -> tuple[Decision, ...]:
        """Kept passages in order, then the rescued ones (they are weaker, and come last)."""
        kept = [d for d in self.decisions if d.kind.admits and d.kind is not DecisionKind.RESCUED]
        return (*kept, *(d for d in self.decisions if d.kind is DecisionKind.RESCUED))


# -- context and answer ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Passage:
    """An admitted passage with its citation number (1-based). `weaker`: rescued or forced."""

    number: int
    chunk: Chunk
    tokens: int
    weaker: bool = False
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """The admitted passages within the token budget. `left_out` are admitted chunk ids that did not fit."""

    passages: tuple[Passage, ...]
    tokens: int
    budget: int
    window: int
    window_known: bool
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with `[n]` citations. `citations`: numbers cited that exist; `unknown_citations`: that do not;
    `uncited`: passages never cited. `finish`: "stop", "length" (cut by the token limit) or "cut" (the stream broke)."""

    mode: Literal["chat", "extractive"]
    model: str | None
    text: str
    citations: tuple[int, ...] = ()
    unknown_citations: tuple[int, ...] = ()
    uncited: tuple[int, ...] = ()
    finish: Literal["stop", "length", "cut"] = "stop"
    usage: Mapping[str, int] = field(default_factory=dict)
    # passage number -> the sentence that carried most (extractive: quoted; chat: nearest to what was said)
    highlights: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything one question caused. JSON form: `app.trace_json` (schema 1)."""

    judged: Judged
    gate: GateResult
    context: Context | None
    answer: Answer | None
    timings_ms: Mapping[str, float]
    cost_usd: float | None = None

    @property
    def question(self) -> Question:
        return self.judged.question

    @property
    def refusal(self) -> Refusal | None:
        return self.gate.refusal


def as_sequence(value: Scalar | Sequence[Scalar]) -> tuple[Scalar, ...]:
    """One value or several, as a tuple. `as_sequence("pdf") == ("pdf",)`."""
    return (value,) if isinstance(value, str | int | float | bool) else tuple(value)
