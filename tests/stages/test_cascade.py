"""Cascades and skipping by margin: who scored what, what stays behind, and what the gate may let through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.domain import (
    Candidate,
    DecisionKind,
    GatePolicy,
    GateResult,
    Judgement,
    LibraryInfo,
    Retrieved,
    Scale,
    Score,
    ScorerId,
)
from app.errors import SettingsError
from app.providers.reranking.registry import cascade_of
from app.stages.cascade import behind, lead
from app.stages.fields import passage_text
from app.stages.gate import decide, first
from app.stages.judge import Judge, Scoring
from app.stages.score import FailurePolicy, score
from tests.fakes import INFO, BrokenScorer, RawIsP, TableScorer, chunk

# cosines fall from .95 by .05, so that evidence alone has an order of its own: the search's
CHUNKS = [chunk(name, f"passage {name}") for name in "abcdefgh"]
RETRIEVED = Retrieved(
    tuple(Candidate(c, n, cosine=1 - 0.05 * n) for n, c in enumerate(CHUNKS, 1)), "hybrid", len(CHUNKS), INFO
)
CHEAP = {"a": 0.10, "b": 0.90, "c": 0.20, "d": 0.80, "e": 0.70, "f": 0.15, "g": 0.30, "h": 0.60}
DEAR = {"b": 0.25, "d": 0.95, "e": None, "h": 0.50}


class NoP(RawIsP):
    """A calibration that knows the order and nothing more."""

    def _by(self, values: Sequence[float | None]) -> Judgement:
        return replace(super()._by(values), p=(None,) * len(values))


def scorer(table: dict[str, float | None] | dict[str, float], name: str, scale: Scale = Scale.BOUNDED) -> TableScorer:
    made = TableScorer({passage_text(c): table.get(c.id) for c in CHUNKS}, scale=scale, name=name)
    made.profile = replace(made.profile, id=ScorerId("fake", name), label=name)
    return made


def cascaded(
    dear: TableScorer | None = None,
    *,
    cheap: TableScorer | None = None,
    passes_on: int = 4,
    margin: float | None = None,
    policy: FailurePolicy = "required",
    calibrated: bool = True,
) -> tuple[Scoring, TableScorer, TableScorer]:
    dear = scorer(DEAR, "dear") if dear is None else dear
    cheap = scorer(CHEAP, "cheap") if cheap is None else cheap
    calibration = RawIsP(0.9) if calibrated else NoP(0.9, GatePolicy())
    judge = Judge(dear, calibration, first=Judge(cheap, RawIsP(0.8)), passes_on=passes_on)

    def open_judge(name: str, library: LibraryInfo) -> Judge:
        return judge if name == "both" else Judge(cheap, RawIsP(0.7))

    found = score(
        "q",
        RETRIEVED,
        requested="both",
        open_judge=open_judge,
        policy=policy,
        fallback="cheap",
        skip_margin=margin,
    )
    return found, cheap, dear


def decided(found: Scoring, policy: GatePolicy | None = None) -> GateResult:
    return decide(
        found.scored, policy or found.defaults, run=found.run, p_answerable=found.p_answerable, cost=lambda c: 1
    )


def ids(found: Scoring) -> str:
    return "".join(s.candidate.chunk.id for s in found.scored)


# -- a cascade -------------------------------------------------------------------------------------


def test_the_second_scorer_sees_the_best_of_the_first_and_nothing_else() -> None:
    found, cheap, dear = cascaded()
    assert [len(passages) for _, passages in cheap.calls] == [8]
    assert [passages for _, passages in dear.calls] == [tuple(passage_text(CHUNKS[i]) for i in (1, 3, 4, 7))]
    assert ids(found) == "dhbe" + "gcfa"  # by the second one, what it would not score last of them; then by the first


def test_who_scored_what_is_in_the_trace() -> None:
    found, _, _ = cascaded()
    by_id = {s.candidate.chunk.id: s for s in found.scored}
    assert {i: (s.first_score, s.raw_score, s.p, s.passed_on) for i, s in by_id.items() if i in "dega"} == {
        "d": (0.8, 0.95, 0.95, True),
        "e": (0.7, None, None, True),
        "g": (0.3, None, None, False),
        "a": (0.1, None, None, False),
    }
    first = found.run.first
    assert first is not None
    assert (first.scorer, first.label, first.scale, first.passed_on, first.lead) == (
        str(ScorerId("fake", "cheap")),
        "cheap",
        Scale.BOUNDED,
        4,
        None,
    )
    assert (found.run.used, found.run.label, found.run.status) == (str(ScorerId("fake", "dear")), "dear", "applied")
    assert found.run.looked == "the best 4 by cheap went to dear"


def test_p_answerable_and_policy_are_the_second_ones() -> None:
    found, _, _ = cascaded()
    assert found.p_answerable == 0.9
    assert found.defaults == RawIsP().policy


@pytest.mark.parametrize("policy", [None, GatePolicy(raw_keep_above=0.0), GatePolicy(max_chunks=8), GatePolicy()])
def test_what_the_second_one_never_saw_does_not_pass(policy: GatePolicy | None) -> None:
    """Not by p, not by a raw threshold, not by rank where nothing is calibrated, and not as a rescue."""
    for calibrated in (True, False):
        found, _, _ = cascaded(calibrated=calibrated)
        gate = decided(found, policy)
        let = {d.scored.candidate.chunk.id for d in gate.admitted}
        assert let
        assert let <= set("bdh")
        kinds = {d.scored.candidate.chunk.id: (d.kind, d.reason) for d in gate.decisions}
        for name in "gcfa":
            assert kinds[name][0] is DecisionKind.NOT_SCORED
            assert kinds[name][1] == "the cascade ended before it: dear saw the best 4 of cheap"
        assert kinds["e"] == (DecisionKind.NOT_SCORED, "the scorer gave this passage no score")


def test_a_listwise_second_one_ranks_the_best() -> None:
    ranks = {"b": -2.0, "d": -1.0, "e": -4.0, "h": -3.0}
    found, _, _ = cascaded(scorer(ranks, "list", Scale.RANK_ONLY), calibrated=False)
    assert ids(found) == "dbhe" + "gcfa"
    gate = decided(found, GatePolicy(max_chunks=8))
    assert [d.scored.candidate.chunk.id for d in gate.admitted] == list("dbhe")
    assert {d.kind for d in gate.admitted} == {DecisionKind.KEPT_BY_RANK}


def test_more_passed_on_than_there_are() -> None:
    found, _, dear = cascaded(scorer(CHEAP, "dear"), passes_on=50)
    assert len(dear.calls[0][1]) == 8
    assert all(s.passed_on for s in found.scored)


def test_the_ungated_arm_takes_the_order_as_it_is() -> None:
    found, _, _ = cascaded(passes_on=2)
    arm = first(found.scored, 4, GatePolicy(), cost=lambda c: 1, reason="ungated")
    assert [d.scored.candidate.chunk.id for d in arm.admitted] == list("dbeh")


def test_when_the_second_one_fails_the_policy_holds() -> None:
    broken = BrokenScorer({}, name="dear")
    refused, _, _ = cascaded(broken)
    assert (refused.run.status, decided(refused).outcome) == ("failed", "refused")
    fallen, _, _ = cascaded(broken, policy="fallback")
    assert (fallen.run.status, fallen.run.label, fallen.run.first) == ("fallback", "cheap", None)
    assert fallen.p_answerable == 0.7  # its own calibration
    assert ids(fallen)[:3] == "bde"


def test_when_the_first_one_fails_nothing_is_made_up() -> None:
    found, _, dear = cascaded(cheap=BrokenScorer({}, name="cheap"))
    assert found.run.status == "failed"
    assert dear.calls == []


def test_no_candidates() -> None:
    judge = Judge(scorer(DEAR, "dear"), RawIsP(), first=Judge(scorer(CHEAP, "cheap"), RawIsP()), passes_on=4)
    found = score(
        "q", replace(RETRIEVED, candidates=()), requested="x", open_judge=lambda *_: judge, policy="required",
        fallback="x", skip_margin=0.1,
    )  # fmt: skip
    assert found.scored == ()


def test_behind_by_hand() -> None:
    none = (None,) * 5
    second = Judgement(none, none, (2, 0, 1, 3, 4), None)
    cheap = Judgement(none, none, (3, 2, 4, 1, 0), None)
    assert behind(second, [3, 2], cheap) == (2, 3, 4, 1, 0)


# -- skipping by margin ----------------------------------------------------------------------------


def test_a_clear_lead_of_the_first_one_leaves_the_second_out() -> None:
    found, _, dear = cascaded(margin=0.1)  # .90 before .80
    assert dear.calls == []
    assert ids(found) == "bdehgcfa"
    assert found.p_answerable == 0.8
    assert (found.run.status, found.run.used, found.run.label) == ("applied", str(ScorerId("fake", "cheap")), "cheap")
    assert found.run.first is not None
    assert (found.run.first.passed_on, found.run.first.lead) == (0, 0.1)
    assert found.run.looked == "reranker not asked: the first passage leads by 0.10 (cheap)"
    assert [(s.raw_score, s.p) for s in found.scored[:2]] == [(0.9, 0.9), (0.8, 0.8)]
    gate = decided(found)
    assert gate.outcome == "admitted"
    assert [d.scored.candidate.chunk.id for d in gate.admitted] == list("bdehg")  # its own p, its own gate


def test_a_small_lead_does_not() -> None:
    found, _, dear = cascaded(margin=0.2)
    assert len(dear.calls) == 1
    assert found.run.first is not None
    assert found.run.first.lead is None


def test_without_a_cascade_the_evidence_of_the_search_decides() -> None:
    dear = scorer(CHEAP, "dear")
    judge = Judge(dear, RawIsP(0.9), evidence=Evidence(0.6, GatePolicy(answer_above=0.1, keep_above=0.6)))

    def asked(margin: float | None) -> Scoring:
        return score(
            "q", RETRIEVED, requested="x", open_judge=lambda *_: judge, policy="required", fallback="x",
            skip_margin=margin,
        )  # fmt: skip

    skipped = asked(0.05)  # cosines .95 and .90
    assert dear.calls == []
    assert ids(skipped) == "abcdefgh"
    assert (skipped.run.status, skipped.run.used, skipped.run.label) == ("applied", "evidence", "search alone")
    assert [d.scored.candidate.chunk.id for d in decided(skipped).admitted] == list("abcde")
    assert all(s.raw_score is None for s in skipped.scored)
    for margin in (None, 0.06):
        found = asked(margin)
        assert ids(found)[:2] == "bd"
        assert found.run.first is None
    assert len(dear.calls) == 2


class Evidence(RawIsP):
    """p is the cosine, whatever the scorer says."""

    def judge(self, retrieved: Retrieved, scores: Sequence[Score]) -> Judgement:
        return self.evidence(retrieved)


def test_raw_scores_have_no_margin() -> None:
    none = (None, None)
    assert lead(Judgement(none, none, (0, 1), None)) is None
    assert lead(Judgement((0.5,), (None,), (0,), None)) is None


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("cascade:late-interaction+cohere:rerank-v3.5@5", ("late-interaction", "cohere:rerank-v3.5", 5)),
        ("cascade:local+llm-yes-no", ("local", "llm-yes-no", 10)),
        (
            "cascade:cross-encoder:/m/a+b+cross-encoder:/m/c+d@3",
            ("cross-encoder:/m/a+b", "cross-encoder:/m/c+d", 3),
        ),
    ],
)
def test_names_are_read(name: str, parts: tuple[str, str, int]) -> None:
    found = cascade_of(name)
    assert found is not None
    assert (found.first, found.then, found.passes_on) == parts


@pytest.mark.parametrize(
    "name",
    ["cascade:", "cascade:bundled", "cascade:bundled+", "cascade:+bundled", "cascade:bundled+none", "cascade:a+b@0"],
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(SettingsError, match="cascade") as caught:
        cascade_of(name)
    assert "cascade:FIRST+THEN@N" in caught.value.hint
