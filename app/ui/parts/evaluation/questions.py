"""Where questions fail, as one bar that can be opened, and every question of the run a click away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from app.counting import counted
from app.domain import LibraryInfo
from app.evaluation.failures import Failure, FailureSplit
from app.evaluation.kept_runs import KeptRun
from app.evaluation.paired import TIE
from app.evaluation.report import ConfigurationReport, Report
from app.evaluation.sections_gate import failures
from app.evaluation.verdict import points
from app.ui import safe
from app.ui.parts.evaluation import question, tables
from app.ui.parts.evaluation.question import CAUSES
from app.ui.words import why

if TYPE_CHECKING:
    from app.wiring import Sluice

_TINTS = ("s5", "cr", "s6", "s3", "s4", "cf", "s0")  # amber: demoted; red: answered without an answer
_MOST = 12


@dataclass(frozen=True, slots=True)
class Row:
    """A question of the list, and what is said beside it."""

    id: str
    text: str
    says: str


def show(sluice: Sluice, info: LibraryInfo, run: KeptRun, report: Report, c: ConfigurationReport) -> None:
    st.html(tables.heading("Where questions fail", why("failure split")))
    split = c.failures
    if split.questions:
        st.html(bar(split))
    else:
        st.html('<p class="muted">Nothing is known about these questions: none has a label.</p>')
    st.html(tables.fold(failures(report), tables=failures(report).tables[:1]))
    st.fragment(_list)(sluice, info, run, report, c)


def bar(split: FailureSplit) -> str:
    """One bar, a part a cause, as HTML; the legend has the counts."""
    parts = [
        (name, tint, split.counts[cause])
        for (cause, name), tint in zip(CAUSES.items(), _TINTS, strict=True)
        if split.counts[cause]
    ]
    segments = "".join(
        f'<span class="seg {tint}" style="width:{100 * count / split.questions:.2f}%"></span>'
        for _, tint, count in parts
    )
    legend = "".join(
        f'<li><span class="key {tint}" aria-hidden="true"></span>{safe.text(name)} <span class="num">{count:,}</span>'
        "</li>"
        for name, tint, count in parts
    )
    return (
        f'<div class="bar"><p class="label">{counted(split.questions, "question")}, one cause each: the last step that '
        f'still had what was needed</p><div class="stack tall" aria-hidden="true">{segments}</div>'
        f"<ul>{legend}</ul></div>"
    )


def rows_of(report: Report, c: ConfigurationReport) -> dict[str, list[Row]]:
    """What can be looked into: a name with its questions; groups without any are left out."""
    found: dict[str, list[Row]] = {
        name: [
            Row(f.id, report.texts[f.id], _ranks(f.rank_before, f.rank_after, demoted=f.demoted))
            for f in c.failures.examples[cause]
        ]
        for cause, name in CAUSES.items()
        if cause is not Failure.NONE
    }
    moves = sorted((m for m in c.by_question if abs(m.change) > TIE), key=lambda m: -abs(m.change))
    for name, sign in (("won by reranking", 1), ("lost by reranking", -1)):
        found[name] = [
            Row(m.id, report.texts[m.id], f"{points(m.before)} → {points(m.after)}")
            for m in moves
            if m.change * sign > 0
        ]
    causes = {f.id: CAUSES[cause] for cause, of in c.failures.examples.items() for f in of}
    found["all"] = [Row(i, text, causes.get(i, "")) for i, text in report.texts.items()]
    return {name: rows for name, rows in found.items() if rows}


def _list(sluice: Sluice, info: LibraryInfo, run: KeptRun, report: Report, c: ConfigurationReport) -> None:
    groups = rows_of(report, c)
    if not groups:
        return
    key = f"evaluate.questions.{run.path}.{c.note.id}"
    chosen: str = st.pills(
        "Look into",
        list(groups),
        default=next(iter(groups)),
        required=True,
        format_func=lambda name: f"{name} ({len(groups[name]):,})",
        key=f"{key}.group",
    )
    rows = groups[chosen]
    if len(rows) > _MOST:
        wanted = st.text_input("Find a question", placeholder="Part of it", key=f"{key}.find")
        rows = [row for row in rows if wanted.lower() in row.text.lower()]
    with st.container(key="asked-list", gap="small"):
        for row in _shown(rows, f"{key}.{chosen}"):
            says = f" · {row.says}" if row.says else ""
            if st.button(_plain(f"{row.text}{says}"), key=f"{key}.open.{row.id}", width="stretch"):
                question.show(sluice, info, run, c, row.id)


def _shown(rows: Sequence[Row], key: str) -> Sequence[Row]:
    """The first ones; the button below the list shows more."""
    if len(rows) <= _MOST:
        return rows
    pages = -(-len(rows) // _MOST)
    page: int = st.number_input(f"Page, of {pages}", 1, pages, key=f"{key}.page", width=160)
    return rows[(page - 1) * _MOST : page * _MOST]


def _plain(text: str) -> str:
    """For a label, which Streamlit reads as Markdown: a question is text."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+-.!$:~|<>&\"'" else char for char in " ".join(text.split()))


def _ranks(before: int | None, after: int | None, *, demoted: bool) -> str:
    if before is None or after is None:
        return ""
    return f"its best passage was {before}, now {after}{', demoted' if demoted else ''}"
