"""Grading in `sluice evaluate --answers --grade`: who grades, what it may cost, how far it agrees with a person."""

from __future__ import annotations

import click

from app.errors import UsageError
from app.evaluation.grader import CALLS, REPLY_TOKENS, Grader
from app.evaluation.grader_votes import agreement, voted_pairs
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


def begin_grading(sluice: Sluice, plan: Plan, folder: RunFolder, grader: Grader, *, fresh: bool) -> None:
    """Say the most that grading can take, and hold the grader against the library's votes, which a run that goes on has
    done. Votes come first: a grader that cannot be reached is noticed before any answer is paid for."""
    measured = kept_agreement(folder) is not None and not fresh
    pairs = () if measured else voted_pairs(sluice.votes.read(plan.manifest.library.name))
    most = plan.most_grading_calls + 2 * CALLS * len(pairs)
    each = f"each writing at most {REPLY_TOKENS:,} tokens"
    voted = f" Pairs of voted answers among them: {len(pairs):,}." if pairs else ""
    click.echo(f"Grading: at most {most:,} calls to {grader.name}, {each}.{voted}", err=True)
    if not measured:
        keep_agreement(folder, agreement(pairs, grader))


def graded(grader: Grader) -> str:
    """What grading came to, in words."""
    missed = "; ".join(f"{reason} ({count:,})" for reason, count in grader.not_graded.items())
    rest = f"; not graded: {missed}" if missed else ""
    return f"Grading: {grader.calls:,} calls, graded answers: {grader.graded:,}{rest}."
