"""Progress of a long command on stderr: a bar that is written over on a terminal, occasional lines elsewhere."""

from __future__ import annotations

import sys
import time

import click

_EVERY = 20.0  # seconds between lines where there is no terminal
_BAR = 20  # characters


class Progress:
    """Says how far a run is. `clear` makes room for lines of results, `close` ends it."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._width = 0

    def at(self, done: int, total: int, left: float | None, what: str = "questions") -> None:
        """`done` of `total` questions, or of something else; `left` in seconds, None where it cannot be told yet."""
        said = f"{done:,} of {total:,} {what}" + ("" if left is None or done == total else f", {duration(left)} left")
        if self._terminal:
            said = f"{bar(done, total)} {said}"
            click.echo("\r" + said.ljust(self._width), err=True, nl=False)
            self._width = len(said)
        elif done == total or time.monotonic() - self._last >= _EVERY:
            self._last = time.monotonic()
            click.echo(said, err=True)

    def clear(self) -> None:
        """Take the bar away: results on the same terminal would be written behind it. The next `at` draws it again."""
        if self._terminal and self._width:
            click.echo("\r" + " " * self._width + "\r", err=True, nl=False)

    def note(self, words: str) -> None:
        """A line of its own."""
        self.close()
        click.echo(words, err=True)

    def close(self) -> None:
        if self._terminal and self._width:
            click.echo("", err=True)
            self._width = 0


def bar(done: int, total: int) -> str:
    """How far it is, drawn.

    >>> bar(5, 20)
    '[#####---------------]'
    """
    full = _BAR if total <= 0 else _BAR * done // total
    return f"[{'#' * full}{'-' * (_BAR - full)}]"


def duration(seconds: float) -> str:
    """About how long, in words.

    >>> duration(7.2), duration(160), duration(4000)
    ('7 s', '3 min', '1 h 7 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
