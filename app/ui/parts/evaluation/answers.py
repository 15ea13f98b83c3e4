"""What the answers of a run were worth: the report's own words and numbers, and of one question what was said."""

from __future__ import annotations

import streamlit as st

from app.evaluation.records import AnswerRecord
from app.evaluation.report import ConfigurationReport, Report
from app.evaluation.sections_gate import answers
from app.evaluation.verdict import points
from app.ui import safe
from app.ui.parts.evaluation import tables
from app.ui.words import why


def show(report: Report, c: ConfigurationReport) -> None:
    """Draw the report's section on answers; where there are none, say why."""
    st.html(tables.heading("Answers", why("answer measures")))
    section = answers(report)
    if section is None:
        st.html(
            '<p class="muted">No answers were written in this run. To have them measured, tick '
            "“Write and measure answers too” in a new evaluation.</p>"
        )
        return
    grading = why("grader") if "grader" in report.manifest.settings else ""
    *first, last = (safe.text(line) for line in section.words)
    words = "".join(f"<p>{line}</p>" for line in (*first, last + grading))
    if not c.answers.answers:
        st.html(f'<div class="told muted">{words}</div>')
        return
    with st.container(key="answers"):
        st.html(f'<div class="told muted">{words}</div>{"".join(map(tables.table, section.tables))}')


def told(answer: AnswerRecord) -> str:
    """One answer of a run with what it was worth, as HTML; what could not be told is left out."""
    facts = [
        f"{name} {points(float(value))}"
        for name, value in (
            ("exact match", answer.exact_match),
            ("token F1", answer.f1),
            ("citation precision", answer.citation_precision),
            ("citation recall", answer.citation_recall),
            ("faithful", answer.faithful),
            ("relevant", answer.relevant),
        )
        if value is not None
    ]
    if answer.contains is not None:
        facts.insert(0, "holds a known answer" if answer.contains else "does not hold a known answer")
    if answer.not_graded is not None:
        facts.append(f"not graded: {answer.not_graded}")
    said = f'<p class="muted">{safe.text("; ".join(facts))}</p>' if facts else ""
    return (
        '<details class="fold"><summary>The answer that was given</summary>'
        f'<p class="words">{safe.text(answer.text)}</p>{said}</details>'
    )
