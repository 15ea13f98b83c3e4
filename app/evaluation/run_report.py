"""A run folder's report, as it is read from disk."""

from __future__ import annotations

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
