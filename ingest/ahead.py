"""Files parsed ahead of the run, in several parser processes at once, while what came before is embedded."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from queue import LifoQueue
from types import TracebackType

from app.providers.onnx_runtime import available_cpus
from ingest.load import Format
from ingest.load.parsed import Parsed
from ingest.load.worker import ParserProcess

MOST_PROCESSES = 4  # each may take a hundred megabytes; more would wait for the embedding, which takes far longer


class Parsers:
    """Parser processes, each with its own time and memory limit, each driven by one thread of this process.

    The one that was used last is used again, so that a run over one file starts one.
    """

    def __init__(self, seconds: float, memory: int, *, count: int | None = None) -> None:
        """`count`: processes; by the processors there are, at most four, when None."""
        self.count = count if count is not None else min(MOST_PROCESSES, available_cpus())
        self._all = [ParserProcess(seconds, memory) for _ in range(self.count)]
        self._free: LifoQueue[ParserProcess] = LifoQueue()
        for parser in self._all:
            self._free.put(parser)
        self._threads = ThreadPoolExecutor(self.count, thread_name_prefix="parser")

    def begin(self, kind: Format, name: str, data: bytes) -> Future[Parsed]:
        """Start parsing a file. The result raises DocumentError and MachineError as `ParserProcess.load` does."""
        return self._threads.submit(self._load, kind, name, data)

    def close(self) -> None:
        """End all processes and threads; what was begun and is not done ends with a DocumentError or is never begun."""
        for parser in self._all:
            parser.close()
        # now that no parser works or can be started, the threads have nothing left to wait for: a thread that went on
        # would be waited for when this process exits, as long as its file may take
        self._threads.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Parsers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _load(self, kind: Format, name: str, data: bytes) -> Parsed:
        parser = self._free.get()
        try:
            return parser.load(kind, name, data)
        finally:
            self._free.put(parser)
