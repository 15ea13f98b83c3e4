"""A run folder's report: made of what is on disk, and written beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from app.evaluation.plain_values import report_to_json
from app.evaluation.render import as_html, as_markdown
from app.evaluation.report import Report, report_of
from app.evaluation.run_folder import RunFolder


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
    )


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
