"""The report that an ingest left in its library, for a person and as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.counting import counted
from app.library.journal import LastReport, Run
from app.printable import printable

_SHOWN = 20  # files that were passed over or removed for one reason
_SAID = ("failed", "skipped", "removed")  # states whose files are listed; the rest is counted


def report_json(last: LastReport) -> dict[str, Any]:
    """`report` as `sluice ingest --json` printed it, the run that wrote it, and the newest run where that is another:
    one that is at work, was killed, or ended without a report."""
    later = _later(last)
    return {
        "schema": 1,
        "report": last.report,
        "run": None if last.reported is None else asdict(last.reported),
        "since": None if later is None else asdict(later),
    }


def report_text(name: str, last: LastReport) -> str:
    """The same for a person."""
    lines: list[str] = []
    later = _later(last)
    if later is not None:
        which = "The last" if last.report is None else "A later"
        lines.append(
            f"{which} {_state(later)} ({later.doing}, started {_time(later.started_at)}, process {later.pid})."
        )
    if last.report is None or last.reported is None:
        return "\n".join([*lines, f"No ingest has left a report in library {name} yet."])
    report, run = last.report, last.reported
    lines.append(f"{run.doing}, {_time(run.started_at)}, {report['seconds']:.1f} s:")
    for state in _SAID:
        for (reason, hint, again), paths in _grouped(report, state).items():
            before = " (as before)" if again else ""
            lines.append(f"{state}{before}: {reason}" + (f"  ({hint})" if hint else ""))
            shown = paths if state == "failed" else paths[:_SHOWN]
            lines.extend(f"    {path}" for path in shown)
            if len(paths) > len(shown):
                lines.append(f"    and {len(paths) - len(shown):,} more (--json names all)")
    counts = ", ".join(f"{number:,} {state}" for state, number in report["counts"].items() if number) or "no files"
    lines.append(f"{counts}. Generation {report['generation']}, {counted(report['passages'], 'passage')} written.")
    if report["gone"]:
        lines.append(
            counted(
                report["gone"],
                "document stayed though its file was gone.",
                "documents stayed though their files were gone.",
            )
        )
    if report["stopped"]:
        lines.append("It was stopped before the end.")
    if report["error"]:
        lines.append(f"It was ended by an error: {report['error']}")
    return "\n".join(map(printable, lines))


def _later(last: LastReport) -> Run | None:
    return last.newest if last.newest != last.reported else None


def _state(run: Run) -> str:
    """What became of a run that left no report."""
    if run.state == "writing":
        return "ingest is at work or was killed"
    return "ingest was killed or failed before it could leave a report; the next one finishes its work"


def _time(stamp: str) -> str:
    """`2026-01-01T10:00:00+00:00` as `2026-01-01 10:00 UTC`."""
    return f"{stamp[:16].replace('T', ' ')} UTC"


def _grouped(report: Mapping[str, Any], state: str) -> dict[tuple[str, str, bool], list[str]]:
    groups: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for file in report["files"]:
        if file["state"] == state:
            groups[file["reason"] or "", file["hint"], file["as_before"]].append(file["path"])
    return groups
