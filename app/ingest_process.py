"""Ingest as a process of its own: pages and commands start it and read its progress, never import it.

Chroma's writes hold the interpreter lock, so an ingest inside the serving process would freeze every page.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import SluiceError


class IngestFailed(SluiceError):
    """The ingest process ended with an error of its own, not of one file."""


@dataclass(frozen=True, slots=True)
class IngestEvent:
    """One line of progress. `kind`: "started", "file", "passages", "published" or "report" (the last); `data` holds
    that event's own values (documented at `ingest.json_lines.JsonLines`)."""

    kind: str
    data: dict[str, Any]


def command(
    paths: Sequence[str | Path], *, library: str, prune: bool = False, chunking: str | None = None
) -> list[str]:
    """The command line that fills a library from `paths`. `chunking`: how documents are cut; the setting when None."""
    line = [sys.executable, "-m", "ingest", "--library", library]
    if chunking is not None:
        line += ["--chunking", chunking]
    if prune:
        line.append("--prune")
    return [*line, "--", *map(str, paths)]


def start(
    paths: Sequence[str | Path],
    *,
    library: str,
    prune: bool = False,
    chunking: str | None = None,
    environment: dict[str, str] | None = None,
) -> Generator[IngestEvent, None, None]:
    """Run an ingest and yield its events; the last is the report. Closing it stops the run after the document
    it is at, and keeps what was written.

    Raises IngestFailed when the process cannot go on (the library is locked, a model is missing, it was killed).
    """
    line = command(paths, library=library, prune=prune, chunking=chunking)
    line[line.index("--") : line.index("--")] = ["--json-lines", "--no-wait"]  # a page says at once that it is taken
    # standard error goes to a file: a full pipe that nobody reads would stop the process
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8", env=environment
        ) as process,
    ):
        assert process.stdout is not None
        finished = False
        try:
            for text in process.stdout:
                event = json.loads(text)
                kind = event.pop("event")
                if kind == "error":
                    raise IngestFailed(event["message"], hint=event["hint"])
                finished = kind == "report"
                yield IngestEvent(kind, event)
        finally:
            if process.poll() is None:
                process.terminate()
            for _ in process.stdout:  # it still says how it ends, and must not find the line cut
                pass
        if not finished:
            errors.seek(0)
            said = errors.read().strip().splitlines()
            raise IngestFailed(
                f"The ingest process ended early{': ' + said[-1] if said else '.'}",
                hint=f"Run it by hand to see more: sluice ingest {' '.join(map(str, paths))} --library {library}",
            )


def preview(path: str | Path, *, chunking: str | None = None) -> dict[str, Any]:
    """How a file would be cut, and why: what `python -m ingest --preview FILE --json` prints. Nothing is written.

    Raises IngestFailed when the file cannot be read.
    """
    done = subprocess.run(
        [*command([], library="preview", chunking=chunking)[:-1], "--json", "--preview", str(path)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        message, _, hint = done.stderr.strip().removeprefix("Error: ").partition("\n")
        raise IngestFailed(message or "The file could not be read.", hint=hint)
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen
