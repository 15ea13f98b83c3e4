"""Scoring: the chosen reranker judges every candidate; what happens when it fails is decided here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

from app.domain import Judgement, Retrieved, Scale, Score, ScorerRun
from app.errors import ModelError, ProviderError
from app.metering import at_stage, metered
from app.patience import recorded
from app.stages.fields import DEFAULT_FIELDS, Fields
from app.stages.in_order import in_order
from app.stages.judge import How, OpenJudge, Scoring
from app.stages.judging import judge_with

FailurePolicy = Literal["required", "fallback", "skip"]


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

    `early_stop` > 0: see `app.stages.judging`. `skip_margin`: the lead in p of the first passage, by a cascade's first
    scorer or else by the search's evidence, from which on the reranker is not asked (see `cascade`).
    """
    how = How(fields, early_stop, skip_margin)
    attempts: list[int] = []
    with metered() as used, recorded() as tries:
        scoring = _score(question, retrieved, requested, open_judge, policy, fallback, how, attempts)
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
    how: How,
    attempts: list[int],
) -> Scoring:
    if requested == "none":
        return _unscored(retrieved, open_judge, requested, "skipped", "reranking is off")
    try:
        with _counted(attempts):
            judge = open_judge(requested, retrieved.library)
            return judge_with(judge, question, retrieved, how, requested=requested)
    except (ProviderError, ModelError) as error:
        reason = error.message
    if policy == "skip":
        return _unscored(retrieved, open_judge, requested, "skipped", reason)
    if policy == "fallback" and fallback not in (requested, "none"):
        try:
            with _counted(attempts):
                judge = open_judge(fallback, retrieved.library)
                return judge_with(judge, question, retrieved, how, requested=requested, reason=reason)
        except (ProviderError, ModelError) as error:
            reason = f"{reason} The fallback failed too: {error.message}"
    return _unscored(retrieved, open_judge, requested, "failed", reason)


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
