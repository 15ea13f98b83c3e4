"""Raw scores that were computed, one file a scorer, so that a run that was stopped pays and waits for nothing twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from app.domain import Score
from app.errors import ModelError
from app.ports import Scorer
from app.stages.judge import scores_of

Wanted = tuple[str, Sequence[str]]  # the question as it is searched for, and the texts of its passages


def raw_scores(
    scorer: Scorer, wanted: Sequence[Wanted], folder: Path, tick: Callable[[int], None] = lambda _done: None
) -> list[tuple[float, ...]]:
    """The raw scores of each question's passages, in their order. What is in `folder` is read, the rest is computed and
    added to it.

    Raises what the scorer raises, and ModelError where it leaves a passage without a score.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(str(scorer.profile.id).encode('utf-8')).hexdigest()[:12]}.jsonl"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    known: dict[str, tuple[float, ...]] = {}
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
                known[key] = _whole(scorer, scores_of(scorer, question, texts))
                out.write(json.dumps({"key": key, "raw": known[key]}) + "\n")
                out.flush()
            result.append(known[key])
            tick(number)
    return result


def _whole(scorer: Scorer, scores: Sequence[Score]) -> tuple[float, ...]:
    raw = tuple(score.raw for score in scores if score.raw is not None)
    if len(raw) < len(scores):
        raise ModelError(
            f"{scorer.profile.label} gave no score for {len(scores) - len(raw)} of {len(scores)} passages.",
            hint="Choose another one: --teacher NAME, or --reranker NAME.",
        )
    return raw
