"""Lines for whoever listens to a run."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO


class Lines:
    """Writes whole lines at once. Where they can no longer be written (the reader is gone, the terminal closed, its
    disk full), there is silence from then on: how a run is told does not decide how it goes."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._heard = True

    def say(self, line: str) -> None:
        if not self._heard:
            return
        try:
            self._out.write(line + "\n")
            self._out.flush()
        except OSError:
            self._heard = False
            self._drop_the_rest()

    def _drop_the_rest(self) -> None:
        """What is left in the buffer would fail again when this process exits."""
        with suppress(OSError):  # a stream without a descriptor has no such buffer
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._out.fileno())
            os.close(nowhere)
