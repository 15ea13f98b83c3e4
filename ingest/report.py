"""What became of every file, as values, as JSON (design.md section 2) and as text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.counting import counted
from app.printable import printable

_MANY = 4  # files of which the same is said
_SHOWN = 20  # files passed over for one reason; --json names all


class State(StrEnum):
    """Where a file ends; each ends in exactly one."""

    ADDED = "added"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"
    REMOVED = "removed"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileResult:
    """One file's end. `reason` says why it was skipped or failed, or what was noticed while reading it; `hint` is the
    next thing to do. `chunks` are those the library holds of it now. `as_before`: it failed in an earlier run with the
    same bytes and the same parser, and was not parsed again."""

    path: str
    state: State
    reason: str | None = None
    chunks: int = 0
    hint: str = ""
    as_before: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run, its files by path, each once. `written`: chunks embedded and written in it; `stopped`: told to stop
    early; `gone`: documents that stay searchable though their files are gone; `error`: what ended it early;
    `otherwise`: documents that were cut in another way than this run cuts."""

    library: str
    generation: int
    files: tuple[FileResult, ...]
    seconds: float
    written: int = 0
    stopped: bool = False
    gone: int = 0
    error: str | None = None
    otherwise: int = 0

    @property
    def counts(self) -> dict[str, int]:
        return {state.value: sum(file.state is state for file in self.files) for state in State}

    @property
    def exit_code(self) -> int:
        """0: done. 1: stopped, or ended by an error. 5: some files failed (design.md section 4)."""
        if self.stopped or self.error is not None:
            return 1
        return 5 if self.counts[State.FAILED] else 0


def to_json(report: Report) -> dict[str, object]:
    """The report of `--json`, schema 1."""
    return {
        "schema": 1,
        "library": report.library,
        "generation": report.generation,
        "counts": report.counts,
        "files": [file_json(file) for file in report.files],
        "seconds": round(report.seconds, 3),
        "passages": report.written,
        "gone": report.gone,
        "cut_otherwise": report.otherwise,
        "stopped": report.stopped,
        "error": report.error,
    }


def file_json(file: FileResult) -> dict[str, object]:
    return {
        "path": file.path,
        "state": file.state.value,
        "reason": file.reason,
        "chunks": file.chunks,
        "hint": file.hint,
        "as_before": file.as_before,
    }


def to_text(report: Report) -> str:
    """The report for a person: every file that failed, and the first that were skipped, by reason; then the counts."""
    lines: list[str] = []
    for state in (State.SKIPPED, State.FAILED):
        for (reason, hint, as_before), paths in _by_reason(report.files, state).items():
            again = " (as before)" if as_before else ""
            lines.append(f"{state.value}{again}: {reason}" + (f"  ({hint})" if hint else ""))
            shown = paths[:_SHOWN] if state is State.SKIPPED else paths
            lines.extend(f"    {path}" for path in shown)
            if len(paths) > len(shown):
                lines.append(f"    and {len(paths) - len(shown):,} more (--json names all)")
    if any(file.as_before for file in report.files):
        lines.append("Files that failed as before were not parsed again; --retry-failed does it.")
    noticed = [file for file in report.files if file.state in (State.ADDED, State.REPLACED) and file.reason]
    lines.extend(_notes(noticed))
    counts = ", ".join(f"{number} {name}" for name, number in report.counts.items() if number) or "no files"
    rate = f", {report.written / report.seconds:.0f} passages/s" if report.written and report.seconds else ""
    lines.append(
        f'Library "{report.library}", generation {report.generation}: {counts}. '
        f"{counted(report.written, 'passage')} written in {report.seconds:.1f} s{rate}."
    )
    if report.gone:
        lines.append(
            counted(
                report.gone,
                "document stays searchable though its file is gone; --prune removes it.",
                "documents stay searchable though their files are gone; --prune removes them.",
            )
        )
    if report.otherwise:
        lines.append(
            counted(report.otherwise, "document was", "documents were")
            + " cut in another way than this run cuts; ingest again to cut all alike."
        )
    if report.stopped:
        lines.append("Stopped before the end: what was written is kept; run the same command again for the rest.")
    return "\n".join(map(printable, lines))


def _notes(files: Sequence[FileResult]) -> list[str]:
    """What was noticed while reading, a line each; what was noticed of many files is said once."""
    alike: dict[str, list[str]] = defaultdict(list)
    for file in files:
        alike[file.reason or ""].append(file.path)
    lines: list[str] = []
    for reason, paths in alike.items():
        if len(paths) < _MANY:
            lines.extend(f"note: {path}: {reason}" for path in paths)
        else:
            lines.append(f"note: {len(paths):,} files: {reason}: {paths[0]} and others")
    return lines


def _by_reason(files: Sequence[FileResult], state: State) -> dict[tuple[str, str, bool], list[str]]:
    groups: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for file in files:
        if file.state is state:
            groups[file.reason or "", file.hint, file.as_before].append(file.path)
    return groups
