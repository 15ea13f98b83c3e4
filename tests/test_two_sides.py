"""Two configurations side by side: what they share, and what each has of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import two_sides
from app.compare import Arm, contrast
from app.domain import Trace
from app.pipeline import GateChoice, Options
from app.two_sides import Side, options_of
from tests.fakes_ui import QUESTION, FakeSluice

BASE = Options(library="handbook", reranker="auto", gate=GateChoice(keep_above=0.5, max_chunks=4))


def ask(home: Path, left: Side, right: Side, base: Options = BASE) -> tuple[Trace, Trace]:
    found = two_sides.run(FakeSluice(home).pipeline, QUESTION, base, left, right)
    return found.left, found.right


def candidates(trace: Trace) -> list[str]:
    return sorted(c.chunk.id for c in trace.judged.retrieved.candidates)


def test_off_against_gated_share_their_candidates_and_the_number_of_passages(tmp_path: Path) -> None:
    left, right = ask(tmp_path, Side("off"), Side("gated"))
    assert left.judged.retrieved is right.judged.retrieved
    assert len(left.gate.admitted) == len(right.gate.admitted) > 0
    assert (left.judged.run.used, left.gate.outcome) == (None, "ungated")
    found = contrast(left, right)
    assert found.same_candidates
    assert (found.common, found.found_left, found.found_right) == (20, 0, 0)


def test_a_side_without_reranking_takes_the_candidates_of_the_other(tmp_path: Path) -> None:
    left, right = ask(tmp_path, Side("off"), Side("gated", reranker="raw"))
    assert left.judged.retrieved is right.judged.retrieved
    assert right.judged.run.requested == "raw"


def test_two_rerankers_have_the_same_candidates_and_a_gate_each(tmp_path: Path) -> None:
    left, right = ask(tmp_path, Side("gated"), Side("gated", reranker="raw"))
    assert candidates(left) == candidates(right)
    assert (left.gate.policy.keep_above, right.gate.policy.keep_above) == (0.5, None)
    assert (left.gate.policy.max_chunks, right.gate.policy.max_chunks) == (4, 4)
    assert contrast(left, right).same_candidates


def test_sides_that_search_differently_are_compared_over_what_both_found(tmp_path: Path) -> None:
    left, right = ask(tmp_path, Side("off", candidates=5), Side("gated", retrieval="lexical"))
    assert (len(left.judged.retrieved.candidates), right.judged.retrieved.mode) == (5, "lexical")
    assert left.judged.run.requested == "none"
    found = contrast(left, right)
    ours, theirs = set(candidates(left)), set(candidates(right))
    assert (found.common, found.found_left, found.found_right) == (
        len(ours & theirs),
        len(ours - theirs),
        len(theirs - ours),
    )
    assert found.found_right > 0
    assert not found.same_candidates
    assert not found.same_order
    assert len(left.gate.admitted) == len(right.gate.admitted)


def test_what_is_left_open_is_as_set_and_the_reranker_of_a_side_without_one_does_not_count() -> None:
    assert Side("gated").over(BASE) == Side("gated", "auto", "hybrid", 20).over(BASE)
    assert Side("off", reranker="raw").over(BASE) == Side("off").over(BASE)
    assert Side("gated", reranker="raw").over(BASE) != Side("gated").over(BASE)
    assert options_of(Side("gated"), BASE) == BASE


@pytest.mark.parametrize("arm", ["off", "reranked", "evidence"])
def test_two_ungated_sides_have_as_many_passages(tmp_path: Path, arm: Arm) -> None:
    left, right = ask(tmp_path, Side(arm, retrieval="dense"), Side("reranked", reranker="raw"))
    assert len(left.gate.admitted) == len(right.gate.admitted) > 0
    assert left.gate.outcome == right.gate.outcome == "ungated"


def test_each_answer_is_heard_on_its_own_side(tmp_path: Path) -> None:
    heard = {"left": "", "right": ""}

    def hear(place: two_sides.Place, piece: str) -> None:
        heard[place] += piece

    found = two_sides.run(
        FakeSluice(tmp_path).pipeline, QUESTION, BASE, Side("gated"), Side("gated", reranker="raw"), on_text=hear
    )
    assert found.left.answer is not None
    assert found.right.answer is not None
    assert heard == {"left": found.left.answer.text, "right": found.right.answer.text}
