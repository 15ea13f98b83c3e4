"""What a report says of its answers: who wrote them, what cannot be told of them, who graded them and how far that
agrees with a person. Pure."""

from __future__ import annotations

from app.evaluation.figures import estimate
from app.evaluation.grader_votes import Agreement
from app.evaluation.report import Report


def answers_in_words(report: Report) -> tuple[str, ...]:
    """Sentences on the answers of a run that has some: every measure that is missing is accounted for."""
    chat = report.manifest.settings.get("chat_model")
    words = ["Quoted from the passages: there was no chat model." if chat is None else f"Written by {chat}."]
    measured = [c.answers for c in report.configurations if c.answers.answers]
    if all(a.exact_match is None for a in measured):
        words.append("No question that was answered has a known answer, so whether they are right is not measured.")
    if all(a.citation_precision is None and a.citation_recall is None for a in measured):
        words.append("No answer cites, and none had a relevant passage to cite.")
    if "grader" in report.manifest.settings:
        return (*words, *grading_in_words(report))
    return (*words, "Not graded: grading was not asked for.")


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
