"""Votes: thumbs on answers and passages, kept with their trace, one JSON object a line.

They are labels for evaluation and calibration later; the trace makes each one usable by itself.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from app.domain import Trace
from app.errors import SluiceError
from app.trace_json import trace_to_json

VoteKind = Literal["answer", "passage"]


class VotesDamaged(SluiceError):
    """A line of the votes file cannot be read."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One thumb: +1 or -1 on an answer, or on one passage (`chunk_id`)."""

    at: str
    kind: VoteKind
    value: int
    chunk_id: str | None
    trace: dict[str, Any]


class Votes:
    """The votes of one library, appended under a lock so that two sessions never mix lines."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(self, trace: Trace, *, kind: VoteKind, value: int, chunk_id: str | None = None) -> None:
        """Keep one vote. Raises ValueError unless value is +1 or -1 and a passage vote names its chunk."""
        if value not in (1, -1):
            raise ValueError(f"a vote is +1 or -1, not {value}")
        if (kind == "passage") != (chunk_id is not None):
            raise ValueError("a passage vote names its chunk, an answer vote none")
        line = json.dumps(
            {
                "schema": 1,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "kind": kind,
                "value": value,
                "chunk_id": chunk_id,
                "trace": trace_to_json(trace),
            },
            ensure_ascii=False,
        )
        path = self.path(trace.judged.retrieved.library.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(line + "\n")

    def read(self, library: str) -> Iterator[Vote]:
        """All votes of a library, oldest first. Raises VotesDamaged naming the line that cannot be read."""
        path = self.path(library)
        if not path.exists():
            return
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    row = json.loads(line)
                    yield Vote(row["at"], row["kind"], row["value"], row["chunk_id"], row["trace"])
                except (json.JSONDecodeError, KeyError) as error:
                    raise VotesDamaged(
                        f"{path}, line {number} is not a vote.", hint="Remove that line and try again."
                    ) from error

    def path(self, library: str) -> Path:
        return self._directory / f"{library}.jsonl"
