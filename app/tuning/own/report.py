"""The report of a tuning run as sections, for the terminal, Markdown and HTML, and its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.evaluation.document import Section, Table
from app.evaluation.figures import estimate, p_value
from app.evaluation.plain_values import plain_values
from app.evaluation.render import html_of, markdown_of
from app.evaluation.verdict import as_change, points
from app.tuning.own.advice import Advice
from app.tuning.own.calibrated import CalibratedHere
from app.tuning.own.fitting import Fitted
from app.tuning.own.looks import weights_in_words
from app.tuning.own.outcome import MEASURES, Outcome
from app.tuning.own.parts import PARTS, Part
from app.tuning.own.plan import TunePlan


@dataclass(frozen=True, slots=True)
class Learned:
    """What training had to learn from. `left_out` counts candidates that were not held against a question, by reason;
    `unlabelled` those that were, although nobody judged them."""

    parts: Mapping[Part, int]
    groups: int
    positives: int
    judged: int
    unlabelled: int
    left_out: Mapping[str, int]
    questions_left_out: Mapping[str, int]
    teacher: str = ""


@dataclass(frozen=True, slots=True)
class TuneReport:
    """All that is said about a run. `seconds` is what the last call took."""

    name: str
    library: str
    plan: TunePlan
    advice: Advice
    learned: Learned
    fitted: Fitted
    outcome: Outcome
    calibration: CalibratedHere
    scorer: str
    seconds: float

    @property
    def first_line(self) -> str:
        return self.outcome.said


def write_report(report: TuneReport, folder: Path) -> None:
    """Write report.md, report.html and report.json, in place of earlier ones."""
    title = f"tuned:{report.name} on {report.library}"
    sections = sections_of(report)
    content = json.dumps(report_to_json(report), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    files = {
        "report.md": markdown_of(report.first_line, f"Tuning {title}", sections),
        "report.html": html_of(report.first_line, title, f"Tuning {title}", sections),
        "report.json": content,
    }
    for name, text in files.items():
        partial = folder / f"{name}.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(folder / name)


def report_to_json(report: TuneReport) -> dict[str, Any]:
    """The report as JSON, schema 1: the verdict, and every number behind it."""
    rest = {name: getattr(report, name) for name in TuneReport.__dataclass_fields__ if name != "calibration"}
    row = plain_values({**rest, "calibration": report.calibration.calibration})
    return {"schema": 1, "verdict": report.first_line, "promoted": report.outcome.promoted, **row}


def advice_section(advice: Advice) -> Section:
    """recall@100 against recall@10, and what to do."""
    rows = [(f"recall@{k}", estimate(e)) for k, e in advice.recall.items()]
    rows += [
        (f"nDCG@10, {'as reranked now' if advice.reranked else 'in search order'}", estimate(advice.order)),
        (f"nDCG@10, the best order of the {advice.candidates} candidates", estimate(advice.best)),
    ]
    head = (f"{advice.questions} labelled questions", "mean (95%)")
    return Section("Before training", advice.words, (Table(head, tuple(rows)),))


def sections_of(report: TuneReport) -> tuple[Section, ...]:
    """The report in its order."""
    return (_arms(report), _noted(report), _trained(report), _calibrated(report), advice_section(report.advice))


def _arms(report: TuneReport) -> Section:
    found = report.outcome
    rows = tuple(
        (f"{arm}: {found.labels.get(arm, arm)}", *(estimate(measures[m]) for m in MEASURES))
        for arm, measures in found.arms.items()
    )
    changes = tuple(
        (
            f"tuned minus {c.arm}",
            as_change(c.difference),
            f"{c.difference.wins} / {c.difference.losses} / {c.difference.ties}",
            p_value(c.difference.p_value),
        )
        for c in found.against
    )
    words = (
        f"{found.questions} questions whose documents were kept from training and from choosing the checkpoint. "
        "Intervals are 95 % bootstrap intervals over questions; p is the sign-flip test's.",
    )
    return Section(
        "Side by side",
        words,
        (
            Table(("", *MEASURES), rows),
            Table(("nDCG@10", "change (95%)", "better / worse / same", "p"), changes, title="Differences"),
        ),
    )


def _noted(report: TuneReport) -> Section:
    """What stands behind the labels."""
    learned = report.learned
    words = [_UNLABELLED[report.plan.unlabelled]]
    if report.plan.loss == "distil":
        words = [f"Candidates were taught by the raw scores of {learned.teacher}; none was called irrelevant."]
    rows: list[tuple[str, str]] = [(part, f"{learned.parts[part]:,}") for part in PARTS]
    rows += [(f"left out: {why}", f"{count:,}") for why, count in learned.questions_left_out.items()]
    passages = [
        ("labelled relevant", f"{learned.positives:,}"),
        ("judged not relevant", f"{learned.judged:,}"),
        ("taken for irrelevant, though nobody judged them", f"{learned.unlabelled:,}"),
        *((f"left out: {why}", f"{count:,}") for why, count in learned.left_out.items()),
    ]
    return Section(
        "The labels",
        tuple(words),
        (
            Table(("questions, split by document", "number"), tuple(rows)),
            Table(("candidates of the training questions", "number"), tuple(passages)),
        ),
    )


_UNLABELLED = {
    "denoise": "Candidates that nobody labelled were taken for irrelevant, except those that hold a known answer, copy "
    "a relevant passage, or stand above it by a scorer's judgement. --unlabelled judged takes none, negative all.",
    "negative": "All candidates that nobody labelled were taken for irrelevant, as was asked for; some will not be.",
    "judged": "Only passages that were judged not relevant were taken for irrelevant.",
}


def _trained(report: TuneReport) -> Section:
    fitted, plan = report.fitted, report.plan
    rows = tuple((weights_in_words(look.step, look.share), f"{look.ndcg:.3f}") for look in fitted.validated)
    if not fitted.chosen:
        kept = f"the last of {fitted.steps} steps; there are too few questions to choose another by"
    elif fitted.learned:
        kept = (
            f"{weights_in_words(fitted.step, fitted.share)} (of {fitted.steps}), which ranks the validation part best"
        )
    else:
        kept = "the base as it was: no step ranks the validation part better"
    words = (
        f"From {plan.base} by {plan.loss}, {report.learned.groups:,} groups; kept: {kept}.",
        f"Scorer id: {report.scorer}.",
    )
    tables = (Table(("", "nDCG@10 of the validation part"), rows),) if rows else ()
    return Section("Training", words, tables)


def _calibrated(report: TuneReport) -> Section:
    found = report.calibration
    ece = "-" if found.ece is None else points(found.ece)
    words = [
        f"Fitted on the {found.questions} held-out questions, which trained nothing; each was judged by maps fitted "
        "without its documents.",
        f"ECE at rank 1 {ece}; relevant candidates below keep_above {estimate(found.lost)}.",
    ]
    if not report.outcome.promoted:
        words.append("It is not put into use, because the scorer is not.")
    return Section("Calibration", tuple(words))
