"""A report as sections of words, tables and plots: one content for Markdown, HTML and the page. Pure."""

from __future__ import annotations

from app.counting import counted
from app.evaluation.document import Section, Table
from app.evaluation.durations import milliseconds
from app.evaluation.figures import money, whole
from app.evaluation.report import Report
from app.evaluation.sections_gate import answers, calibration, failures, gate
from app.evaluation.sections_ranking import configurations, measures, moved, steps
from app.prices.words import HOW_TO_KNOW
from app.trace_json import STAGES


def sections_of(report: Report) -> tuple[Section, ...]:
    """The report in its order; sections with nothing to say are left out."""
    found = (
        configurations(report),
        steps(report),
        measures(report),
        moved(report),
        gate(report),
        calibration(report),
        failures(report),
        answers(report),
        _cost(report),
        _made_of(report),
    )
    return tuple(section for section in found if section is not None)


def _cost(report: Report) -> Section:
    asked = report.configurations
    stages = [stage for stage in STAGES if any(stage in c.cost.stages for c in asked)]
    rows = [
        (
            f"{stage}, p50 / p95",
            *(
                f"{milliseconds(t.p50)} / {milliseconds(t.p95)}" if (t := c.cost.stages.get(stage)) else "-"
                for c in asked
            ),
        )
        for stage in stages
    ]
    rows += [
        ("tokens sent a question", *(whole(c.cost.tokens) for c in asked)),
        ("money for 1,000 questions", *(money(c.cost.usd_per_1000) for c in asked)),
    ]
    words = [
        f"{c.note.id}: {c.scored_from_cache:,} of {c.records:,} questions had scores from the score cache; they are "
        "not in the time of scoring. `--fresh` scores everything anew."
        for c in asked
        if c.scored_from_cache
    ]
    words += _money_words(report)
    return Section("Cost", tuple(words), (Table(("", *(c.note.id for c in asked)), tuple(rows)),))


def _money_words(report: Report) -> list[str]:
    """Whose prices, what is left out, and what would make a cost known; nothing where nobody is paid."""
    settings, asked = report.manifest.settings, report.configurations
    words = []
    if "prices" in settings:
        words.append(f"Money: {settings['prices']}, times what the services reported they used.")
        if settings.get("chat_model") and not settings.get("answers"):
            words.append("No answers were written, so the chat model's price of one is not in it (`--answers`).")
    unknown = [c.note.id for c in asked if c.records and c.cost.usd_per_1000 is None]
    if unknown:
        words.append(
            f"The money of {', '.join(unknown)} is not known: a service did not report what it used, or has no price. "
            f"{HOW_TO_KNOW}"
        )
    return words


def _made_of(report: Report) -> Section:
    manifest = report.manifest
    asked, library = manifest.questions, manifest.library
    sample = "" if asked.sample is None else f", a sample of {asked.asked:,} drawn with seed {asked.seed}"
    words = [
        f"Question set {asked.name} ({asked.questions:,} questions, fingerprint {asked.fingerprint}){sample}.",
        f"Library {library.name}, generation {library.generation}: {counted(library.documents, 'document')}, "
        f"{counted(library.chunks, 'chunk')}, embedded by {library.embedder}.",
    ]
    if report.not_located:
        words.append(
            f"{counted(report.not_located, 'question')} with labels that are not in the library, and no part in "
            "ranking: `sluice questions check` names them."
        )
    if report.weak:
        words.append(
            f"{counted(report.weak, 'weak question')}: nobody has judged them, so ranking looks better than it is."
        )
    words += [
        f"{c.note.id}: {counted(c.missing, 'question')} without a record; run the same command again."
        for c in report.configurations
        if c.missing
    ]
    rows = [("date", manifest.created)]
    rows += [(f"scorer of {c.note.id}", c.note.scorer or "none") for c in report.configurations]
    rows += [
        (f"calibration of {c.note.id}", f"{c.note.calibration} {c.note.calibration_digest}")
        for c in report.configurations
    ]
    rows += [(name, str(value)) for name, value in manifest.settings.items()]
    rows += [(f"version of {name}", value) for name, value in manifest.versions.items()]
    return Section("What this was measured on", tuple(words), (Table(("", ""), tuple(rows), words=True),))
