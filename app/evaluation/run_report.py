"""A run folder's report: made of what is on disk, and written beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from app.evaluation.grader_votes import Agreement
from app.evaluation.plain_values import report_to_json
from app.evaluation.records import RecordDamaged
from app.evaluation.render import as_html, as_markdown
from app.evaluation.report import Report, report_of
from app.evaluation.run_folder import RunFolder

_AGREEMENT = "agreement.json"


def report_of_run(folder: RunFolder) -> Report:
    """The report of what the folder holds so far. Raises RecordDamaged."""
    records = {c.id: folder.records(c.id) for c in folder.manifest.configurations}
    asked = {record.id: record for of in records.values() for record in of}
    questions = [q for q in folder.questions.questions if q.id in asked]
    return report_of(
        folder.manifest,
        records,
        not_located=sum(bool(q.positives) and not asked[q.id].relevant for q in questions),
        weak=sum(q.weak for q in questions),
        agreement=kept_agreement(folder),
    )


def keep_agreement(folder: RunFolder, agreement: Agreement) -> None:
    """Keep the grader's agreement with a person's votes for the report, in agreement.json."""
    path = folder.path / _AGREEMENT
    path.write_text(json.dumps({"schema": 1, **asdict(agreement)}) + "\n", encoding="utf-8")


def kept_agreement(folder: RunFolder) -> Agreement | None:
    """What `keep_agreement` kept; None where nothing was. Raises RecordDamaged."""
    path = folder.path / _AGREEMENT
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Agreement(**{f.name: int(values[f.name]) for f in fields(Agreement)})
    except (ValueError, KeyError, TypeError) as error:
        raise RecordDamaged(
            f"{path} does not hold the grader's agreement with votes.",
            hint="Remove it, and run the evaluation again: it is measured anew.",
        ) from error


@dataclass(frozen=True, slots=True)
class Written:
    """The files of a report."""

    markdown: Path
    html: Path
    json: Path


def write_report(folder: RunFolder, report: Report) -> Written:
    """Write report.md, report.html and report.json into the run's folder, in place of earlier ones."""
    files = Written(folder.path / "report.md", folder.path / "report.html", folder.path / "report.json")
    content = json.dumps(report_to_json(report), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    for path, text in ((files.markdown, as_markdown(report)), (files.html, as_html(report)), (files.json, content)):
        partial = path.with_name(f"{path.name}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    return files
