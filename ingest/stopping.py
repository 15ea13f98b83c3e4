"""Signals that ask a run to stop: it ends in order, at the next document."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ingest.lines import Lines


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """The first SIGINT, SIGTERM or SIGHUP (its terminal was closed) is noted in the list given, for the run to stop at
    the next document; a second one takes its usual effect. Under `nohup` SIGHUP stays ignored."""
    stopped: list[int] = []
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        usual[signal.SIGHUP] = signal.getsignal(signal.SIGHUP)
    said = Lines(sys.stderr)

    def note(number: int, _: FrameType | None) -> None:
        stopped.append(number)
        for each, handler in usual.items():
            signal.signal(each, handler)
        said.say("Stopping after this document; what is written stays. Again to stop at once.")

    for number in usual:
        signal.signal(number, note)
    try:
        yield stopped
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
