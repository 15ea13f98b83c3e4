"""A report's sections on ranking: configurations, the four steps, measures, questions that moved. Pure."""

from __future__ import annotations

from app.evaluation.document import Plot, Section, Table
from app.evaluation.durations import milliseconds
from app.evaluation.figures import estimate, p_value, plain, whole
from app.evaluation.paired import Difference
from app.evaluation.plots import interval_plot, paired_plot, staircase
from app.evaluation.report import ARMS, ConfigurationReport, Report
from app.evaluation.sent import sent_in_words
from app.evaluation.verdict import MEASURE, as_change, points

ARM_NAMES = {
    "off": "retrieval order",
    "evidence": "evidence only",
    "reranked": "reranked",
    "gated": "through the gate",
}


def configurations(report: Report) -> Section:
    rows = []
    for c in report.configurations:
        change = c.change("off", "reranked")
        off = (c.ranking.get("off") or {}).get(MEASURE)
        time = c.cost.stages.get("score")
        rows.append(
            (
                c.note.id,
                points(change.before.value) if change else estimate(off),
                points(change.after.value) if change else "-",
                _interval(change),
                p_value(change.p_value) if change else "-",
                f"{change.wins} / {change.losses} / {change.ties}" if change else "-",
                plain(c.ceiling),
                plain(c.gate.f1),
                plain(c.gate.refusals.wrong_refusals),
                plain(c.gate.refusals.wrong_answers),
                milliseconds(time.p50) if time is not None and c.note.scorer is not None else "-",
            )
        )
    head = (
        "configuration", f"{MEASURE} before", "after", "change (95%)", "p", "wins / losses / ties",
        "recall ceiling", "gate F1", "wrong refusals", "wrong answers", "scoring",
    )  # fmt: skip
    reranked = [c for c in report.configurations if c.note.scorer is not None]
    words = [f"{c.note.id}: {c.verdict.text}" for c in reranked] if len(reranked) > 1 else []
    words += [sent_in_words(sent) for sent in report.sent]
    said = {(sent.baseline, sent.configuration) for sent in report.sent}  # its before and after are in the table
    words += [
        f"{a.configuration} against {report.configurations[0].note.id}, final order: {MEASURE} "
        f"{as_change(a.difference)}, p {p_value(a.difference.p_value)}"
        for a in report.against_first
        if (report.configurations[0].note.id, a.configuration) not in said
    ]
    return Section("Configurations", tuple(words), (Table(head, tuple(rows)),))


def steps(report: Report) -> Section:
    words = [
        "What the context is worth after each step, with as many passages in each as the gate admitted: the F1 of "
        "its passages; for a question the library does not answer, 1 for sending nothing."
    ]
    if not report.main.steps.unanswerable:
        words.append(
            "No question is known to be unanswerable: of the gate only what wrong refusals cost can show, and not what "
            "right ones are worth."
        )
    tables = [
        Table(
            ("step", "context F1", "change (95%)", "p", "wins / losses / ties", "verdict"),
            _step_rows(c),
            c.note.id,
            aside=c.note.id != report.headline,
        )
        for c in report.configurations
    ]
    plot = Plot(f"Four steps, {report.headline}", staircase(report.main.steps))
    return Section("Which step paid", tuple(words), tuple(tables), (plot,))


def _step_rows(c: ConfigurationReport) -> tuple[tuple[str, ...], ...]:
    rows: list[tuple[str, ...]] = []
    for step in c.steps.steps:
        d = step.difference
        more = ("-", "-", "-", "-")
        if d is not None:
            said = {"paid": "paid", "cost": "cost more than it gave", "cannot tell": "within noise"}[step.paid]
            more = (_interval(d), p_value(d.p_value), f"{d.wins} / {d.losses} / {d.ties}", said)
        rows.append((step.name, estimate(step.worth), *more))
    saved = c.steps.tokens_saved
    if saved is not None:
        rows.append(("tokens the gate saved a question", whole(saved.value), "-", "-", "-", "-"))
    return tuple(rows)


def measures(report: Report) -> Section | None:
    tables = []
    for c in report.configurations:
        if not c.ranking:
            continue
        arms = [arm for arm in ARMS if arm in c.ranking]
        rows = []
        for measure in c.ranking["off"]:
            change = c.change("off", "reranked", measure)
            own = c.change("evidence", "reranked", measure)
            rows.append(
                (
                    measure,
                    *(estimate(c.ranking[arm][measure]) for arm in arms),
                    _interval(change),
                    p_value(change.p_value) if change else "-",
                    _interval(own),
                )
            )
        head = ("measure", *(ARM_NAMES[arm] for arm in arms), "reranked - retrieval", "p", "reranked - evidence")
        ceiling = (
            f"recall of the candidates {estimate(c.ceiling)}, best {MEASURE} they allow {estimate(c.ndcg_ceiling)}"
        )
        aside = c.note.id != report.headline
        tables.append(Table(head, tuple(rows), f"{c.note.id}: {ceiling}", aside=aside))
    if not tables:
        return None
    main = report.main
    words = (
        f"Means over {main.labelled:,} questions with located labels, with 95% bootstrap intervals; p is the paired "
        "permutation test's. Relevant passages that retrieval missed count on both sides.",
    )
    plots = [
        Plot(
            f"{MEASURE}, {report.headline}",
            interval_plot([(ARM_NAMES[arm], main.ranking[arm][MEASURE]) for arm in ARMS if arm in main.ranking]),
        ),
        Plot(f"{MEASURE} question by question, {report.headline}", paired_plot(main.by_question)),
    ]
    return Section("Ranking", words, tuple(tables), tuple(plots) if main.by_question else ())


def moved(report: Report) -> Section | None:
    tables = [
        Table(
            ("question", "before", "after", "change"),
            tuple(
                (report.texts[m.id], points(m.before), points(m.after), points(m.change, sign=True)) for m in c.moved
            ),
            c.note.id,
            aside=c.note.id != report.headline,
        )
        for c in report.configurations
        if c.moved
    ]
    return Section("Questions that moved most", (f"By {MEASURE}, most first.",), tuple(tables)) if tables else None


def _interval(difference: Difference | None) -> str:
    if difference is None:
        return "-"
    change = difference.change
    low, high = change.low, change.high
    bounds = "" if low is None or high is None else f" ({points(low, sign=True)} to {points(high, sign=True)})"
    return f"{points(change.value, sign=True)}{bounds}"
