"""Writing a question set: JSON Lines, whole or not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from app.evaluation.questions.model import QuestionSet, to_row


def write_questions(questions: QuestionSet, path: Path) -> None:
    """Write a set so that `read_questions` gives it back. The file appears when it is complete; folders are made."""
    write_rows((to_row(question) for question in questions.questions), path)


def write_rows(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """JSON objects, one a line, in place of what the file held before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        except BaseException:
            Path(file.name).unlink()
            raise
    Path(file.name).replace(path)
