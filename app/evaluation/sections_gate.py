"""A report's sections on the gate: what it let through, calibration, failures, answers. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.evaluation.document import Plot, Section, Table
from app.evaluation.failures import Failure
from app.evaluation.figures import estimate, number, share, whole
from app.evaluation.grading_words import answers_in_words
from app.evaluation.plots import failure_bar, gate_plot, reliability_plot, risk_plot
from app.evaluation.report import Report
from app.evaluation.verdict import points

FAILURE_NAMES = {
    Failure.RETRIEVAL_MISS: "not among the candidates (retrieval)",
    Failure.RERANKER_INVERSION: "among them, but ranked too low",
    Failure.GATE_DROP: "stopped by the gate",
    Failure.BUDGET_DROP: "left out for want of room (budget)",
    Failure.GENERATION_MISS: "in the context, answer wrong (generation)",
    Failure.LET_THROUGH: "no answer in the library, let through",
    Failure.NONE: "as it should be",
}
_EXAMPLES = 5


def gate(report: Report) -> Section:
    def row(name: str, values: Sequence[str]) -> tuple[str, ...]:
        return (name, *values)

    gates = [c.gate for c in report.configurations]
    rows = [
        row("precision of the admitted", [estimate(g.precision) for g in gates]),
        row("recall of the admitted", [estimate(g.recall) for g in gates]),
        row("F1 of the admitted", [estimate(g.f1) for g in gates]),
        row("precision, pooled over passages", [estimate(g.pooled_precision) for g in gates]),
        row("wrong refusals, of answerable questions", [share(g.refusals.wrong_refusals) for g in gates]),
        row("wrong answers, of unanswerable questions", [share(g.refusals.wrong_answers) for g in gates]),
        row(
            "area under risk-coverage",
            [estimate(None if c.risk is None else c.risk.area) for c in report.configurations],
        ),
        row("tokens sent a question", [whole(None if g.tokens is None else g.tokens.value) for g in gates]),
        row("passages sent a question", [number(None if g.passages is None else g.passages.value, 1) for g in gates]),
        row("duplicates removed, in all", [f"{g.duplicates:,}" for g in gates]),
    ]
    main = report.main
    plots = []
    if main.curves is not None:
        plots.append(Plot(f"Moving the gate, {report.headline}", gate_plot(main.curves, main.note.policy)))
    if main.risk is not None and len(main.risk.risk) > 1:
        plots.append(Plot(f"Risk against coverage, {report.headline}", risk_plot(main.risk)))
    words = ["Both refusal errors belong together: either alone is 0 for a gate that never or always refuses."]
    if not main.unanswerable:
        words.append("No question is known to be unanswerable, so what refusing is worth cannot show.")
    table = Table(("", *(c.note.id for c in report.configurations)), tuple(rows))
    return Section("The gate", tuple(words), (table,), tuple(plots))


def calibration(report: Report) -> Section | None:
    tables, notes = [], []
    for c in report.configurations:
        for scorer, found in c.calibration.items():
            rows = [
                (name, f"{r.n:,}", points(r.said), points(r.seen), points(r.ece), number(r.brier_skill))
                for name, r in (("rank 1", found.rank_1), ("admitted", found.admitted))
                if r is not None
            ]
            if rows:
                tables.append(
                    Table(
                        ("p at", "passages", "says", "is", "ECE", "Brier skill"), tuple(rows), f"{c.note.id}: {scorer}"
                    )
                )
            with_, without = found.precision_with_rescue, found.precision_without_rescue
            notes.append(
                f"{c.note.id}: {c.note.calibration_note}. Of the chunks admitted for labelled questions, "
                f"{estimate(with_)} are relevant with rescue, {estimate(without)} without."
            )
    if not notes:
        return None
    plots = [
        Plot(f"Does p mean what it says? {where}", reliability_plot(r))
        for found in report.main.calibration.values()
        for where, r in (("At rank 1", found.rank_1), ("On the admitted", found.admitted))
        if r is not None
    ]
    return Section("Calibration", tuple(notes), tuple(tables), tuple(plots))


def failures(report: Report) -> Section:
    rows = [
        (name, *(f"{c.failures.counts[failure]:,}" for c in report.configurations))
        for failure, name in FAILURE_NAMES.items()
    ]
    tables = [Table(("", *(c.note.id for c in report.configurations)), tuple(rows))]
    main = report.main
    examples = [
        (
            FAILURE_NAMES[failure],
            report.texts[example.id],
            "-" if example.rank_before is None else f"{example.rank_before} -> {example.rank_after}",
        )
        for failure in FAILURE_NAMES
        if failure is not Failure.NONE
        for example in main.failures.examples[failure][:_EXAMPLES]
    ]
    if examples:
        head = ("what happened", "question", "rank of its best passage")
        tables.append(Table(head, tuple(examples), f"Examples, {report.headline}", words=True))
    plot = Plot(f"Where questions fail, {report.headline}", failure_bar(main.failures, FAILURE_NAMES))
    words = ("One cause a question: the last step that still had what was needed.",)
    return Section("Failures", words, tuple(tables), (plot,) if main.failures.questions else ())


def answers(report: Report) -> Section | None:
    if not any(c.answers.answers for c in report.configurations):
        if not report.manifest.settings.get("answers") or not any(c.records for c in report.configurations):
            return None
        return Section("Answers", ("There is no answer to measure: every question was refused.",))
    answers = [c.answers for c in report.configurations]
    graded = "grader" in report.manifest.settings
    rows = [
        ("answers", *(f"{a.answers:,}" for a in answers)),
        ("exact match", *(estimate(a.exact_match) for a in answers)),
        ("token F1", *(estimate(a.f1) for a in answers)),
        ("holds a known answer", *(estimate(a.contains) for a in answers)),
        ("citation precision", *(estimate(a.citation_precision) for a in answers)),
        ("citation recall", *(estimate(a.citation_recall) for a in answers)),
        ("faithful to the context (graded)", *(estimate(a.faithful) for a in answers)),
        ("relevant to the question (graded)", *(estimate(a.relevant) for a in answers)),
    ]
    if graded:
        rows.append(
            ("answers without a claim, so neither faithful nor not", *(f"{a.without_claims:,}" for a in answers))
        )
        rows.append(("answers not graded", *(f"{sum(a.not_graded.values()):,}" for a in answers)))
    known = [row for row in rows if any(cell != "-" for cell in row[1:])]
    return Section(
        "Answers",
        answers_in_words(report),
        (Table(("", *(c.note.id for c in report.configurations)), tuple(known)),),
    )
