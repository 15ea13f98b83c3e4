"""How a run goes, told to a person: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from app.printable import printable
from ingest.lines import Lines
from ingest.meter import Meter, clock
from ingest.report import FileResult, State


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
            self._bar.console.print(Text(printable(f"failed: {result.path}: {result.reason}"), style="red"))
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
            left="" if left is None else f"{clock(left)} left",
        )


class LineProgress:
    """A line every few seconds, where there is no terminal."""

    def __init__(self, out: IO[str], every: float = 5.0) -> None:
        self._meter = Meter()
        self._lines = Lines(out)
        self._every = every
        self._last = time.monotonic()

    def started(self, files: int, size: int) -> None:
        self._meter.start(files, size)
        self._say(f"{files} {'file' if files == 1 else 'files'}")

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
        """Nothing is held back: every line was written at once."""

    def _tick(self) -> None:
        if time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            meter, left = self._meter, self._meter.seconds_left
            tail = "" if left is None else f", {clock(left)} left"
            self._say(f"{meter.done}/{meter.files} files, {meter.chunks:,} passages, {meter.rate:.0f}/s{tail}")

    def _say(self, line: str) -> None:
        self._lines.say(printable(line))
