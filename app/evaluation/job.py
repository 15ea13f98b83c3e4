"""An evaluation as a process of its own: whoever starts it may go away, and whoever comes back sees how far it is.

One at a time below a SLUICE_HOME, in <home>/runs/.job: request.json (what is asked), progress.json (how far it is),
pid, log, and lock. The process inherits the lock from its starter and holds it as long as it lives, so that a job whose
process was killed is never taken for a running one. What it measures lies in the run folder, record by record: a job
that ended early is gone on with by another one that names the same folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import TypeAdapter, ValidationError

from app.domain import RetrievalMode
from app.errors import SluiceError, UsageError
from app.shapes import misshapen

JobState = Literal["starting", "running", "finished", "stopped", "failed", "interrupted"]
_MODULE = "app.cli.evaluation_job"
_PATIENCE = 15.0  # seconds that a process takes at most to go, once it has finished


class JobDamaged(SluiceError):
    """What a job left behind cannot be read."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to evaluate: the arguments of `plan_run`. `questions` is a file, `name` what its set is called, `source`
    where it came from; `folder` is the run to go on with, None for the next one of its kind. `gate` holds what a person
    set on the gate, by the names of `GateChoice`.
    """

    library: str
    questions: str
    name: str
    rerankers: tuple[str, ...]
    retrievals: tuple[RetrievalMode, ...]
    candidates: tuple[int, ...]
    sample: int | None = None
    seed: int = 7
    answers: bool = False
    grade: bool = False
    gate: Mapping[str, float | int] = field(default_factory=dict)
    source: str = ""
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far it is. `done` of `total` questions, of which `before` were asked earlier; `failures` are the last few
    questions that a reranker failed on, in words, `failed` how many there are. `note` says what grading can take, and
    in the end what it took. `message` and `hint` are an error's.
    """

    state: JobState
    folder: str | None = None
    before: int = 0
    done: int = 0
    total: int = 0
    text: str = ""
    seconds: float = 0.0
    seconds_left: float | None = None
    failed: int = 0
    failures: tuple[str, ...] = ()
    note: str = ""
    message: str = ""
    hint: str = ""

    @property
    def going(self) -> bool:
        return self.state in ("starting", "running")


@dataclass(frozen=True, slots=True)
class Job:
    """The last job below a SLUICE_HOME. `progress.state` is "interrupted" where its process is gone without a word."""

    request: Request
    progress: JobProgress


def start_job(home: Path, request: Request, *, environment: Mapping[str, str] | None = None) -> None:
    """Start the process and return at once. Raises UsageError while another one runs."""
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a", encoding="utf-8") as lock:
        _take(lock, folder)
        _write(folder / "request.json", asdict(request))
        (folder / "pid").unlink(missing_ok=True)
        with (folder / "log").open("w", encoding="utf-8") as log:
            write_progress(home, JobProgress("starting"))  # after the log: whoever reads this may look there
            process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, str(home.resolve())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(lock.fileno(),),  # the lock lasts until its last holder is gone, on a kill as well
                start_new_session=True,  # Ctrl+C in the server's terminal is not meant for it
                env=None if environment is None else dict(environment),
            )
        (folder / "pid").write_text(str(process.pid), encoding="utf-8")
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie behind


def read_job(home: Path) -> Job | None:
    """The last job, running or not; None where there was none. Raises JobDamaged."""
    folder = _folder(home)
    if not (folder / "progress.json").is_file():
        return None
    alive = _alive(folder)  # before its progress: a job that ends in between has written its end
    request: Request = _read(folder / "request.json", _REQUEST)
    progress: JobProgress = _read(folder / "progress.json", _PROGRESS)
    if progress.going and not alive:
        said = (folder / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        progress = JobProgress(
            **{
                **asdict(progress),
                "state": "interrupted",
                "message": f"The evaluation ended early{': ' + said[-1] if said else '.'}",
                "hint": "What was measured is kept: go on with it below.",
            }
        )
    return Job(request, progress)


def cancel_job(home: Path) -> None:
    """Ask the running process to stop; it ends within the question it is at, and what was measured is kept."""
    folder = _folder(home)
    pid = folder / "pid"
    if not _alive(folder) or not pid.is_file():
        return
    try:
        os.kill(int(pid.read_text(encoding="utf-8")), signal.SIGTERM)
    except ProcessLookupError:
        return  # it has just finished


def forget_job(home: Path) -> None:
    """Say no more about the last job; its run stays. Nothing happens while it runs."""
    folder = _folder(home)
    if not _alive(folder):
        (folder / "progress.json").unlink(missing_ok=True)


def write_progress(home: Path, progress: JobProgress) -> None:
    """For the process itself; readers see the old file or the new one, never half of it."""
    _write(_folder(home) / "progress.json", asdict(progress))


def read_request(home: Path) -> Request:
    """For the process itself. Raises JobDamaged."""
    request: Request = _read(_folder(home) / "request.json", _REQUEST)
    return request


def _folder(home: Path) -> Path:
    return home / "runs" / ".job"  # no library's name begins with a dot


def _take(lock: IO[str], folder: Path) -> None:
    """Lock it, waiting for a process that has said its last word and is about to go."""
    patience = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            path = folder / "progress.json"
            ending = path.is_file() and not _read(path, _PROGRESS).going
            if not ending or time.monotonic() > patience:
                raise UsageError(
                    "An evaluation is running already.", hint="Wait until it has finished, or cancel it."
                ) from None
        time.sleep(0.05)


def _alive(folder: Path) -> bool:
    with (folder / "lock").open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _write(path: Path, values: Mapping[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(values, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)


def _read(path: Path, adapter: TypeAdapter[Any]) -> Any:
    try:
        return adapter.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise JobDamaged(
            f"{path} cannot be read: {misshapen(error)}", hint=f"Remove {path.parent} and start again."
        ) from error


_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)
_PROGRESS: TypeAdapter[JobProgress] = TypeAdapter(JobProgress)
