"""Early stopping: scoring ends once the last candidates in retrieval order are hopeless, and it is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.domain import Candidate, DecisionKind, LibraryInfo, Retrieved, Score
from app.stages.fields import passage_text
from app.stages.gate import decide
from app.stages.judge import Judge, Scoring
from app.stages.score import score
from tests.fakes import INFO, RawIsP, TableScorer, chunk

CHUNKS = [chunk(str(n), f"passage {n}") for n in range(20)]
RETRIEVED = Retrieved(tuple(Candidate(c, n) for n, c in enumerate(CHUNKS, 1)), "hybrid", 20, INFO)


def scorer_of(*good: int, pointwise: bool = True) -> TableScorer:
    """p is 0.9 for the candidates named (0-based), 0.1 for the rest; keep_above is 0.2."""
    made = TableScorer({passage_text(c): 0.9 if n in good else 0.1 for n, c in enumerate(CHUNKS)})
    made.profile = replace(made.profile, pointwise=pointwise)
    return made


def scored_with(scorer: TableScorer, early_stop: int) -> Scoring:
    def open_judge(name: str, library: LibraryInfo) -> Judge:
        return Judge(scorer, RawIsP())

    return score(
        "q", RETRIEVED, requested="x", open_judge=open_judge, policy="required", fallback="x", early_stop=early_stop
    )


def sizes(scorer: TableScorer) -> list[int]:
    return [len(passages) for _, passages in scorer.calls]


@pytest.mark.parametrize(
    ("good", "patience", "batches"),
    [
        ((0, 1), 3, [5]),  # 2, 3, 4 are hopeless
        ((0, 1, 3), 3, [5, 5]),  # only one after the last good one among the first five
        ((0, 1), 8, [5, 5]),  # eight in a row need ten candidates
        ((0, 7, 12), 5, [5, 5, 5, 5]),  # never five in a row at the end of a batch until the last
        ((), 5, [5]),
        ((0,), 20, [5, 5, 5, 5]),
    ],
)
def test_it_ends_after_so_many_hopeless_ones_in_a_row(good: Sequence[int], patience: int, batches: list[int]) -> None:
    scorer = scorer_of(*good)
    scoring = scored_with(scorer, patience)
    assert sizes(scorer) == batches
    assert scoring.run.stopped_after == (sum(batches) if sum(batches) < 20 else None)


def test_the_rest_is_not_scored_and_the_reason_says_so() -> None:
    scoring = scored_with(scorer_of(0, 2, 18), 5)  # 18 is what it misses
    gate = decide(scoring.scored, scoring.defaults, run=scoring.run, p_answerable=0.9, cost=lambda c: 1)
    assert [d.scored.candidate.chunk.id for d in gate.admitted] == ["0", "2"]
    rest = [d for d in gate.decisions if d.kind is DecisionKind.NOT_SCORED]
    assert [d.scored.candidate.rank_before for d in rest] == list(range(11, 21))
    assert {d.reason for d in rest} == {
        "early stopping: scoring ended after 10 candidates, the last ones below the gate"
    }


@pytest.mark.parametrize(("pointwise", "early_stop"), [(False, 3), (True, 0)])
def test_off_and_listwise_scorers_score_all_at_once(pointwise: bool, early_stop: int) -> None:
    scorer = scorer_of(0, pointwise=pointwise)
    scoring = scored_with(scorer, early_stop)
    assert sizes(scorer) == [20]
    assert scoring.run.stopped_after is None
    assert None not in [s.raw_score for s in scoring.scored]


def test_a_passage_without_a_score_is_not_taken_for_hopeless() -> None:
    scorer = TableScorer({passage_text(CHUNKS[0]): 0.9})
    scored_with(scorer, 3)
    assert sizes(scorer) == [5, 5, 5, 5]


def test_a_wrong_count_is_refused_in_every_batch() -> None:
    class Short(TableScorer):
        def score(self, question: str, passages: Sequence[str]) -> list[Score]:
            return super().score(question, passages)[:-1]

    def open_judge(name: str, library: LibraryInfo) -> Judge:
        return Judge(Short({}), RawIsP())

    scoring = score("q", RETRIEVED, requested="x", open_judge=open_judge, policy="required", fallback="x", early_stop=3)
    assert scoring.run.status == "failed"
    assert "4 scores for 5 passages" in (scoring.run.reason or "")
