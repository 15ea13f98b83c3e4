"""Scoring: every candidate gets a raw score, never a cut; what happens when the scorer fails is decided here.

Field-aware: the scorer sees a template over chosen fields. Pointwise scorers see each passage alone, listwise ones all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from app.domain import Chunk, GatePolicy, Judgement, LibraryInfo, Retrieved, Scale, Score, Scored, ScorerRun, Usage
from app.errors import ModelError, ProviderError, ProviderNonsense
from app.metering import at_stage, metered, report
from app.patience import recorded
from app.ports import Calibration, Scorer
from app.stages.spans import in_own_text

FailurePolicy = Literal["required", "fallback", "skip"]
Fields = tuple[str, ...]
DEFAULT_FIELDS: Fields = ("title", "section", "text")
_AT_ONCE = 5  # candidates scored between two looks at whether to go on


@dataclass(frozen=True, slots=True)
class Judge:
    """A scorer and the calibration that belongs to it; `why` says why it was chosen, where `auto` chose it."""

    scorer: Scorer
    calibration: Calibration
    why: str = ""


# by setting name, for this library; raises ModelError, ProviderError or SettingsError
OpenJudge = Callable[[str, LibraryInfo], Judge]


@dataclass(frozen=True, slots=True)
class Scoring:
    """What scoring made of one question; `used`: what services were used, those that failed included."""

    scored: tuple[Scored, ...]
    evidence: tuple[Scored, ...]
    run: ScorerRun
    p_answerable: float | None
    defaults: GatePolicy
    used: tuple[Usage, ...] = ()


def passage_text(chunk: Chunk, fields: Fields = DEFAULT_FIELDS) -> str:
    """What the scorer reads of a chunk: its non-empty fields, one a line. Unknown names are metadata columns.

    The section path leaves out parts that only repeat the title.
    """
    return "\n".join(line for _, line in _lines(chunk, fields))


def text_begins(chunk: Chunk, fields: Fields = DEFAULT_FIELDS) -> int | None:
    """Where the chunk's own text begins in `passage_text`; None where it is not among the fields."""
    begins = 0
    for name, line in _lines(chunk, fields):
        if name == "text":
            return begins
        begins += len(line) + 1
    return None


def _lines(chunk: Chunk, fields: Fields) -> list[tuple[str, str]]:
    lines = []
    for name in fields:
        if name == "title":
            value = chunk.title
        elif name == "section":
            value = " > ".join(part for part in chunk.section if part != chunk.title)
        elif name == "text":
            value = chunk.text
        else:
            value = str(chunk.metadata.get(name, ""))
        if value.strip():
            lines.append((name, value))
    return lines


def score(
    question: str,
    retrieved: Retrieved,
    *,
    requested: str,
    open_judge: OpenJudge,
    policy: FailurePolicy,
    fallback: str,
    fields: Fields = DEFAULT_FIELDS,
    early_stop: int = 0,
) -> Scoring:
    """Score all candidates with `requested`; on failure refuse, fall back or skip as `policy` says (design.md 5).

    `early_stop` > 0: see `_until_hopeless`.
    """
    attempts: list[int] = []
    with metered() as used, recorded() as tries:
        scoring = _score(question, retrieved, requested, open_judge, policy, fallback, fields, early_stop, attempts)
    run = replace(scoring.run, attempts=sum(attempts), tries=tuple(tries))
    return replace(scoring, run=run, used=at_stage("score", used))


@contextmanager
def _counted(attempts: list[int]) -> Iterator[None]:
    """One scorer's turn: the requests it made, or one where it works on this machine."""
    with recorded() as tries:
        try:
            yield
        finally:
            attempts.append(max(1, len(tries)))


def _score(
    question: str,
    retrieved: Retrieved,
    requested: str,
    open_judge: OpenJudge,
    policy: FailurePolicy,
    fallback: str,
    fields: Fields,
    early_stop: int,
    attempts: list[int],
) -> Scoring:
    if requested == "none":
        return _unscored(retrieved, open_judge, requested, "skipped", "reranking is off")
    try:
        with _counted(attempts):
            judge = open_judge(requested, retrieved.library)
            return _with(judge, question, retrieved, fields, requested=requested, early_stop=early_stop)
    except (ProviderError, ModelError) as error:
        reason = error.message
    if policy == "skip":
        return _unscored(retrieved, open_judge, requested, "skipped", reason)
    if policy == "fallback" and fallback not in (requested, "none"):
        try:
            with _counted(attempts):
                judge = open_judge(fallback, retrieved.library)
                why = reason
                return _with(judge, question, retrieved, fields, requested=requested, reason=why, early_stop=early_stop)
        except (ProviderError, ModelError) as error:
            reason = f"{reason} The fallback failed too: {error.message}"
    return _unscored(retrieved, open_judge, requested, "failed", reason)


def _with(
    judge: Judge,
    question: str,
    retrieved: Retrieved,
    fields: Fields,
    *,
    requested: str,
    reason: str | None = None,
    early_stop: int = 0,
) -> Scoring:
    scorer, calibration = judge.scorer, judge.calibration
    fields = scorer.profile.reads or fields
    texts = [passage_text(c.chunk, fields) for c in retrieved.candidates]
    if early_stop > 0 and scorer.profile.pointwise and calibration.policy.keep_above is not None:
        scores = _until_hopeless(judge, question, retrieved, texts, calibration.policy.keep_above, early_stop)
    else:
        scores = scores_of(scorer, question, texts)
    stopped_after = len(scores) if len(scores) < len(texts) else None
    scores += [Score(None)] * (len(texts) - len(scores))
    judgement = calibration.judge(retrieved, scores)
    return Scoring(
        scored=_ordered(retrieved, judgement, _with_own_spans(scores, retrieved, texts, fields)),
        evidence=_ordered(retrieved, calibration.evidence(retrieved), None),
        run=ScorerRun(
            requested=requested,
            used=str(scorer.profile.id),
            scale=scorer.profile.scale,
            status="applied" if reason is None else "fallback",
            reason=reason,
            calibration=calibration.kind,
            calibration_note=calibration.note,
            label=scorer.profile.label,
            cached=bool(scores) and all(s.cached for s in scores[:stopped_after]),
            why=judge.why,
            stopped_after=stopped_after,
            cached_scores=sum(s.cached for s in scores),
        ),
        p_answerable=judgement.p_answerable,
        defaults=calibration.policy,
    )


def scores_of(scorer: Scorer, question: str, texts: Sequence[str]) -> list[Score]:
    """One score a passage. A scorer that is not one set of weights on this machine is taken for a service: where it
    reports no use, and scored something anew, its use is reported as not known.

    Raises what the scorer raises, and ProviderNonsense when there are more or fewer scores than passages.
    """
    with metered() as used:
        scores = scorer.score(question, texts)
        identity, local = scorer.profile.id, scorer.profile.fixed_weights
        if not used and not local and any(not score.cached for score in scores):
            report(Usage(identity.provider, identity.model, None))
    if len(scores) != len(texts):
        raise ProviderNonsense(
            f"{scorer.profile.label} gave {len(scores)} scores for {len(texts)} passages.",
            hint="Choose another reranker, or run `sluice doctor`.",
        )
    return scores


def _with_own_spans(scores: Sequence[Score], retrieved: Retrieved, texts: Sequence[str], fields: Fields) -> list[Score]:
    """The scores with what was marked as places in each chunk's own text."""
    return [
        replace(score, spans=in_own_text(score.spans, seen, c.chunk.text, text_begins(c.chunk, fields)))
        if score.spans
        else score
        for score, c, seen in zip(scores, retrieved.candidates, texts, strict=True)
    ]


def _until_hopeless(
    judge: Judge, question: str, retrieved: Retrieved, texts: Sequence[str], keep_above: float, patience: int
) -> list[Score]:
    """Scores in retrieval order, some at a time, until the last `patience` candidates all have p below keep_above.

    That the rest would have too is likely, not sure: what it loses is measured by `tests.benchmarks.early_stop`.
    """
    scores: list[Score] = []
    while len(scores) < len(texts):
        scores += scores_of(judge.scorer, question, texts[len(scores) : len(scores) + _AT_ONCE])
        so_far = judge.calibration.judge(retrieved, [*scores, *[Score(None)] * (len(texts) - len(scores))]).p
        last = so_far[max(0, len(scores) - patience) : len(scores)]
        if len(last) == patience and all(p is not None and p < keep_above for p in last):
            break
    return scores


def _unscored(
    retrieved: Retrieved, open_judge: OpenJudge, requested: str, status: Literal["skipped", "failed"], reason: str
) -> Scoring:
    """Retrieval order, no scores; the question-level model still works, because it needs no scorer."""
    calibration = open_judge("none", retrieved.library).calibration
    none = [Score(None)] * len(retrieved.candidates)
    judgement = calibration.judge(retrieved, none)
    in_place = Judgement(
        p=(None,) * len(none), shares=(None,) * len(none), order=tuple(range(len(none))), p_answerable=None
    )
    return Scoring(
        scored=_ordered(retrieved, in_place, none),
        evidence=_ordered(retrieved, calibration.evidence(retrieved), None),
        run=ScorerRun(
            requested=requested,
            used=None,
            scale=Scale.RANK_ONLY,
            status=status,
            reason=reason,
            calibration="none",
            calibration_note=calibration.note,
        ),
        p_answerable=judgement.p_answerable,
        defaults=calibration.policy,
    )


def _ordered(retrieved: Retrieved, judgement: Judgement, scores: Sequence[Score] | None) -> tuple[Scored, ...]:
    return tuple(
        Scored(
            candidate=retrieved.candidates[i],
            rank_after=rank,
            raw_score=scores[i].raw if scores is not None else None,
            p=judgement.p[i],
            shares=judgement.shares[i],
            windows=scores[i].windows if scores is not None else 1,
            spans=scores[i].spans if scores is not None else (),
            truncated=scores[i].truncated if scores is not None else False,
        )
        for rank, i in enumerate(judgement.order, 1)
    )
