"""How far a run has come, how fast it is, and how long it will take. Pure but for the clock."""

from __future__ import annotations

import time

from ingest.report import FileResult, State


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
        self.files = max(self.files, self.done)  # documents that are removed come on top of the files found
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


def clock(seconds: float) -> str:
    """`clock(3725) == "1:02:05"`, `clock(65) == "1:05"`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
