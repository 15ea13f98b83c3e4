"""Progress of a long command on stderr: one line that is written over on a terminal, occasional lines elsewhere."""

from __future__ import annotations

import sys
import time

import click

_EVERY = 20.0  # seconds between lines where there is no terminal


class Progress:
    """Says how far a run is. `close` ends the line."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._width = 0

    def at(self, done: int, total: int, left: float | None, what: str = "questions") -> None:
        """`done` of `total` questions, or of something else; `left` in seconds, None where it cannot be told yet."""
        said = f"{done:,} of {total:,} {what}" + ("" if left is None or done == total else f", {duration(left)} left")
        if self._terminal:
            click.echo("\r" + said.ljust(self._width), err=True, nl=False)
            self._width = len(said)
        elif done == total or time.monotonic() - self._last >= _EVERY:
            self._last = time.monotonic()
            click.echo(said, err=True)

    def note(self, words: str) -> None:
        """A line of its own."""
        self.close()
        click.echo(words, err=True)

    def close(self) -> None:
        if self._terminal and self._width:
            click.echo("", err=True)
            self._width = 0


def duration(seconds: float) -> str:
    """About how long, in words.

    >>> duration(7.2), duration(150), duration(4000)
    ('7 s', '3 min', '1 h 7 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
