"""Raw scores for tuning: every passage has one, or the scorer will not do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from app.errors import ModelError
from app.ports import Scorer
from app.stages.judge import scores_of
from app.tuning.kept_scores import Wanted, kept_scores, name_of


def raw_scores(
    scorer: Scorer, wanted: Sequence[Wanted], folder: Path, tick: Callable[[int], None] = lambda _done: None
) -> list[tuple[float, ...]]:
    """The raw scores of each question's passages, in their order, those in `folder` not computed again.

    Raises what the scorer raises, and ModelError where it leaves a passage without a score.
    """

    def score(question: str, texts: Sequence[str]) -> tuple[float, ...]:
        return _whole(scorer, [score.raw for score in scores_of(scorer, question, texts)])

    kept = kept_scores(folder / f"{name_of(scorer)}.jsonl", wanted, score, tick)
    return [_whole(scorer, raw) for raw in kept]


def _whole(scorer: Scorer, raw: Sequence[float | None]) -> tuple[float, ...]:
    there = tuple(value for value in raw if value is not None)
    if len(there) < len(raw):
        raise ModelError(
            f"{scorer.profile.label} gave no score for {len(raw) - len(there)} of {len(raw)} passages.",
            hint="Choose another one: --teacher NAME, or --reranker NAME.",
        )
    return there
