"""`python -m app.cli.evaluation_job HOME`: the process that the Evaluate page starts (see app.evaluation.job)."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from app.cli.grading import graded, measure_agreement, most_in_words, open_grader, pairs_to_grade
from app.errors import SluiceError
from app.evaluation.grid import Event, Failed, Finished, Progress, Started, run_grid
from app.evaluation.job import JobProgress, Request, read_request, write_progress
from app.evaluation.plan import plan_run
from app.evaluation.questions.read import read_questions
from app.evaluation.run_folder import next_run, start
from app.evaluation.run_report import report_of_run, write_report
from app.settings import load_settings
from app.wiring import build

_SHOWN = 3  # failures told in words
_NICE = 5  # the page goes first


@dataclass(frozen=True, slots=True)
class Noted:
    """Something to be said beside the progress."""

    text: str


def main(home: Path) -> None:
    """Do what the request says, and say how far it is after each question."""
    signal.signal(signal.SIGTERM, _stop)
    os.nice(_NICE)
    progress = JobProgress("starting")
    try:
        for event in _events(home, read_request(home)):
            progress = after(progress, event)
            write_progress(home, progress)
    except SluiceError as error:
        write_progress(home, replace(progress, state="failed", message=error.message, hint=error.hint))
    except KeyboardInterrupt:
        write_progress(home, replace(progress, state="stopped", seconds_left=None))


def after(progress: JobProgress, event: Event | Noted) -> JobProgress:
    """How far it is after an event of the grid, or a note."""
    match event:
        case Noted():
            return replace(progress, note=event.text)
        case Started(done, total, folder):
            return replace(progress, state="running", folder=str(folder.path), before=done, done=done, total=total)
        case Progress():
            return replace(
                progress,
                text=event.text,
                done=event.done,
                total=event.total,
                seconds=event.seconds,
                seconds_left=event.seconds_left,
            )
        case Failed():
            said = f"{event.configuration}: {event.reason}"
            return replace(progress, failed=progress.failed + 1, failures=(*progress.failures, said)[-_SHOWN:])
        case Finished():
            return replace(progress, state="finished", seconds_left=None)


def _events(home: Path, request: Request) -> Iterator[Event | Noted]:
    settings = load_settings(sluice_home=home)
    sluice = build(settings)
    grader = open_grader(settings) if request.grade else None
    plan = plan_run(
        sluice,
        read_questions(Path(request.questions), name=request.name),
        library=request.library,
        rerankers=request.rerankers,
        retrievals=request.retrievals,
        candidates=request.candidates,
        sample=request.sample,
        seed=request.seed,
        answers=request.answers,
        grader=grader,
        gate=sluice.gate_choice(**request.gate),
        source=request.source,
    )
    path = next_run(home, plan) if request.folder is None else Path(request.folder)
    folder = start(path, plan)
    if grader is not None:
        pairs = pairs_to_grade(sluice, plan, folder)
        yield Noted(most_in_words(grader, plan, pairs))
        measure_agreement(folder, grader, pairs)
    for event in run_grid(sluice, plan, folder):
        if isinstance(event, Finished):
            if grader is not None:
                yield Noted(graded(grader))
            write_report(event.folder, report_of_run(event.folder))
        yield event


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(Path(sys.argv[1]))
