"""Evaluate: does reranking help on these documents? Choose questions and configurations, and read the verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.counting import counted
from app.domain import LibraryInfo
from app.errors import SluiceError
from app.evaluation.grader import most_calls
from app.evaluation.job import Job, forget_job, read_job, start_job
from app.evaluation.kept_runs import KeptRun, kept_runs, to_go_on
from app.ui import session
from app.ui.links import Links
from app.ui.parts import failure, sidebar, welcome
from app.ui.parts.evaluation import applying, deleting, progress, report, start
from app.ui.words import help_of

if TYPE_CHECKING:
    from app.wiring import Sluice


def show(open_sluice: Callable[[], Sluice], links: Links) -> None:
    st.html(
        '<div class="title"><h1>Evaluate</h1><p class="muted">Does reranking help on these documents, and is the gate '
        "set right? Measured on questions whose answers you know.</p></div>"
    )
    sluice = open_sluice()
    with st.sidebar:
        info = sidebar.library(sluice)
    if info is None or info.chunks == 0:
        welcome.empty(links)
        return
    home = sluice.settings.sluice_home
    job = read_job(home)
    busy = job is not None and job.progress.going
    runs = kept_runs(home, info.name)
    if busy:
        progress.running(home)
    with st.expander("New evaluation", expanded=not runs and not busy, key="evaluate.new"):
        start.show(sluice, info, links, busy=busy)
    if not busy and job is not None and job.request.library == info.name and (line := progress.ended(job)):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(line, width="stretch")
            if st.button("Dismiss", type="tertiary", key="evaluate.dismiss"):
                forget_job(home)
                st.rerun()
    deleting.told()
    measured = [run for run in runs if not (busy and _is_of(job, run))]
    run = _choose(home, info, measured) if measured else None
    applying.left_over(home, info, {c.scorer for c in run.manifest.configurations if c.scorer} if run else ())
    if run is None:
        return
    if not run.finished:
        _unfinished(home, run, busy=busy)
    report.show(sluice, info, links, run)


def named(run: KeptRun) -> str:
    """`handbook-questions-1, 21 Nov 2026 11:05, 20 questions, 2 configurations`."""
    manifest = run.manifest
    when = manifest.created[:16].replace("T", " ")
    grid = counted(len(manifest.configurations), "configuration")
    state = "" if run.finished else f", {run.done:,} done"
    return f"{run.path.name} · {when} · {counted(manifest.questions.asked, 'question')}{state} · {grid}"


def _choose(home: Path, info: LibraryInfo, runs: list[KeptRun]) -> KeptRun:
    by_path = {str(run.path.resolve()): run for run in runs}
    key = f"evaluate.run.{info.name}"
    wanted = session.value_of(f"evaluate.next.{info.name}")
    if wanted is not None:
        session.put(f"evaluate.next.{info.name}", None)
        if str(Path(wanted).resolve()) in by_path:
            session.put(key, str(Path(wanted).resolve()))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="runs"):
        chosen: str = st.selectbox(
            "Evaluations of this library",
            list(by_path),
            format_func=lambda path: named(by_path[path]),
            key=key,
            help=help_of("evaluation"),
            persist_state="session",
        )
        deleting.show(home, by_path[chosen])
    return by_path[chosen]


def _unfinished(home: Path, run: KeptRun, *, busy: bool) -> None:
    left = run.manifest.questions.asked - run.done
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        pressed = st.button("Go on", disabled=busy, key="evaluate.go_on")
        st.caption(
            f"{counted(left, 'question')} of this evaluation not asked yet; what is below is so far.{_paid(run)}"
        )
    if pressed:
        try:
            start_job(home, to_go_on(run, home))
        except SluiceError as error:
            failure.show(error)
            return
        st.rerun()


def _paid(run: KeptRun) -> str:
    """What going on calls a chat model for."""
    if "grader" not in run.manifest.settings:
        return ""
    left = (run.manifest.questions.asked - run.done) * len(run.manifest.configurations)
    return f" Their answers are graded: at most {counted(most_calls(left), 'call')} to the grader, for what it charges."


def _is_of(job: Job | None, run: KeptRun) -> bool:
    folder = None if job is None else job.progress.folder or job.request.folder
    return folder is not None and Path(folder).resolve() == run.path.resolve()
