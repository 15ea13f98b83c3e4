"""What early stopping loses and saves: `python -m tests.benchmarks.early_stop [--reranker NAME] [--questions N]`.

On the choosing sets only: dev_squad2's articles A to M and dev_tatqa over its whole corpus. Every question is scored
whole once (kept below SLUICE_HOME), then judged with what each patience would have scored: pointwise scores do not
depend on their company. Printed a patience: nDCG@10, share of relevant passages admitted, wrong refusals, share scored.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from app.calibration.observed import Observation
from app.calibration.store import calibration_for
from app.domain import Chunk, LibraryInfo, Score, ScorerProfile
from app.ports import Calibration, Scorer
from app.providers.embedding import open_embedder
from app.providers.reranking.registry import open_scorer
from app.settings import load_settings
from app.stages.context import passage_cost
from app.stages.fields import passage_text
from app.stages.gate import decide
from app.stages.judge import Judge, Scoring
from app.stages.score import score
from app.tuning.calibration_observe import observe
from app.tuning.calibration_sets import ABSTENTION, MEASURED, plan_abstention, plan_measured
from app.tuning.sources import read_set
from tests.benchmarks.datasets import DATA

PATIENCE = (0, 3, 5, 8)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A scorer that gives what was observed for one question."""

    inner: Scorer
    known: dict[str, float | None]

    @property
    def profile(self) -> ScorerProfile:
        return self.inner.profile

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        return [Score(self.known[passage]) for passage in passages]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reranker", default="late-interaction", help="as the setting RERANKER")
    parser.add_argument("--questions", type=int, default=300)
    given = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not here: this benchmark reads the question sets from it.")
    settings = load_settings()
    embedder = open_embedder(settings)
    scorer = open_scorer(given.reranker, settings)
    for plan in (
        plan_abstention(read_set(DATA / ABSTENTION), questions=given.questions),
        plan_measured(read_set(DATA / MEASURED), questions=given.questions, within_group=False),
    ):
        seen = observe(
            plan,
            work=settings.sluice_home / "calibration",
            libraries=settings.libraries_dir,
            embedder=embedder,
            scorer=scorer,
            say=lambda line: print(line, file=sys.stderr),
        )
        calibration = calibration_for(scorer.profile, seen[0].retrieved.library)
        answered = [o for o in seen if o.kind == "answerable" and any(o.relevant)]
        for patience in PATIENCE:
            print(f"{plan.name}  {line(answered, scorer, calibration, patience)}", flush=True)


def line(seen: Sequence[Observation], scorer: Scorer, calibration: Calibration, patience: int) -> str:
    """The means over the questions that have a relevant passage among their candidates."""
    ndcg = admitted = refused = share = 0.0
    for one in seen:
        scoring = rescored(one, scorer, calibration, patience)
        relevant = {c.chunk.id for c, yes in zip(one.retrieved.candidates, one.relevant, strict=True) if yes}
        gate = decide(
            scoring.scored, scoring.defaults, run=scoring.run, p_answerable=scoring.p_answerable, cost=passage_cost
        )
        ndcg += _ndcg([s.candidate.chunk for s in scoring.scored], relevant)
        admitted += len(relevant & {d.scored.candidate.chunk.id for d in gate.admitted}) / len(relevant)
        refused += gate.outcome == "refused"
        count = len(scoring.scored)
        share += (count if scoring.run.stopped_after is None else scoring.run.stopped_after) / count
    n = len(seen)
    named = "all scored" if patience == 0 else f"patience {patience}"
    return (
        f"{named:<10}  nDCG@10 {ndcg / n:.4f}  relevant admitted {admitted / n:.4f}  "
        f"wrong refusals {refused / n:.4f}  scored {share / n:.3f}  ({n} questions)"
    )


def rescored(one: Observation, scorer: Scorer, calibration: Calibration, patience: int) -> Scoring:
    """The real stage over the scores that are known."""
    texts = [passage_text(c.chunk) for c in one.retrieved.candidates]
    known = dict(zip(texts, one.raw or (), strict=True))

    def open_judge(name: str, library: LibraryInfo) -> Judge:
        return Judge(Remembered(scorer, known), calibration)

    return score(
        "", one.retrieved, requested="x", open_judge=open_judge, policy="required", fallback="x", early_stop=patience
    )


def _ndcg(order: Sequence[Chunk], relevant: set[str]) -> float:
    gained = sum(1 / math.log2(rank + 1) for rank, chunk in enumerate(order[:10], 1) if chunk.id in relevant)
    return gained / sum(1 / math.log2(rank + 1) for rank in range(1, min(10, len(relevant)) + 1))


if __name__ == "__main__":
    main()
