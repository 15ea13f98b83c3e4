"""A process of its own for parsers that may hang or crash: it is killed at a time limit and started again."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, TypeVar, cast

from app.errors import DocumentError, MachineError
from ingest.limits import Limits
from ingest.load import Format, load
from ingest.load.parsed import Parsed

MEMORY = Limits().memory  # bytes of address space the parser may take, where the system can hold it to that
_PATIENCE = 4  # times the limit by the clock, for a parser that gets little of a busy machine
_START = 60.0  # seconds a new process has until it is ready
_IDLE = 0.02  # of the time: a parser that works less than that hangs
_HEAVY = 1 << 30  # bytes in memory after a file: a process that holds more is replaced
_PR_SET_PDEATHSIG = 1  # prctl(2)
_Asked = ParamSpec("_Asked")
_Answer = TypeVar("_Answer")


class ParserProcess:
    """Parses one file at a time in a child process. Started on first use; `close` ends it for good.

    A parser that hangs is killed after `seconds` of its own work; one that asks for more than `memory` bytes, or
    crashes, takes only its own file along. One thread at a time may give it work; `close` may come from any, and ends
    what is under way.
    """

    def __init__(self, seconds: float = Limits().seconds, memory: int = MEMORY) -> None:
        self._seconds = seconds
        self._memory = memory
        self._process: multiprocessing.process.BaseProcess | None = None
        self._line: Connection | None = None
        self._lock = threading.Lock()  # over starting, closing and the two marks below; never held while waiting
        self._busy = False
        self._closed = False
        self._greeted = False

    def load(self, kind: Format, name: str, data: bytes) -> Parsed:
        """As `ingest.load.load`. Raises DocumentError, also when the parser hangs or crashes, and MachineError."""
        return self.call(load, kind, name, data)

    def call(self, function: Callable[_Asked, _Answer], /, *given: _Asked.args, **named: _Asked.kwargs) -> _Answer:
        """What a function of a module gives, in the child. It may raise DocumentError; raises the same one here, and
        one of its own when the function hangs or crashes, or when this is closed. Raises MachineError where no child
        can be had: that is not the file's fault."""
        with self._lock:
            if self._closed:
                raise _ended()
            line = self._started()
            self._busy = True
        whole = False
        try:
            answer, spent = self._asked(line, (function, given, named))
            whole = not spent
        except (EOFError, OSError) as error:
            if self._closed:
                raise _ended() from error
            raise DocumentError(
                f"its parser crashed ({self._exit_code()})", hint="The file may be damaged; save it again."
            ) from error
        finally:
            with self._lock:
                self._busy = False
                if self._closed or not whole:
                    self._drop()
        if isinstance(answer, DocumentError):
            raise answer
        return cast(_Answer, answer)

    def close(self) -> None:
        """End the child, whatever it does; safe to call twice, and from another thread than the one that waits for it:
        that one gets a DocumentError."""
        with self._lock:
            self._closed = True
            if self._busy:  # its thread sees the line end and drops it: a line closed under its hands could be another
                if self._process is not None:
                    self._process.kill()
            else:
                self._drop()

    def __enter__(self) -> ParserProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _started(self) -> Connection:
        if self._line is None or self._process is None or not self._process.is_alive():
            self._drop()
            # Not fork: the parent holds threads (tokenizer, onnxruntime) and an open SQLite connection.
            context = multiprocessing.get_context("spawn")
            try:
                line, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, self._memory), daemon=True, name="sluice-parser")
                with theirs:
                    process.start()
            except OSError as error:
                raise _no_parser(error.strerror or str(error)) from error
            self._line, self._process, self._greeted = line, process, False
        return self._line

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._line = None

    def _asked(self, line: Connection, request: object) -> tuple[object, bool]:
        """The child's answer, and whether the child is spent. Raises DocumentError when it takes too long, EOFError or
        OSError when it is gone."""
        if not self._greeted:  # until it reads, sending it more than the line holds would wait without end
            if not self._answers(line, max(_START, self._seconds)):
                raise _no_parser(f"one did not answer within {_START:.0f} s")
            line.recv()
            self._greeted = True
        line.send(request)
        if not self._answers(line, self._seconds):
            raise DocumentError(
                f"its parser did not finish within {self._seconds:.0f} s",
                hint="Give it longer with --file-timeout, or convert the file.",
            )
        answer, spent = line.recv()
        return answer, spent

    def _answers(self, line: Connection, seconds: float) -> bool:
        """Wait for the child to say something. On a busy machine the clock runs while it waits its turn: where its own
        time can be told, that is what counts, up to four times the limit by the clock."""
        began = time.monotonic()
        spent = self._cpu_seconds()
        while not line.poll(min(seconds, 1.0)):
            waited = time.monotonic() - began
            now = self._cpu_seconds()
            worked = waited if spent is None or now is None else now - spent
            if waited >= seconds and (worked >= seconds or waited >= _PATIENCE * seconds):
                return False
            if waited >= seconds and worked < _IDLE * waited:
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


def _no_parser(why: str) -> MachineError:
    return MachineError(
        f"No process could be started to read files in: {why}",
        hint="See what this machine is busy with (top; ulimit -a); then run the same command again.",
    )


def _ended() -> DocumentError:
    return DocumentError("the run ended before it was parsed", hint="Run the same command again.")


def _serve(line: Connection, memory: int) -> None:
    """The child: answer requests until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the parent may have been started with it ignored, and ends us so
    logging.disable(logging.CRITICAL)  # parsers log what they repair; what matters comes back as an error or warning
    _end_with_parent()
    _bound(memory)
    with contextlib.suppress(BrokenPipeError):
        line.send("ready")
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


def _end_with_parent() -> None:
    """A parent that is killed outright closes our line, which a parser that hangs does not see: have the system tell.

    Linux only. "Parent" is the thread that started us; those of `ingest.ahead.Parsers` last as long as we do.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid != os.getppid():  # it was killed before that
        os._exit(1)


def _bound(memory: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no gigabytes of core file behind
