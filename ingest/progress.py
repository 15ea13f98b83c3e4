"""How the run goes, told to a terminal, to a log, or to the app (JSON lines)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from app.errors import LibraryLocked
from app.library.turns import Holder
from ingest.report import FileResult, Report, State, file_json, to_json


class Meter:
    """Counts files, bytes of text and passages; gives the rate and the time left.

    Time left goes by the bytes of text to expect, the only measure known beforehand; files that did not change are
    passed over in no time and do not count.
    """

    def __init__(self) -> None:
        self.files = self.done = self.size = self.read = self.chunks = 0
        self._passed = 0
        self._began = time.monotonic()

    def start(self, files: int, size: int) -> None:
        self.files, self.size = files, size
        self._began = time.monotonic()

    def file(self, result: FileResult, size: int) -> None:
        self.done += 1
        self.read += size
        if result.state is State.UNCHANGED or result.state is State.SKIPPED:
            self._passed += size

    @property
    def rate(self) -> float:
        """Passages embedded a second."""
        return self.chunks / max(1e-3, time.monotonic() - self._began)

    @property
    def seconds_left(self) -> float | None:
        """None until something was embedded: before that there is nothing to reckon with."""
        worked = self.read - self._passed
        if worked <= 0 or self.chunks == 0:
            return None
        return (time.monotonic() - self._began) * max(0, self.size - self.read) / worked


class WaitNotice:
    """Says that another process writes the library, at first and every half minute; ends the wait when told to stop.

    Implements `app.library.locks.Waiting`.
    """

    def __init__(self, say: Callable[[Holder, float], None], stopping: Callable[[], bool], every: float = 30.0) -> None:
        self._say = say
        self._stopping = stopping
        self._every = every
        self._next = 0.0

    def __call__(self, holder: Holder, waited: float) -> None:
        """Raises LibraryLocked when told to stop."""
        if self._stopping():
            raise LibraryLocked(
                f"Stopped while waiting for {holder.named}; nothing was read.", hint="Run the same command again."
            )
        if waited >= self._next:
            self._next = waited + self._every
            self._say(holder, waited)


def waiting_in_words(holder: Holder, waited: float) -> str:
    """`Waiting for process 12 (ingest docs), at it for 3:05; 0:30 so far. Nothing is lost by stopping.`"""
    held = holder.held(time.time())
    at_it = "" if held is None else f", at it for {_clock(held)}"
    so_far = f"; waited {_clock(waited)} so far" if waited >= 1 else ""
    return f"Waiting for {holder.named}, which writes this library{at_it}{so_far}. (--no-wait: do not.)"


class BarProgress:
    """A bar with rate and time left, on a terminal (standard error)."""

    def __init__(self, console: Console) -> None:
        self._meter = Meter()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[files]}"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None

    def started(self, files: int, size: int) -> None:
        self._meter.start(files, size)
        self._task = self._bar.add_task("Reading", total=size or 1, files=f"0/{files} files", rate="", left="")
        self._bar.start()

    def file_done(self, result: FileResult, size: int) -> None:
        self._meter.file(result, size)
        if result.state is State.FAILED:
            self._bar.console.print(Text(f"failed: {result.path}: {result.reason}", style="red"))
        self._draw(advance=size)

    def embedded(self, chunks: int) -> None:
        self._meter.chunks += chunks
        self._draw(advance=0)

    def published(self, generation: int) -> None:
        self._bar.console.print(Text(f"generation {generation} is searchable", style="dim"))

    def close(self) -> None:
        self._bar.stop()

    def _draw(self, advance: int) -> None:
        if self._task is None:
            return
        meter = self._meter
        left = meter.seconds_left
        self._bar.update(
            self._task,
            advance=advance,
            files=f"{meter.done}/{meter.files} files",
            rate=f"{meter.rate:.0f} passages/s" if meter.chunks else "",
            left="" if left is None else f"{_clock(left)} left",
        )


class LineProgress:
    """A line every few seconds, where there is no terminal."""

    def __init__(self, out: IO[str], every: float = 5.0) -> None:
        self._meter = Meter()
        self._out = out
        self._every = every
        self._last = time.monotonic()

    def started(self, files: int, size: int) -> None:
        self._meter.start(files, size)
        self._say(f"{files} files")

    def file_done(self, result: FileResult, size: int) -> None:
        self._meter.file(result, size)
        if result.state is State.FAILED:
            self._say(f"failed: {result.path}: {result.reason}")
        self._tick()

    def embedded(self, chunks: int) -> None:
        self._meter.chunks += chunks
        self._tick()

    def published(self, generation: int) -> None:
        self._say(f"generation {generation} is searchable")

    def close(self) -> None:
        self._out.flush()

    def _tick(self) -> None:
        if time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            meter, left = self._meter, self._meter.seconds_left
            tail = "" if left is None else f", {_clock(left)} left"
            self._say(f"{meter.done}/{meter.files} files, {meter.chunks:,} passages, {meter.rate:.0f}/s{tail}")

    def _say(self, line: str) -> None:
        self._out.write(line + "\n")
        self._out.flush()


class JsonLines:
    """One JSON object a line, for the program that started this process.

    Events: `waiting` {pid, doing, held, waited} while another process writes the library (seconds); `started` {files};
    `file` {path, state, reason, hint, chunks, as_before, done, files, passages, rate, seconds_left}; `passages` (the
    last five, while a long document is embedded); `published` {generation}; at the end `report` with the report of
    `--json` under "report" and {stopped}, or `error` {message, hint}.
    """

    def __init__(self, out: IO[str]) -> None:
        self._meter = Meter()
        self._out = out

    def waiting(self, holder: Holder, waited: float) -> None:
        held = holder.held(time.time())
        about = {"pid": holder.pid, "doing": holder.doing, "held": held, "waited": waited}
        self._write({"event": "waiting", **{k: round(v, 1) if isinstance(v, float) else v for k, v in about.items()}})

    def started(self, files: int, size: int) -> None:
        self._meter.start(files, size)
        self._write({"event": "started", "files": files})

    def file_done(self, result: FileResult, size: int) -> None:
        self._meter.file(result, size)
        self._write({"event": "file", **file_json(result), **self._numbers()})

    def embedded(self, chunks: int) -> None:
        self._meter.chunks += chunks
        self._write({"event": "passages", **self._numbers()})

    def published(self, generation: int) -> None:
        self._write({"event": "published", "generation": generation})

    def finished(self, report: Report) -> None:
        self._write({"event": "report", "report": to_json(report), "stopped": report.stopped})

    def failed(self, message: str, hint: str) -> None:
        self._write({"event": "error", "message": message, "hint": hint})

    def close(self) -> None:
        self._out.flush()

    def _numbers(self) -> dict[str, object]:
        meter, left = self._meter, self._meter.seconds_left
        return {
            "done": meter.done,
            "files": meter.files,
            "passages": meter.chunks,
            "rate": round(meter.rate, 1),
            "seconds_left": None if left is None else round(left, 1),
        }

    def _write(self, value: dict[str, object]) -> None:
        self._out.write(json.dumps(value) + "\n")
        self._out.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
