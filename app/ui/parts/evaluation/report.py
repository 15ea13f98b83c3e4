"""A run's report on the page: the verdict in words on top, what rests on it below."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.counting import counted
from app.domain import LibraryInfo
from app.errors import SluiceError
from app.evaluation import sections_gate, sections_ranking
from app.evaluation.kept_runs import KeptRun
from app.evaluation.plain_values import report_to_json
from app.evaluation.render import as_html, as_markdown
from app.evaluation.report import ConfigurationReport, Report
from app.evaluation.run_folder import read_run
from app.evaluation.run_report import report_of_run
from app.evaluation.sections import sections_of
from app.evaluation.verdict import MEASURE, VerdictKind
from app.ui import safe
from app.ui.links import Links
from app.ui.parts import bars, failure, sidebar
from app.ui.parts.evaluation import answers, charts, gate, questions, tables
from app.ui.words import SHAPES, Group, why

if TYPE_CHECKING:
    from app.wiring import Sluice

_KINDS: Mapping[VerdictKind, Group] = {
    "helps": "through",
    "does_not_help": "held",
    "not_enough": "held",
    "phantom": "failed",
    "not_reranked": "held",
}


def show(sluice: Sluice, info: LibraryInfo, links: Links, run: KeptRun) -> None:
    """Draw the report of what the run holds so far."""
    if not run.done and not run.stamp:
        st.html('<p class="muted">Nothing was measured in this run yet.</p>')
        return
    try:
        report = _report(str(run.path), run.manifest.created, run.stamp)
    except SluiceError as error:
        failure.show(error)
        return
    c = _configuration(sluice, report)
    one = replace(report, configurations=(c,), headline=c.note.id, against_first=())
    group = _KINDS[c.verdict.kind]
    st.html(
        f'<p class="verdict"><span class="{group}" aria-hidden="true">{SHAPES[group]}</span> '
        f"{safe.text(c.verdict.text.removesuffix('.'))}.{why('ndcg')}</p>{_about(one, c)}"
    )
    _downloads(run, report)
    if len(report.configurations) > 1:
        st.html(tables.fold(sections_ranking.configurations(report), "All configurations side by side"))
    _ranking(one, c)
    gate.show(sluice, info, run, c)
    _trust(one, c, links)
    questions.show(sluice, info, run, report, c)
    answers.show(one, c)
    _cost(one, c)


def label(sluice: Sluice, c: ConfigurationReport) -> str:
    """`Late interaction, meaning and words, 20 candidates`."""
    named = {choice.name: sidebar.named(choice) for choice in sluice.rerankers()}
    reranker = named.get(c.note.reranker, sidebar.short(c.note.label))
    return f"{reranker}, {sidebar.MODES[c.note.retrieval].lower()}, {counted(c.note.candidates, 'candidate')}"


@st.cache_resource(max_entries=4, show_spinner="Measuring …")
def _report(folder: str, created: str, stamp: int) -> Report:
    del created, stamp  # parts of the key: the run was deleted and made anew, records were added
    return report_of_run(read_run(Path(folder)))


def _configuration(sluice: Sluice, report: Report) -> ConfigurationReport:
    by_id = {c.note.id: c for c in report.configurations}
    if len(by_id) == 1:
        return report.configurations[0]
    chosen: str = st.selectbox(
        "Configuration",
        list(by_id),
        index=list(by_id).index(report.headline),
        format_func=lambda i: label(sluice, by_id[i]),
        key=f"evaluate.configuration.{report.manifest.created}.{','.join(by_id)}",
    )
    return by_id[chosen]


def _about(report: Report, c: ConfigurationReport) -> str:
    asked, library = report.manifest.questions, report.manifest.library
    parts = [
        f"{counted(c.records, 'question')} of <i>{safe.text(asked.name)}</i>: {c.labelled:,} with a located label, "
        f"{c.unanswerable:,} that <i>{safe.text(library.name)}</i> does not answer"
    ]
    if c.missing:
        parts.append(f"{c.missing:,} not asked yet")
    if report.not_located:
        parts.append(f"{report.not_located:,} left out of ranking: their labels are not in the library")
    if report.weak:
        parts.append(f"{report.weak:,} weak: nobody judged them, and they flatter search")
    return f'<p class="muted">{"; ".join(parts)}.</p>'


def _downloads(run: KeptRun, report: Report) -> None:
    with st.container(horizontal=True, gap="small", key="downloads"):
        for file in _files(run, report):
            st.download_button(
                file.label,
                file.content,
                f"{run.path.name}.{file.ending}",
                file.mime,
                type="tertiary",
                on_click="ignore",
                help=file.says,
            )


@dataclass(frozen=True, slots=True)
class _File:
    """Something to download; its content is made when it is asked for."""

    label: str
    ending: str
    mime: str
    content: Callable[[], bytes]
    says: str


def _files(run: KeptRun, report: Report) -> tuple[_File, ...]:
    return (
        _File(
            "Report (HTML)",
            "html",
            "text/html",
            lambda: as_html(report).encode(),
            "One file that opens without a network, with its plots",
        ),
        _File(
            "Markdown",
            "md",
            "text/markdown",
            lambda: as_markdown(report).encode(),
            "The report as text, with its tables",
        ),
        _File(
            "Numbers (JSON)",
            "json",
            "application/json",
            lambda: json.dumps(report_to_json(report), ensure_ascii=False, indent=1).encode(),
            "Every number of every plot and table",
        ),
        _File(
            "Records (JSONL)",
            "jsonl",
            "application/x-ndjson",
            lambda: _records(run),
            "Every question under every configuration, a line each",
        ),
    )


def _records(run: KeptRun) -> bytes:
    files = [run.path / "records" / f"{c.id}.jsonl" for c in run.manifest.configurations]
    return b"".join(file.read_bytes() for file in files if file.is_file())


def _ranking(report: Report, c: ConfigurationReport) -> None:
    colours = charts.palette()
    key = f"{report.manifest.created}.{c.note.id}"
    left, right = st.columns(2, gap="large")
    with left:
        st.html(tables.heading("Which step paid", why("steps")))
        if c.steps.steps:
            charts.draw(
                charts.staircase(c.steps, colours), key=f"steps.{key}", says="; ".join(c.steps_in_words) or "Four steps"
            )
        listed = "".join(f"<li>{safe.text(_step(line))}</li>" for line in c.steps_in_words)
        st.html(f'<ul class="files">{listed}</ul>{tables.fold(sections_ranking.steps(report))}')
    with right:
        st.html(tables.heading("Question by question", why("paired")))
        change = c.change("off", "reranked")
        if change is None:
            st.html('<p class="muted">Nothing to compare: nothing was reranked, or no label was located.</p>')
        else:
            said = f"{change.wins} won, {change.losses} lost, {change.ties} as before"
            if change.wins + change.losses:
                charts.draw(
                    charts.paired(c.by_question, report.texts, colours, measure=MEASURE), key=f"paired.{key}", says=said
                )
            st.html(
                f'<p class="legend"><span class="through">▲ {change.wins} won</span> '
                f'<span class="rescued">▼ {change.losses} lost</span> '
                f'<span class="held">= {change.ties} as before</span></p>'
                f"{tables.fold(sections_ranking.measures(report))}"
            )


def _step(line: str) -> str:
    return line.replace("scorer:", "reranker:", 1)


def _trust(report: Report, c: ConfigurationReport, links: Links) -> None:
    """Whether p means what it says, and what goes wrong among the surest."""
    colours = charts.palette()
    key = f"{report.manifest.created}.{c.note.id}"
    found = next(iter(c.calibration.values()), None)
    left, right = st.columns(2, gap="large")
    with left:
        st.html(tables.heading("Does p mean what it says?", why("reliability")))
        if found is None or found.rank_1 is None:
            st.html('<p class="muted">This reranker is not calibrated: there is no p to check.</p>')
        else:
            charts.draw(
                charts.reliability(found.rank_1, colours),
                key=f"reliability.{key}",
                says=f"p of first passages: says {found.rank_1.said:.2f}, is {found.rank_1.seen:.2f}",
            )
            st.caption("First passages after reranking; on the line, p means what it says.")
            st.html(tables.fold(sections_gate.calibration(report)))
        links.library("Calibrate in five minutes", "calibrate")
    with right:
        st.html(tables.heading("Answering the surest first", why("risk-coverage")))
        if c.risk is None or len(c.risk.risk) < 2:
            st.html('<p class="muted">Too few questions for this.</p>')
        else:
            charts.draw(
                charts.risk(c.risk, colours, answered=gate.answered(c)),
                key=f"risk.{key}",
                says=f"Area under risk-coverage {c.risk.area.value:.2f}",
            )
            st.caption("The fewer it answers, the less of it is wrong; the line is where this gate stands.")
            section = sections_gate.gate(report)
            rows = [row for t in section.tables for row in t.rows if row[0] == "area under risk-coverage"]
            st.html(tables.fold(section, tables=[replace(section.tables[0], rows=tuple(rows))]))


def _cost(report: Report, c: ConfigurationReport) -> None:
    st.html(tables.heading("What it costs", why("tokens")))
    sections = {section.title: section for section in sections_of(report)}
    times = {stage: found.p50 for stage, found in c.cost.stages.items() if stage != "total"}
    cost = sections["Cost"]
    said = [f"{name}: {value}" for name, value, *_ in cost.tables[0].rows if "p50" not in name]
    st.html(
        bars.stage_times(times, note=f"Medians; {'; '.join(said)}.")
        + tables.fold(cost)
        + tables.fold(sections["What this was measured on"], "What this was measured on")
    )
