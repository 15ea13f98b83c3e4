"""Small-to-big: what is sent with a passage, within which budget, and that nothing is sent twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.cli.show import sources
from app.domain import Candidate, Chunk, Context, Decision, DecisionKind, GatePolicy, GateResult, Scored, same_place
from app.stages.context import build_context, passage_cost, render
from app.stages.fields import passage_text
from app.stages.parents import grown, joined, sent_as
from app.trace_json import trace_to_json
from tests.fakes import ScriptedChat, TableScorer
from tests.test_pipeline import OPTIONS, pipeline


def chunk(n: int, *, section: tuple[str, ...] = ("Harvest",), page: int | None = None, text: str = "") -> Chunk:
    """The n-th of a document: "n0 n1 ... n9." where each begins with the last sentence of the one before."""
    own = text or f"Line {n} is here. Line {n + 1} is here."
    return Chunk(f"c{n}", "doc", own, "Farm", n, 12, section=section, page=page)


def admitted(*chunks: Chunk, kinds: Sequence[DecisionKind] = ()) -> GateResult:
    kinds = kinds or [DecisionKind.KEPT] * len(chunks)
    decisions = tuple(
        Decision(Scored(Candidate(c, place, 0.5, 1.0, 0.5, place, place), place, 1.0, 0.9), kind, "")
        for place, (c, kind) in enumerate(zip(chunks, kinds, strict=True), 1)
    )
    return GateResult(decisions, GatePolicy(), 0.9, "admitted", changed_order=False)


def context(gate: GateResult, document: Sequence[Chunk], *, budget: int = 5000, most: int = 5000) -> Context:
    places = {c.id: c for c in document}

    def around(chunk_id: str) -> Sequence[Chunk]:
        return [c for c in document if abs(c.ordinal - places[chunk_id].ordinal) <= 12]

    return build_context(gate, budget=budget, window=8000, window_known=True, around=around, parent_tokens=most)


DOCUMENT = [chunk(n) for n in range(5)]


def test_a_passage_is_sent_with_its_section_and_no_sentence_twice() -> None:
    sent = context(admitted(DOCUMENT[2]), DOCUMENT)
    (passage,) = sent.passages
    assert passage.chunk.text == " ".join(f"Line {n} is here." for n in range(6))
    assert passage.within == ("c0", "c1", "c2", "c3", "c4")
    assert passage.merged == ()
    assert passage.chunk.id == "c2"
    assert passage.tokens == passage_cost(passage.chunk) == sent.tokens


def test_it_is_off_unless_asked_for() -> None:
    gate = admitted(DOCUMENT[2])
    alone = build_context(gate, budget=5000, window=8000, window_known=True)
    assert alone.passages[0].chunk == DOCUMENT[2]
    assert context(gate, DOCUMENT, most=0) == alone


def test_a_parent_ends_where_another_section_begins() -> None:
    document = [chunk(0, section=("Sowing",)), chunk(1), chunk(2), chunk(3, section=("Storage",))]
    (passage,) = context(admitted(document[1]), document).passages
    assert passage.within == ("c1", "c2")
    pages = [chunk(n, section=(), page=1 + n // 2) for n in range(4)]
    (passage,) = context(admitted(pages[0]), pages).passages
    assert passage.within == ("c0", "c1"), "without sections, the page"


def test_records_have_no_parent() -> None:
    rows = [replace(chunk(n, section=()), metadata={"row": n}) for n in range(3)]
    (passage,) = context(admitted(rows[1]), rows).passages
    assert passage.within == ()
    assert not same_place(rows[0], rows[1])


def test_two_passages_of_one_section_are_sent_as_one() -> None:
    sent = context(admitted(DOCUMENT[3], DOCUMENT[1]), DOCUMENT)
    (passage,) = sent.passages
    assert (passage.chunk.id, passage.number, passage.merged) == ("c3", 1, ("c1",))
    assert sent.numbers == {"c3": 1, "c1": 1}
    assert sent_as(sent, "c3") == "with its section, 5 passages"
    assert sent_as(sent, "c1") == "in passage 1"
    assert sent_as(sent, "c9") == sent_as(None, "c3") == ""
    assert sources(sent) == ["[1] Farm > Harvest   p 0.90   (with its section, 5 passages)"]
    assert sent.left_out == ()
    assert sent.tokens == passage.tokens


def test_the_parents_of_two_passages_do_not_overlap() -> None:
    """Room for two more chunks each: the first takes them, and the second takes what is left."""
    document = [chunk(n, text=f"A line about {n} alone.") for n in range(9)]
    three = passage_cost(replace(document[0], text="\n".join(c.text for c in document[:3])))
    sent = context(admitted(document[2], document[5]), document, most=three)
    spans = [p.within for p in sent.passages]
    assert spans[0] == ("c1", "c2", "c3")
    assert spans[1] == ("c4", "c5", "c6")
    assert not set(spans[0]) & set(spans[1])


def test_no_passage_is_left_out_for_anothers_section() -> None:
    far = replace(chunk(0), id="far", document_id="other", text="Another document says this.")
    both = admitted(DOCUMENT[2], far)
    least = build_context(both, budget=10_000, window=20_000, window_known=True).tokens
    for budget in range(least, least + 60, 5):
        sent = context(both, [*DOCUMENT, far], budget=budget)
        assert [p.chunk.id for p in sent.passages] == ["c2", "far"]
        assert sent.tokens <= budget
        assert sent.tokens == sum(p.tokens for p in sent.passages)
    tight = context(both, [*DOCUMENT, far], budget=least)
    assert [p.within for p in tight.passages] == [(), ()]


def test_the_limit_of_one_passage_holds() -> None:
    for most in (30, 40, 60):
        (passage,) = context(admitted(DOCUMENT[2]), DOCUMENT, most=most).passages
        assert passage.tokens <= max(most, passage_cost(DOCUMENT[2]))


def test_a_passage_that_was_rescued_stays_marked_and_can_be_part_of_a_better_one() -> None:
    kinds = [DecisionKind.KEPT, DecisionKind.RESCUED]
    sent = context(admitted(DOCUMENT[0], DOCUMENT[1], kinds=kinds), DOCUMENT)
    assert [(p.number, p.weaker, p.merged) for p in sent.passages] == [(1, False, ("c1",))]
    far = replace(chunk(9), document_id="other")
    sent = context(admitted(DOCUMENT[0], far, kinds=kinds), [*DOCUMENT, far])
    assert [p.weaker for p in sent.passages] == [False, True]
    assert "passage 2 is weaker" in render(sent)


def test_a_chunk_whose_generation_is_gone_is_sent_alone() -> None:
    assert grown(DOCUMENT[2], [], set(), {}, room=500, cost=passage_cost).chunk_ids == ("c2",)


def test_what_two_texts_share_is_said_once() -> None:
    assert (
        joined("It rains a lot. It pours now.", "It pours now. It stops.") == "It rains a lot. It pours now. It stops."
    )
    assert joined("one a", "a two") == "one a\na two", "one letter may be chance"
    assert joined("whole text here", "text here") == "whole text here"


@pytest.mark.parametrize("parent", [0, 500])
def test_the_pipeline_sends_parents_where_a_setting_says_so_and_the_trace_names_them(parent: int) -> None:
    """The whole way on a small library: search finds the small chunks, the chat model reads their section once."""
    texts = ("aaa b comes first here.", "aab is in the middle of it.", "ccc stands at the very end.")
    chunks = [replace(DOCUMENT[n], text=text) for n, text in enumerate(texts)]
    scores = {passage_text(c): score for c, score in zip(chunks, (0.5, 0.9, 0.01), strict=True)}
    chat = ScriptedChat(["So it is [1]."])
    asking = pipeline({"table": TableScorer(scores)}, chat=chat, chunks=chunks)
    asking.limits = replace(asking.limits, parent=parent)
    trace = asking.ask("a b", OPTIONS)
    story, prompt = trace_to_json(trace), chat.asked[-1][1]
    assert prompt.count("comes first here.") == prompt.count("in the middle") == 1
    assert ("very end" in prompt) is (parent > 0)
    if not parent:
        assert story["context"]["parents"] == []
        assert story["context"]["chunk_ids"] == ["c1", "c0"]
        return
    assert story["context"]["parents"] == [
        {"chunk_id": "c1", "chunk_ids": ["c0", "c1", "c2"], "merged": ["c0"], "tokens": story["context"]["tokens"]}
    ]
    tokens = {c["chunk_id"]: c["tokens"] for c in story["candidates"]}
    assert (tokens["c1"], tokens["c0"]) == (story["context"]["tokens"], 0)
    assert trace.answer is not None and trace.answer.citations == (1,)
