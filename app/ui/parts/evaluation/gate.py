"""The gate at other thresholds: two sliders that move all its numbers together, without scoring anything again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app.domain import LibraryInfo
from app.evaluation.figures import estimate, share, whole
from app.evaluation.gate_board import GateBoard, gate_board
from app.evaluation.kept_runs import KeptRun
from app.evaluation.report import ConfigurationReport
from app.evaluation.run_folder import read_run
from app.ui import safe
from app.ui.parts.evaluation import applying, charts, tables
from app.ui.words import help_of, why

if TYPE_CHECKING:
    from app.wiring import Sluice


def show(sluice: Sluice, info: LibraryInfo, run: KeptRun, c: ConfigurationReport) -> None:
    """Draw sliders, numbers and curves; moving a slider draws only this part again."""
    st.html(tables.heading("The gate", why("gate")))
    board = board_of(str(run.path), run.manifest.created, run.stamp, c.note.id)
    if board is None:
        st.html('<p class="muted">Passages are kept by rank here: there is no threshold to move.</p>')
        return
    st.fragment(_movable)(sluice, info, run, c, board)


@st.cache_resource(max_entries=8, show_spinner=False)
def board_of(folder: str, created: str, stamp: int, configuration: str) -> GateBoard | None:
    """The board of a configuration; `created` and `stamp` change when the run is made anew, or records are added."""
    del created, stamp
    run = read_run(Path(folder))
    policy = next(c.policy for c in run.manifest.configurations if c.id == configuration)
    return gate_board(run.records(configuration), policy)


def _movable(sluice: Sluice, info: LibraryInfo, run: KeptRun, c: ConfigurationReport, board: GateBoard) -> None:
    key = f"evaluate.gate.{run.path}.{c.note.id}"
    left, right = st.columns(2, gap="large")
    with left:
        keep: float = st.select_slider(
            "Let through from score (raw, uncalibrated)" if board.raw else "Let through passages from p",
            [float(step) for step in board.curves.keep_above],
            board.keep,
            format_func=_two,
            key=f"{key}.keep",
            help=help_of("raw score" if board.raw else "p"),
        )
        above: float = st.select_slider(
            "Answer only if the library is at least this likely to answer",
            [float(step) for step in board.curves.answer_above],
            board.above,
            format_func=_two,
            key=f"{key}.answer",
            help=help_of("answerable"),
        )
        st.html(numbers(board, keep, above))
    with right:
        charts.draw(
            charts.gate_curves(
                board.curves,
                keep,
                int(np.flatnonzero(board.curves.answer_above == above)[0]),
                charts.palette(),
                title="let through from raw score" if board.raw else "let through from p",
            ),
            key=f"{key}.curves",
            says="Precision, recall and both refusal errors over the threshold; the table beside has the numbers.",
        )
        if not c.unanswerable:
            st.caption("No question is known to be unanswerable, so wrong answers cannot show.")
        applying.show(sluice, info, run, c, board, keep, above)


def numbers(board: GateBoard, keep: float, above: float) -> str:
    """Every number of the gate, as it was in the run and, where the sliders moved, as it would be, as HTML."""
    places = list(dict.fromkeys([(board.keep, board.above), (keep, above)]))
    found = [board.numbers(*place) for place in places]
    rows = (
        ("Precision of what is sent", why("precision"), [estimate(n.precision) for n in found]),
        ("Relevant passages sent", why("recall"), [estimate(n.recall) for n in found]),
        ("Both together (F1)", "", [estimate(n.f1) for n in found]),
        ("Questions answered", "", [estimate(board.answered(*place)) for place in places]),
        ("Refused wrongly", why("refusal errors"), [share(n.refusals.wrong_refusals) for n in found]),
        ("Answered wrongly", why("refusal errors"), [share(n.refusals.wrong_answers) for n in found]),
        ("Tokens a question", why("tokens"), [whole(None if n.tokens is None else n.tokens.value) for n in found]),
    )
    head = "".join(f'<th scope="col" class="num">{name}</th>' for name in ("In this run", "Here")[: len(places)])
    body = "".join(
        f'<tr><th scope="row">{safe.text(name)}{mark}</th>'
        + "".join(f'<td class="num">{safe.text(cell)}</td>' for cell in cells)
        + "</tr>"
        for name, mark, cells in rows
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="The gate in numbers"><table class="rows measured '
        f'together"><thead><tr><th scope="col">With intervals (95%)</th>{head}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def answered(c: ConfigurationReport) -> float | None:
    """The share of the questions with a known outcome that the gate answered."""
    refusals = c.gate.refusals
    known = refusals.answerable + refusals.unanswerable
    if not known:
        return None
    yes = 0.0 if refusals.wrong_refusals is None else (1 - refusals.wrong_refusals.value) * refusals.answerable
    no = 0.0 if refusals.wrong_answers is None else refusals.wrong_answers.value * refusals.unanswerable
    return (yes + no) / known


def _two(value: float) -> str:
    return f"{value:.2f}"
