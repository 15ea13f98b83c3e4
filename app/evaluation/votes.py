"""Votes: thumbs on answers and passages, and blind votes between two answers, kept with their traces, one JSON object
a line.

They are labels for evaluation and calibration later; the trace makes each one usable by itself. A blind vote has the
second side's trace where other votes have theirs, and under "blind" the choice, both sides and the first's trace.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from app.domain import Trace
from app.errors import SluiceError
from app.trace_json import trace_to_json

VoteKind = Literal["answer", "passage", "blind"]
BlindChoice = Literal["first", "second", "equal", "bad"]
_VALUES: Mapping[BlindChoice, int] = {"first": -1, "second": 1, "equal": 0, "bad": 0}


class VotesDamaged(SluiceError):
    """A line of the votes file cannot be read."""


@dataclass(frozen=True, slots=True)
class BlindSide:
    """One side of a blind vote as it was set: the arm (`app.compare`), the scorer id that ran ("" where none did), the
    retrieval mode and the number of candidates."""

    arm: str
    scorer: str
    retrieval: str
    candidates: int


@dataclass(frozen=True, slots=True)
class Blind:
    """What was chosen between two answers without knowing which was which. "bad": neither will do.

    `first` and `second` are the sides as they were set; `first_left` says how they were shuffled. `first_trace` is the
    first side's trace, the vote's own the second's.
    """

    choice: BlindChoice
    first: BlindSide
    second: BlindSide
    first_left: bool
    first_trace: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Vote:
    """One thumb: +1 or -1 on an answer, or on one passage (`chunk_id`), 0 where it was taken back. Of a blind vote: +1
    for the second side, -1 for the first, 0 for neither."""

    at: str
    kind: VoteKind
    value: int
    chunk_id: str | None
    trace: dict[str, Any]
    blind: Blind | None = None


class Votes:
    """The votes of one library, appended under a lock so that two sessions never mix lines."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(self, trace: Trace, *, kind: VoteKind, value: int, chunk_id: str | None = None) -> None:
        """Keep one vote; 0 takes an earlier one back. Raises ValueError unless value is +1, -1 or 0 and a passage vote
        names its chunk."""
        if value not in (1, -1, 0):
            raise ValueError(f"a vote is +1, -1 or 0, not {value}")
        if (kind == "passage") != (chunk_id is not None):
            raise ValueError("a passage vote names its chunk, an answer vote none")
        self._append(trace, {"kind": kind, "value": value, "chunk_id": chunk_id})

    def add_blind(
        self,
        choice: BlindChoice,
        *,
        first: tuple[BlindSide, Trace],
        second: tuple[BlindSide, Trace],
        first_left: bool,
    ) -> None:
        """Keep one blind vote between two answers to the same question."""
        blind = {
            "choice": choice,
            "first": asdict(first[0]),
            "second": asdict(second[0]),
            "first_left": first_left,
            "first_trace": trace_to_json(first[1]),
        }
        self._append(second[1], {"kind": "blind", "value": _VALUES[choice], "chunk_id": None, "blind": blind})

    def _append(self, trace: Trace, vote: Mapping[str, object]) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        line = json.dumps({"schema": 1, "at": at, **vote, "trace": trace_to_json(trace)}, ensure_ascii=False)
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
        with path.open("rb") as file:  # json decodes it, and says where it cannot
            for number, line in enumerate(file, 1):
                try:
                    row = json.loads(line)
                    blind = _blind(row["blind"]) if row["kind"] == "blind" else None
                    yield Vote(row["at"], row["kind"], row["value"], row["chunk_id"], row["trace"], blind)
                except (ValueError, KeyError, TypeError) as error:
                    raise VotesDamaged(
                        f"{path}, line {number} is not a vote.", hint="Remove that line and try again."
                    ) from error

    def path(self, library: str) -> Path:
        return self._directory / f"{library}.jsonl"


def _blind(row: Mapping[str, Any]) -> Blind:
    return Blind(
        row["choice"], BlindSide(**row["first"]), BlindSide(**row["second"]), row["first_left"], row["first_trace"]
    )
