"""What a scorer declares and gives, what a calibration makes of it, and the account of the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from app.domain.retrieval import Candidate


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
    change its model under an unchanged name). `reads`: the fields of a chunk it must be given, whatever was chosen: a
    reranker inside an index elsewhere takes the key of a row, not its text.
    """

    id: ScorerId
    label: str
    scale: Scale
    pointwise: bool
    fixed_weights: bool = False
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text, [start, end) in characters, that a scorer says is why it is relevant; `score` 0..1."""

    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Score:
    """One passage's raw score; None when the scorer gave none. `windows` > 1: the maximum over that many windows.

    `cached`: it was read from the score cache; the score is the same either way. `spans`: what mattered in the text the
    scorer was given, where it says so. `truncated`: the scorer is known to have read only the beginning of it.
    """

    raw: float | None
    windows: int = 1
    cached: bool = field(default=False, compare=False)
    spans: tuple[Span, ...] = ()
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Shares:
    """What the scorer and each kind of evidence gave to the log-odds of p (they add up, with an intercept)."""

    score: float
    cosine: float
    bm25: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate after scoring, at its place (1-based) in the new order. `spans` are those of its own text, without
    what the scorer saw around it (title, section); `truncated` as in `Score`.

    In a cascade `raw_score` and `p` are the second scorer's, `first_score` and `first_p` the first one's, on a scale of
    its own; `passed_on` is False where the second one never saw the passage."""

    candidate: Candidate
    rank_after: int
    raw_score: float | None
    p: float | None = None
    shares: Shares | None = None
    windows: int = 1
    spans: tuple[Span, ...] = ()
    truncated: bool = False
    first_score: float | None = None
    first_p: float | None = None
    passed_on: bool = True


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


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to a service: what it is called, what came of it in words ("answered", or the error's message), the
    seconds it took, and those waited before it. Holds no key."""

    service: str
    outcome: str
    seconds: float
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What looked at the candidates before the reranker: a cascade's first scorer, or the search's evidence (`scorer`
    "evidence"). `passed_on`: how many went on to the reranker, 0 where it was not asked; `lead`: the margin in p of the
    first passage over the next, where that was why. `calibration_note`: where its p comes from, in words."""

    scorer: str
    label: str
    scale: Scale | None
    calibration: CalibrationKind
    passed_on: int
    lead: float | None = None
    calibration_note: str = ""


ScorerStatus = Literal["applied", "fallback", "skipped", "failed"]
CalibrationKind = Literal["here", "general", "none"]


@dataclass(frozen=True, slots=True)
class ScorerRun:
    """Which scorer was asked for, which ran (`used` is its id, `label` what the page calls it), and what became of it.

    `calibration_note` says where p comes from, in words. `cached_scores` counts the scores that were read from the
    score cache; `cached` is true when all were, so that the scorer did not run. `why`: what `auto` stands for, and why.
    `attempts`: requests to services, and one for each scorer on this machine; `tries` are the requests among them.
    `stopped_after`: scoring stopped early, after so many candidates in retrieval order; None when all were scored.
    `first`: the look before it; where that was enough, `used`, `label` and `scale` are its own. `fields`: the template,
    the fields of a chunk that the scorer was shown, in order.
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
    first: FirstLook | None = None
    fields: tuple[str, ...] = ()
    tries: tuple[Attempt, ...] = ()

    @property
    def looked(self) -> str:
        """What the first look did, in words; "" without one."""
        if self.first is None:
            return ""
        if self.first.passed_on == 0:
            return f"reranker not asked: the first passage leads by {self.first.lead:.2f} ({self.first.label})"
        return f"the best {self.first.passed_on} by {self.first.label} went to {self.label}"
