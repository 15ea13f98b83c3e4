"""A running evaluation: how far it is, and cancelling it. It runs in a process of its own; this only looks at it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.counting import counted
from app.evaluation.job import Job, JobProgress, cancel_job, read_job
from app.ui import safe, session

EVERY = 1.0  # seconds


def running(home: Path) -> None:
    """Draw the progress, again and again, until the run ends; then the page is drawn anew."""
    st.fragment(_look, run_every=EVERY)(home)


def _look(home: Path) -> None:
    job = read_job(home)
    if job is None or not job.progress.going:
        if job is not None and job.progress.folder is not None:
            choose_run(job.request.library, job.progress.folder)
        st.rerun()
    with st.container(key="running"):
        st.html(f'<p class="label">Evaluating {safe.text(job.request.name)} on {safe.text(job.request.library)}</p>')
        st.progress(share(job.progress), text=said(job.progress))
        if job.progress.text:
            st.html(f'<p class="muted clip">{safe.text(job.progress.text)}</p>')
        _failures(job.progress)
        if job.progress.note:
            st.html(f'<p class="muted small">{safe.text(job.progress.note)}</p>')
        if st.button("Cancel", help="What was measured is kept, and can be gone on with."):
            cancel_job(home)
        st.caption("You may leave this page, or close it: the evaluation goes on.")


def share(progress: JobProgress) -> float:
    return progress.done / progress.total if progress.total else 0.0


def said(progress: JobProgress) -> str:
    """`12 of 40 questions, 1.9 s each, about 53 s left`."""
    if not progress.total:
        return "Getting ready: loading the models, looking for the labels …"
    new = progress.done - progress.before
    rate = f", {progress.seconds / new:.1f} s each" if new else ""
    return f"{progress.done:,} of {counted(progress.total, 'question')}{rate}{left(progress.seconds_left)}"


def left(seconds: float | None) -> str:
    """`left(53) == ", about 53 s left"`; minutes from 100 s."""
    if seconds is None:
        return ""
    return f", about {seconds:.0f} s left" if seconds < 100 else f", about {seconds / 60:.0f} min left"


def ended(job: Job) -> str:
    """How the last one ended, where that is worth a line, as HTML."""
    progress = job.progress
    if progress.state in ("failed", "interrupted"):
        hint = f'<p class="hint">{safe.text(progress.hint)}</p>' if progress.hint else ""
        return (
            f'<div class="note failed" role="alert"><p><span aria-hidden="true">▲</span> '
            f"<b>{safe.text(progress.message)}</b></p>{hint}</div>"
        )
    if progress.state == "stopped":
        return (
            '<p class="note held" role="status"><span aria-hidden="true">○</span> Cancelled after '
            f"{progress.done:,} of {counted(progress.total, 'question')}. What was measured is kept.</p>"
        )
    said = f'<p class="note held" role="status"><span aria-hidden="true">○</span> {safe.text(progress.note)}</p>'
    failed = (
        f'<p class="note rescued"><span aria-hidden="true">◆</span> {counted(progress.failed, "question")} could '
        f"not be scored: {safe.text('; '.join(progress.failures))}</p>"
    )
    return (said if progress.note else "") + (failed if progress.failed else "")


def choose_run(library: str, folder: str) -> None:
    """The run to show from the next drawing on."""
    session.put(f"evaluate.next.{library}", folder)


def _failures(progress: JobProgress) -> None:
    if progress.failed:
        st.html(
            f'<p class="note rescued"><span aria-hidden="true">◆</span> {counted(progress.failed, "question")} could '
            f"not be scored so far: {safe.text('; '.join(progress.failures))}</p>"
        )
