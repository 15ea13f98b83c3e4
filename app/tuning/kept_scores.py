"""Raw scores that were computed, in a file, so that a run that was stopped pays and waits for nothing twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from app.ports import Scorer

Wanted = tuple[str, Sequence[str]]  # the question as it is searched for, and the texts of its passages
Raw = tuple[float | None, ...]


def name_of(scorer: Scorer) -> str:
    """What a file of this scorer's scores is called: another revision or precision has another."""
    return hashlib.sha256(str(scorer.profile.id).encode("utf-8")).hexdigest()[:12]


def kept_scores(
    path: Path,
    wanted: Sequence[Wanted],
    score: Callable[[str, Sequence[str]], Raw],
    tick: Callable[[int], None] = lambda _done: None,
) -> list[Raw]:
    """The raw scores of each question's passages, in their order. What stands in the file is read, the rest is computed
    by `score` and added to it, a question at a time; `tick` gets how many are there.

    Raises what `score` raises; what was computed before stays in the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    known: dict[str, Raw] = {}
    for line in before.splitlines():
        if line.endswith("}"):  # a kill may have cut a line
            row = json.loads(line)
            known[row["key"]] = tuple(row["raw"])
    result = []
    with path.open("a", encoding="utf-8") as out:
        out.write("" if before.endswith("\n") or not before else "\n")
        for number, (question, texts) in enumerate(wanted, 1):
            key = hashlib.sha256("\0".join([question, *texts]).encode("utf-8", errors="surrogatepass")).hexdigest()
            if key not in known:
                known[key] = score(question, texts)
                out.write(json.dumps({"key": key, "raw": known[key]}) + "\n")
                out.flush()
            result.append(known[key])
            tick(number)
    return result
