"""Grading of answers, by `sluice evaluate --answers --grade` and by the process behind the Evaluate page: who grades,
what it may cost, how far it agrees with a person."""

from __future__ import annotations

from app.errors import UsageError
from app.evaluation.grader import REPLY_TOKENS, Grader, most_calls
from app.evaluation.grader_votes import VotedPair, agreement, voted_pairs
from app.evaluation.plan import Plan
from app.evaluation.run_folder import RunFolder
from app.evaluation.run_report import keep_agreement, kept_agreement
from app.providers.chat import open_grader_model
from app.settings import Settings
from app.wiring import Sluice


def open_grader(settings: Settings) -> Grader:
    """The grader of these settings. Raises UsageError without a chat model."""
    chat = open_grader_model(settings)
    if chat is None:
        raise UsageError("There is no chat model to grade with.", hint="Set OPENAI_API_KEY or OPENAI_BASE_URL.")
    return Grader(chat)


def pairs_to_grade(
    sluice: Sluice, plan: Plan, folder: RunFolder, *, fresh: bool = False
) -> tuple[VotedPair, ...] | None:
    """The library's votes that the grader is held against; None for a run that goes on and has done that."""
    if kept_agreement(folder) is not None and not fresh:
        return None
    return voted_pairs(sluice.votes.read(plan.manifest.library.name))


def most_in_words(grader: Grader, plan: Plan, pairs: tuple[VotedPair, ...] | None) -> str:
    """The most that grading can take."""
    most = most_calls(plan.most_answers, len(pairs or ()))
    voted = f" Pairs of voted answers among them: {len(pairs):,}." if pairs else ""
    return f"Grading: at most {most:,} calls to {grader.name}, each writing at most {REPLY_TOKENS:,} tokens.{voted}"


def measure_agreement(folder: RunFolder, grader: Grader, pairs: tuple[VotedPair, ...] | None) -> None:
    """Hold the grader against these votes and keep what comes of it. Comes before the questions, so that a grader that
    cannot be reached is noticed before any answer is paid for. Raises ProviderError."""
    if pairs is not None:
        keep_agreement(folder, agreement(pairs, grader))


def graded(grader: Grader) -> str:
    """What grading came to, in words."""
    missed = "; ".join(f"{reason} ({count:,})" for reason, count in grader.not_graded.items())
    rest = f"; not graded: {missed}" if missed else ""
    return f"Grading: {grader.calls:,} calls, graded answers: {grader.graded:,}{rest}."
