"""What skipping by margin and cascades lose and save: `python -m tests.benchmarks.skip_margin [--questions N]`.

On the choosing sets only: dev_squad2's articles A to M and dev_tatqa over its whole corpus. Every question is scored
whole once by both scorers (kept below SLUICE_HOME), then judged by the real stage with what each way would have asked.
Printed a way: nDCG@10, share of relevant passages admitted, wrong refusals, passages the dear scorer saw a question.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from app.calibration.observed import Observation
from app.calibration.store import calibration_for, evidence_calibration
from app.domain import Chunk, LibraryInfo, Score, ScorerProfile
from app.ports import Scorer
from app.providers.embedding import open_embedder
from app.providers.reranking.registry import open_scorer
from app.settings import Settings, load_settings
from app.stages.context import passage_cost
from app.stages.fields import passage_text
from app.stages.gate import decide
from app.stages.judge import Judge, Scoring
from app.stages.score import score
from app.tuning.calibration_observe import observe
from app.tuning.calibration_sets import ABSTENTION, MEASURED, LibraryPlan, plan_abstention, plan_measured
from app.tuning.sources import read_set
from tests.benchmarks.datasets import DATA

MARGINS = (None, 0.8, 0.6, 0.4, 0.2)
PASSED_ON = (10, 5)


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


@dataclass(frozen=True, slots=True)
class Way:
    """`passes_on`: None without a cascade. `margin`: None asks the dear scorer always."""

    passes_on: int | None
    margin: float | None

    @property
    def label(self) -> str:
        who = "alone" if self.passes_on is None else f"cascade, best {self.passes_on}"
        return f"{who}, always" if self.margin is None else f"{who}, lead {self.margin:.1f} skips"


@dataclass(frozen=True, slots=True)
class Seen:
    """One question, with what both scorers give its candidates."""

    cheap: Observation
    dear: Observation


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cheap", default="late-interaction", help="as the setting RERANKER")
    parser.add_argument("--dear", default="bundled", help="as the setting RERANKER")
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--set", choices=["squad2", "tatqa"], help="default: both")
    given = parser.parse_args(arguments)
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not here: this benchmark reads the question sets from it.")
    settings = load_settings()
    cheap, dear = (open_scorer(name, settings) for name in (given.cheap, given.dear))
    for plan in plans(given.set, given.questions):
        seen = both(plan, cheap, dear, settings)
        for way in [Way(n, margin) for n in (None, *PASSED_ON) for margin in MARGINS]:
            print(f"{plan.name}  {line(seen, cheap, dear, way)}", flush=True)


def plans(named: str | None, questions: int) -> list[LibraryPlan]:
    found = []
    if named != "tatqa":
        found.append(plan_abstention(read_set(DATA / ABSTENTION), questions=questions))
    if named != "squad2":
        found.append(plan_measured(read_set(DATA / MEASURED), questions=questions, within_group=False))
    return found


def both(plan: LibraryPlan, cheap: Scorer, dear: Scorer, settings: Settings) -> list[Seen]:
    """The answerable questions that have a relevant passage among their candidates."""
    embedder = open_embedder(settings)
    by_scorer = [
        observe(
            plan,
            work=settings.sluice_home / "calibration",
            libraries=settings.libraries_dir,
            embedder=embedder,
            scorer=scorer,
            say=lambda words: print(words, file=sys.stderr),
        )
        for scorer in (cheap, dear)
    ]
    pairs = [Seen(*pair) for pair in zip(*by_scorer, strict=True)]
    return [one for one in pairs if one.dear.kind == "answerable" and any(one.dear.relevant)]


def line(seen: Sequence[Seen], cheap: Scorer, dear: Scorer, way: Way) -> str:
    """The means over the questions."""
    ndcg = admitted = refused = scored = skipped = 0.0
    for one in seen:
        found = asked(one, cheap, dear, way)
        candidates = one.dear.retrieved.candidates
        relevant = {c.chunk.id for c, yes in zip(candidates, one.dear.relevant, strict=True) if yes}
        gate = decide(found.scored, found.defaults, run=found.run, p_answerable=found.p_answerable, cost=passage_cost)
        ndcg += _ndcg([s.candidate.chunk for s in found.scored], relevant)
        admitted += len(relevant & {d.scored.candidate.chunk.id for d in gate.admitted}) / len(relevant)
        refused += gate.outcome == "refused"
        passed_on = len(candidates) if found.run.first is None else found.run.first.passed_on
        scored += passed_on
        skipped += passed_on == 0
    n = len(seen)
    return (
        f"{way.label:<30}  nDCG@10 {ndcg / n:.4f}  relevant admitted {admitted / n:.4f}  wrong refusals "
        f"{refused / n:.4f}  dear scores {scored / n:.1f}  not asked {skipped / n:.3f}  ({n} questions)"
    )


def asked(one: Seen, cheap: Scorer, dear: Scorer, way: Way) -> Scoring:
    """The real stage over the scores that are known."""
    library = one.dear.retrieved.library
    judge = Judge(_remembered(dear, one.dear), calibration_for(dear.profile, library), evidence=evidence_calibration())
    if way.passes_on is not None:
        first = Judge(_remembered(cheap, one.cheap), calibration_for(cheap.profile, library))
        judge = Judge(judge.scorer, judge.calibration, first=first, passes_on=way.passes_on)

    def open_judge(name: str, library: LibraryInfo) -> Judge:
        return judge

    return score(
        "", one.dear.retrieved, requested="x", open_judge=open_judge, policy="required", fallback="x",
        skip_margin=way.margin,
    )  # fmt: skip


def _remembered(scorer: Scorer, one: Observation) -> Remembered:
    texts = [passage_text(c.chunk) for c in one.retrieved.candidates]
    return Remembered(scorer, dict(zip(texts, one.raw or (), strict=True)))


def _ndcg(order: Sequence[Chunk], relevant: set[str]) -> float:
    gained = sum(1 / math.log2(rank + 1) for rank, chunk in enumerate(order[:10], 1) if chunk.id in relevant)
    return gained / sum(1 / math.log2(rank + 1) for rank in range(1, min(10, len(relevant)) + 1))


if __name__ == "__main__":
    main()
