"""Scoring: every candidate gets a raw score, never a cut; what happens when the scorer fails is decided here.

Field-aware: the scorer sees a template over chosen fields. Pointwise scorers see each passage alone, listwise ones all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from app.domain import (
    FirstLook,
    GatePolicy,
    Judgement,
    LibraryInfo,
    Retrieved,
    Scale,
    Score,
    Scored,
    ScorerRun,
    Usage,
)
from app.errors import ModelError, ProviderError, ProviderNonsense
from app.metering import at_stage, metered, report
from app.patience import recorded
from app.ports import Calibration, Scorer
from app.stages.cascade import Looked, behind, best_of, lead, spread
from app.stages.fields import DEFAULT_FIELDS, Fields, passage_text
from app.stages.in_order import in_order, with_own_spans

__all__ = [
    "DEFAULT_FIELDS", "FailurePolicy", "Fields", "Judge", "OpenJudge", "Scoring", "passage_text", "score", "scores_of"
]  # fmt: skip

FailurePolicy = Literal["required", "fallback", "skip"]
_AT_ONCE = 5  # candidates scored between two looks at whether to go on


@dataclass(frozen=True, slots=True)
class Judge:
    """A scorer and the calibration that belongs to it; `why` says why it was chosen, where `auto` chose it.

    A cascade has a `first` judge, whose `passes_on` best this one scores. `evidence`: the calibration from retrieval
    evidence alone, with thresholds of its own, where there is one.
    """

    scorer: Scorer
    calibration: Calibration
    why: str = ""
    first: Judge | None = None
    passes_on: int | None = None
    evidence: Calibration | None = None


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
    skip_margin: float | None = None,
) -> Scoring:
    """Score all candidates with `requested`; on failure refuse, fall back or skip as `policy` says (design.md 5).

    `early_stop` > 0: see `_until_hopeless`. `skip_margin`: the lead in p of the first passage, by a cascade's first
    scorer or else by the search's evidence, from which on the reranker is not asked (see `cascade`).
    """
    how = _How(fields, early_stop, skip_margin)
    attempts: list[int] = []
    with metered() as used, recorded() as tries:
        scoring = _score(question, retrieved, requested, open_judge, policy, fallback, how, attempts)
    run = replace(scoring.run, attempts=sum(attempts), tries=tuple(tries))
    return replace(scoring, run=run, used=at_stage("score", used))


@dataclass(frozen=True, slots=True)
class _How:
    """What `score` was asked for beside the scorer."""

    fields: Fields
    early_stop: int
    skip_margin: float | None


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
    how: _How,
    attempts: list[int],
) -> Scoring:
    if requested == "none":
        return _unscored(retrieved, open_judge, requested, "skipped", "reranking is off")
    try:
        with _counted(attempts):
            judge = open_judge(requested, retrieved.library)
            return _with(judge, question, retrieved, how, requested=requested)
    except (ProviderError, ModelError) as error:
        reason = error.message
    if policy == "skip":
        return _unscored(retrieved, open_judge, requested, "skipped", reason)
    if policy == "fallback" and fallback not in (requested, "none"):
        try:
            with _counted(attempts):
                judge = open_judge(fallback, retrieved.library)
                return _with(judge, question, retrieved, how, requested=requested, reason=reason)
        except (ProviderError, ModelError) as error:
            reason = f"{reason} The fallback failed too: {error.message}"
    return _unscored(retrieved, open_judge, requested, "failed", reason)


def _with(
    judge: Judge,
    question: str,
    retrieved: Retrieved,
    how: _How,
    *,
    requested: str,
    reason: str | None = None,
) -> Scoring:
    looked = _first_look(judge, question, retrieved, how)
    if looked is not None and looked.account.passed_on == 0 and retrieved.candidates:
        return _by_first_look(looked, retrieved, how, requested=requested, reason=reason, why=judge.why)
    scorer, calibration = judge.scorer, judge.calibration
    fields = scorer.profile.reads or how.fields
    texts = [passage_text(c.chunk, fields) for c in retrieved.candidates]
    stopped_after = None
    if looked is not None:
        seen = best_of(looked.judgement, looked.account.passed_on)
        scores = spread(scores_of(scorer, question, [texts[i] for i in seen]), seen, len(texts))
    elif how.early_stop > 0 and scorer.profile.pointwise and calibration.policy.keep_above is not None:
        scores = _until_hopeless(judge, question, retrieved, texts, calibration.policy.keep_above, how.early_stop)
        stopped_after = len(scores) if len(scores) < len(texts) else None
        scores += [Score(None)] * (len(texts) - len(scores))
    else:
        scores = scores_of(scorer, question, texts)
    judgement = calibration.judge(retrieved, scores)
    if looked is not None:
        judgement = replace(judgement, order=behind(judgement, seen, looked.judgement))
    return Scoring(
        scored=in_order(retrieved, judgement, with_own_spans(scores, retrieved, texts, fields), looked),
        evidence=in_order(retrieved, calibration.evidence(retrieved), None),
        run=ScorerRun(
            requested=requested,
            used=str(scorer.profile.id),
            scale=scorer.profile.scale,
            status="applied" if reason is None else "fallback",
            reason=reason,
            calibration=calibration.kind,
            calibration_note=calibration.note,
            label=scorer.profile.label,
            cached=any(s.cached for s in scores) and all(s.cached or s.raw is None for s in scores[:stopped_after]),
            why=judge.why,
            stopped_after=stopped_after,
            cached_scores=sum(s.cached for s in scores),
            first=None if looked is None else looked.account,
            fields=fields,
        ),
        p_answerable=judgement.p_answerable,
        defaults=calibration.policy,
    )


def _first_look(judge: Judge, question: str, retrieved: Retrieved, how: _How) -> Looked | None:
    """The look before the scorer: by a cascade's first one, or by evidence where only its margin is asked for. None
    without either, and where evidence does not lead by so much: then the scorer sees all, as if nobody had looked."""
    if judge.first is not None:
        first = judge.first
        fields = first.scorer.profile.reads or how.fields
        texts = [passage_text(c.chunk, fields) for c in retrieved.candidates]
        scores = scores_of(first.scorer, question, texts)
        judgement, profile = first.calibration.judge(retrieved, scores), first.scorer.profile
        count = len(texts) if judge.passes_on is None else min(judge.passes_on, len(texts))
        kind, note = first.calibration.kind, first.calibration.note
        account = FirstLook(str(profile.id), profile.label, profile.scale, kind, count, calibration_note=note)
        leads = _leads(judgement, how.skip_margin)
        if leads is not None:
            account = replace(account, passed_on=0, lead=leads)
        return Looked(judgement, first.calibration, account, first.scorer, tuple(scores))
    if judge.evidence is None or how.skip_margin is None:
        return None
    judgement = judge.evidence.evidence(retrieved)
    leads = _leads(judgement, how.skip_margin)
    if leads is None:
        return None
    note = judge.evidence.note or "general calibration of the search's evidence alone"
    account = FirstLook("evidence", "search alone", None, judge.evidence.kind, 0, leads, note)
    return Looked(judgement, judge.evidence, account)


def _leads(judgement: Judgement, margin: float | None) -> float | None:
    """The lead of the first passage where it is at least the margin asked for."""
    found = None if margin is None else lead(judgement)
    return found if found is not None and margin is not None and found >= margin else None


def _by_first_look(
    looked: Looked, retrieved: Retrieved, how: _How, *, requested: str, reason: str | None, why: str
) -> Scoring:
    """The first look as the whole of it: its order, its p, its gate policy."""
    account = looked.account
    scores = list(looked.scores) or None
    return Scoring(
        scored=in_order(retrieved, looked.judgement, scores),
        evidence=in_order(retrieved, looked.calibration.evidence(retrieved), None),
        run=ScorerRun(
            requested=requested,
            used=account.scorer,
            scale=account.scale,
            status="applied" if reason is None else "fallback",
            reason=reason,
            calibration=account.calibration,
            calibration_note=account.calibration_note,
            label=account.label,
            cached=bool(scores) and all(s.cached for s in looked.scores),
            why=why,
            cached_scores=sum(s.cached for s in looked.scores),
            first=account,
            fields=how.fields,
        ),
        p_answerable=looked.judgement.p_answerable,
        defaults=looked.calibration.policy,
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
        scored=in_order(retrieved, in_place, none),
        evidence=in_order(retrieved, calibration.evidence(retrieved), None),
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
