"""What a report says of its grader: who it is, how far it agrees with a person, what it could not grade. Pure."""

from __future__ import annotations

from app.evaluation.figures import estimate
from app.evaluation.grader_votes import Agreement
from app.evaluation.report import Report


def grading_in_words(report: Report) -> tuple[str, ...]:
    """Sentences on the grading of a run that has a grader."""
    settings = report.manifest.settings
    grader = str(settings["grader"])
    words = [f"Graded by {grader}. {agreement_in_words(report.agreement)}"]
    if grader.startswith(f"{settings.get('chat_model')}, "):
        words.append(
            "The same model wrote the answers, and a model may prefer its own (arXiv 2306.05685): GRADER_MODEL sets "
            "another."
        )
    for c in report.configurations:
        if reasons := c.answers.not_graded:
            why = "; ".join(f"{reason} ({count:,})" for reason, count in reasons.items())
            words.append(f"{c.note.id}: not graded: {why}.")
    return tuple(words)


def agreement_in_words(agreement: Agreement | None) -> str:
    """How often the grader orders two answers as a person's votes do."""
    if agreement is None:
        return "Its agreement with a person's votes is not measured yet."
    if not agreement.pairs:
        return "Its agreement with a person: no votes yet that set one answer above another."
    rest = f"{agreement.equal:,} graded equal, {agreement.not_graded:,} not graded"
    if (share := agreement.share) is None:
        return f"It tells apart none of {agreement.pairs:,} pairs of answers that a person voted on: {rest}."
    return (
        f"Of the {share.n:,} pairs of voted answers that it tells apart, it orders {agreement.alike:,} as the person "
        f"did: {estimate(share)}, where chance is .50 ({rest})."
    )
