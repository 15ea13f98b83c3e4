"""How a run goes, told to the program that started it: one JSON object a line."""

from __future__ import annotations

import json
import time
from typing import IO

from app.library.turns import Holder
from ingest.lines import Lines
from ingest.meter import Meter
from ingest.report import FileResult, Report, file_json, to_json


class JsonLines:
    """One JSON object a line, for the program that started this process.

    Events: `waiting` {pid, doing, held, waited} while another process writes the library (seconds); `started` {files};
    `file` {path, state, reason, hint, chunks, as_before, done, files, passages, rate, seconds_left}; `passages` (the
    last five, while a long document is embedded); `published` {generation}; at the end `report` with the report of
    `--json` under "report" and {stopped}, or `error` {message, hint}.
    """

    def __init__(self, out: IO[str]) -> None:
        self._meter = Meter()
        self._lines = Lines(out)

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
        """Nothing is held back: every line was written at once."""

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
        self._lines.say(json.dumps(value))
