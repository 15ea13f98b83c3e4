"""A process of its own for parsers that may hang or crash: it is killed at a time limit and started again."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, TypeVar

from app.errors import DocumentError
from ingest.limits import Limits
from ingest.load import Format, load
from ingest.load.parsed import Parsed

MEMORY = Limits().memory  # bytes of address space the parser may take, where the system can hold it to that
_PATIENCE = 4  # times the limit by the clock, for a parser that gets little of a busy machine
_IDLE = 0.02  # of the time: a parser that works less than that hangs
_HEAVY = 1 << 30  # bytes in memory after a file: a process that holds more is replaced
_Asked = ParamSpec("_Asked")
_Answer = TypeVar("_Answer")


class ParserProcess:
    """Parses one file at a time in a child process. Started on first use; `close` ends it.

    A parser that hangs is killed after `seconds` of its own work; one that asks for more than `memory` bytes, or
    crashes, takes only its own file along. Not for several threads at once: give each its own.
    """

    def __init__(self, seconds: float = Limits().seconds, memory: int = MEMORY) -> None:
        self._seconds = seconds
        self._memory = memory
        self._process: multiprocessing.process.BaseProcess | None = None
        self._line: Connection | None = None

    def load(self, kind: Format, name: str, data: bytes) -> Parsed:
        """As `ingest.load.load`. Raises DocumentError, also when the parser hangs or crashes."""
        return self.call(load, kind, name, data)

    def call(self, function: Callable[_Asked, _Answer], /, *given: _Asked.args, **named: _Asked.kwargs) -> _Answer:
        """What a function of a module gives, in the child. It may raise DocumentError; raises the same one here, and
        one of its own when the function hangs or crashes."""
        line = self._started()
        try:
            line.send((function, given, named))
            if not self._answered(line):
                self.close()
                raise DocumentError(
                    f"its parser did not finish within {self._seconds:.0f} s",
                    hint="Give it longer with --file-timeout, or convert the file.",
                )
            answer: _Answer | DocumentError
            answer, spent = line.recv()
        except (EOFError, OSError) as error:
            code = self._exit_code()
            self.close()
            raise DocumentError(
                f"its parser crashed ({code})", hint="The file may be damaged; save it again."
            ) from error
        if spent:
            self.close()
        if isinstance(answer, DocumentError):
            raise answer
        return answer

    def close(self) -> None:
        """End the child; safe to call twice."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._line = None

    def __enter__(self) -> ParserProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _started(self) -> Connection:
        if self._line is None or self._process is None or not self._process.is_alive():
            self.close()
            # Not fork: the parent holds threads (tokenizer, onnxruntime) and an open SQLite connection.
            context = multiprocessing.get_context("spawn")
            self._line, theirs = context.Pipe()
            self._process = context.Process(
                target=_serve, args=(theirs, self._memory), daemon=True, name="sluice-parser"
            )
            self._process.start()
            theirs.close()
        return self._line

    def _answered(self, line: Connection) -> bool:
        """Wait for the answer. On a busy machine the clock runs while the parser waits its turn: where its own time
        can be told, that is what counts, up to four times the limit by the clock."""
        began = time.monotonic()
        spent = self._cpu_seconds()
        while not line.poll(min(self._seconds, 1.0)):
            waited = time.monotonic() - began
            now = self._cpu_seconds()
            worked = waited if spent is None or now is None else now - spent
            if waited >= self._seconds and (worked >= self._seconds or waited >= _PATIENCE * self._seconds):
                return False
            if waited >= self._seconds and worked < _IDLE * waited:
                return False  # it does not work at all: it waits for something that does not come
        return True

    def _cpu_seconds(self) -> float | None:
        """Processor time of the child so far, on Linux."""
        if self._process is None or self._process.pid is None:
            return None
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return None

    def _exit_code(self) -> str:
        if self._process is None:
            return "it did not start"
        self._process.join(timeout=5)
        code = self._process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _serve(line: Connection, memory: int) -> None:
    """The child: answer requests until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    logging.disable(logging.CRITICAL)  # parsers log what they repair; what matters comes back as an error or warning
    _bound(memory)
    while True:
        try:
            function, given, named = line.recv()
        except (EOFError, OSError):
            return
        try:
            answer: object = function(*given, **named)
        except DocumentError as error:
            answer = error
        with contextlib.suppress(BrokenPipeError):
            line.send((answer, _is_spent(answer)))


def _is_spent(answer: object) -> bool:
    """Whether this process should not go on: it ran out of memory, or holds much of it that Python does not give
    back. (Not by `ru_maxrss`, which a child inherits from the process that started it.)"""
    if isinstance(answer, DocumentError) and isinstance(answer.__cause__, MemoryError | RecursionError):
        return True
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError, MemoryError):
        return False  # not Linux: nothing to go by
    return pages * os.sysconf("SC_PAGE_SIZE") > _HEAVY


def _bound(memory: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no gigabytes of core file behind
