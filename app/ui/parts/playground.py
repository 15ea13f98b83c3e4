"""The playground's form: a question, passages typed or dropped as a file, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app.counting import counted
from app.errors import SluiceError
from app.evaluation import playground
from app.evaluation.pasted import LEAST, MOST, Table, column, read_table, split_passages
from app.ui import safe, session
from app.ui.parts import failure, rankings, sidebar, verdict
from app.ui.words import help_of

if TYPE_CHECKING:
    from app.wiring import Sluice

_MOST_MEGABYTES = 5
_EXAMPLE = "One passage a line;\nor passages of several lines, with a blank line between them."


def show(sluice: Sluice) -> None:
    """Draw the form, run it when asked, and draw the last result."""
    question = st.text_input("Question", key="play.question", persist_state="session")
    typed, dropped = st.tabs(["Type or paste", "Drop a CSV"])
    with typed:
        text: str = (
            st.text_area(
                f"Passages, {LEAST} to {MOST}",
                height=220,
                key="play.passages",
                placeholder=_EXAMPLE,
                help="One a line; or with blank lines between passages of several lines.",
                persist_state="session",
            )
            or ""
        )
        pasted = split_passages(text)
        if pasted:
            st.caption(f"{counted(len(pasted), 'passage')} so far.")
    with dropped:
        given = _dropped()
    choices = _choices(sluice)
    pressed = st.button("Rank them", type="primary", key="play.go")
    if pressed:
        if given is not None and pasted:
            st.html(verdict.note("held", "The file is ranked; what is typed stays where it is."))
        _run(sluice, question or "", pasted if given is None else given, choices)
    if (play := session.played()) is not None:
        if (play.question, play.passages) != ((question or "").strip(), tuple(pasted if given is None else given)):
            st.html(verdict.note("held", f"Below: the last ranking, for “{play.question}”."))
        rankings.show(play)
        st.download_button(
            "Export",
            data=json.dumps(playground.play_to_json(play), ensure_ascii=False, indent=1),
            file_name="sluice-playground.json",
            mime="application/json",
            key="play.export",
            type="tertiary",
            help="Orders, scores, agreement, times, as JSON",
            on_click="ignore",
        )


def _choices(sluice: Sluice) -> list[playground.Choice]:
    """The rerankers to run: those that can be used here, unless some are taken out or others named."""
    offered = sluice.rerankers()
    known: list[playground.Choice] = list(offered)
    running, _ = playground.usable(known)
    asked_for = {choice.name for choice in offered if choice.on_request}
    labels = {choice.name: sidebar.short(choice.label) for choice in running}
    names: list[str] = st.multiselect(
        "Rerankers",
        list(labels),
        default=[name for name in labels if name not in asked_for],
        format_func=lambda name: labels.get(name, name),
        accept_new_options=True,
        key="play.rerankers",
        help=f"{help_of('reranker')} Another one can be typed: cross-encoder:NAME_OR_PATH, or cohere:MODEL.",
        persist_state="session",
    )
    chosen = [playground.named_by_hand(name, known) for name in names]
    return [*chosen, *(choice for choice in known if not choice.available and choice.name not in names)]


def _dropped() -> Sequence[str] | None:
    """The passages of a dropped file; None without one, () where it cannot be read, which is then said."""
    file = st.file_uploader(
        f"CSV or TSV with a column of passages, at most {_MOST_MEGABYTES} MB",
        type=["csv", "tsv", "txt"],
        max_upload_size=_MOST_MEGABYTES,
        key="play.file",
    )
    if file is None:
        return None
    try:
        table = read_table(file.getvalue(), file.name)
    except SluiceError as error:
        failure.show(error)
        return ()
    return _column(table, file.file_id)


def _column(table: Table, key: str) -> Sequence[str]:
    index: int = st.selectbox(
        "Column with the passages",
        range(len(table.names)),
        index=table.guess,
        format_func=table.names.__getitem__,
        key=f"play.column.{key}",
        help=f"Guessed: {table.names[table.guess]} ({table.why}).",
    )
    found = column(table, index)
    header = "The first row names the columns." if table.named else "There is no row of names."
    if len(found) > MOST:
        st.html(verdict.note("rescued", f"{len(found):,} passages in this column; the first {MOST} are ranked."))
        found = found[:MOST]
    first = f" The first: “{found[0][:90]}{'…' if len(found[0]) > 90 else ''}”" if found else ""
    st.html(f'<p class="muted">{header} {counted(len(found), "passage")} to rank.{safe.text(first)}</p>')
    return found


def _run(sluice: Sluice, question: str, passages: Sequence[str], choices: Sequence[playground.Choice]) -> None:
    box = st.empty()

    def say(label: str) -> None:
        box.html(
            f'<p class="working" role="status"><span class="dot" aria-hidden="true"></span>{safe.text(label)} …</p>'
        )

    try:
        prices = sluice.pipeline.prices
        play = playground.play(question, passages, choices, sluice.open_judge, prices=prices, before_each=say)
        session.keep_played(play)
    except SluiceError as error:
        failure.show(error)
    else:
        box.empty()
