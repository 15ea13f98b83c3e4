"""The way of a question on fakes: failure policies, arms, the trace's form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.compare import compare, comparison_to_json, kendall_tau
from app.domain import Chunk, LibraryInfo, RefusalCode, Scale, Turn
from app.pipeline import GateChoice, Limits, Options, Pipeline, Prompts
from app.ports import Scorer
from app.stages.fields import passage_text
from app.stages.judge import Judge
from app.trace_json import trace_to_json
from tests.fakes import BrokenScorer, LetterEmbedder, MemoryReader, RawIsP, ScriptedChat, TableScorer, chunk

CHUNKS = [chunk("one", "aaa b first"), chunk("two", "aab second"), chunk("three", "ccc third")]
TEXTS = {c.id: passage_text(c) for c in CHUNKS}
SCORES = {TEXTS["one"]: 0.5, TEXTS["two"]: 0.9, TEXTS["three"]: 0.01}
OPTIONS = Options(library="fake", reranker="table", reranker_fallback="spare", candidates=3)


def pipeline(
    scorers: dict[str, Scorer] | None = None,
    *,
    chat: ScriptedChat | None = None,
    p_answerable: float = 0.9,
    chunks: Sequence[Chunk] = CHUNKS,
) -> Pipeline:
    known: dict[str, Scorer] = {
        "table": TableScorer(SCORES),
        "none": TableScorer({}, scale=Scale.RANK_ONLY, name="none"),
        "spare": TableScorer({TEXTS["one"]: 0.8, TEXTS["two"]: 0.3, TEXTS["three"]: 0.1}, name="spare"),
        **(scorers or {}),
    }

    def open_judge(name: str, library: LibraryInfo) -> Judge:
        return Judge(known[name], RawIsP(p_answerable))

    sentences = TableScorer({"aaa b first": 0.1, "aab second": 0.7, "ccc third": 0.2})
    return Pipeline(
        open_reader=lambda name: MemoryReader(chunks),
        embedder=LetterEmbedder(),
        open_judge=open_judge,
        sentence_scorer=lambda: sentences,
        chat=chat,
        prompts=Prompts("rewrite", "answer", "{history}{passages}{question}"),
        limits=Limits(4096, True, 2000, 200),
    )


def test_the_reranked_order_and_the_decisions() -> None:
    trace = pipeline().ask("a b", OPTIONS)
    assert [d.scored.candidate.chunk.id for d in trace.gate.decisions] == ["two", "one", "three"]
    assert [d.kind.value for d in trace.gate.decisions] == ["KEPT", "KEPT", "BELOW_THRESHOLD"]
    assert trace.judged.run.status == "applied"
    assert trace.answer is not None and trace.answer.text.startswith("“aab second” [1]")
    assert trace.gate.changed_order


def test_a_refused_question_pays_for_no_chat_call() -> None:
    chat = ScriptedChat(["never"])
    trace = pipeline(chat=chat, p_answerable=0.1).ask("a b", OPTIONS)
    assert trace.refusal is not None and trace.refusal.code is RefusalCode.BELOW_THRESHOLD
    assert (trace.answer, trace.context, chat.asked) == (None, None, [])


def test_forcing_answers_from_the_nearest_misses() -> None:
    trace = pipeline(p_answerable=0.1).ask("a b", OPTIONS, force=True)
    assert trace.gate.outcome == "forced"
    assert trace.context is not None and all(p.weaker for p in trace.context.passages)


def test_fallback_uses_the_spare_scorer_and_says_why() -> None:
    trace = pipeline({"table": BrokenScorer({})}).ask("a b", OPTIONS)
    assert trace.judged.run.status == "fallback"
    assert "did not answer" in (trace.judged.run.reason or "")
    assert "spare" in (trace.judged.run.used or "")


def test_required_refuses_when_the_reranker_is_down() -> None:
    options = Options(library="fake", reranker="table", reranker_policy="required")
    trace = pipeline({"table": BrokenScorer({})}).ask("a b", options)
    assert trace.refusal is not None and trace.refusal.code is RefusalCode.RERANKER_UNAVAILABLE


def test_a_fallback_that_fails_too_refuses() -> None:
    trace = pipeline({"table": BrokenScorer({}), "spare": BrokenScorer({})}).ask("a b", OPTIONS)
    assert trace.refusal is not None and trace.refusal.code is RefusalCode.RERANKER_UNAVAILABLE
    assert "fallback failed too" in trace.refusal.message


def test_skip_goes_on_in_retrieval_order_and_says_so() -> None:
    options = Options(library="fake", reranker="table", reranker_policy="skip")
    trace = pipeline({"table": BrokenScorer({})}).ask("a b", options)
    assert (trace.judged.run.status, trace.gate.outcome) == ("skipped", "ungated")
    ranks = [d.scored.candidate.rank_before for d in trace.gate.decisions]
    assert ranks == sorted(ranks)


def test_the_reranker_none_is_ungated() -> None:
    trace = pipeline().ask("a b", Options(library="fake", reranker="none"))
    assert (trace.judged.run.status, trace.gate.outcome) == ("skipped", "ungated")


def test_moving_the_gate_scores_nothing_again() -> None:
    table = TableScorer(SCORES)
    made = pipeline({"table": table})
    judged = made.judge("a b", OPTIONS)
    assert len(made.decide(judged, GateChoice(keep_above=0.0)).admitted) == 3
    assert len(made.decide(judged, GateChoice(keep_above=0.8, min_chunks=0)).admitted) == 1
    assert len(table.calls) == 1


def test_zero_is_a_choice_and_not_unset() -> None:
    made = pipeline(p_answerable=0.1)
    judged = made.judge("a b", OPTIONS)
    assert made.decide(judged, GateChoice(answer_above=0.0)).outcome == "admitted"
    assert made.decide(judged, GateChoice()).outcome == "refused"


def test_follow_ups_are_searched_with_their_topic() -> None:
    history = (Turn("user", "Tell me about bananas and cabbage"), Turn("assistant", "Gladly."))
    judged = pipeline().judge("and why is it so?", OPTIONS, history=history)
    assert "bananas" in judged.question.standalone


def test_the_arms_have_equal_passage_counts_and_one_candidate_set() -> None:
    made = pipeline()
    judged = made.judge("a b", OPTIONS)
    comparison = compare(made, judged, OPTIONS.gate)
    admitted = {arm: [d.scored.candidate.chunk.id for d in t.gate.admitted] for arm, t in comparison.arms.items()}
    assert {len(ids) for ids in admitted.values()} == {2}
    assert admitted["gated"] == ["two", "one"]
    assert admitted["off"] == [c.chunk.id for c in judged.retrieved.candidates[:2]]
    assert comparison.arms["off"].judged.run.used is None
    assert set(comparison.promoted) == set(admitted["gated"]) - set(admitted["off"])
    json.dumps(comparison_to_json(comparison))


def test_kendall_tau_by_hand() -> None:
    assert kendall_tau([2, 1, 3]) == pytest.approx(1 / 3)  # two pairs agree, one does not
    assert kendall_tau([1]) is None


def test_the_trace_has_the_documented_form() -> None:
    trace = trace_to_json(pipeline().ask("a b", OPTIONS))
    assert list(trace) == [
        "schema", "question", "library", "retrieval", "scorer", "candidates", "gate", "context", "answer",
        "timings_ms", "cost_usd", "charges",
    ]  # fmt: skip
    assert trace["schema"] == 1
    assert {"text", "standalone", "rewrite"} <= set(trace["question"])
    assert {"requested", "used", "scale", "status", "reason", "attempts", "calibration", "cached"} <= set(
        trace["scorer"]
    )
    assert set(trace["candidates"][0]) >= {
        "chunk_id", "document", "title", "section", "page", "text", "rank_before", "rank_dense", "rank_lexical",
        "cosine", "bm25", "rank_after", "raw_score", "p", "shares", "decision", "reason", "duplicate_of", "tokens",
        "windows", "truncated", "spans",
    }  # fmt: skip
    assert {"policy", "p_answerable", "outcome", "refusal", "changed_order"} <= set(trace["gate"])
    assert {"tokens", "budget", "chunk_ids"} <= set(trace["context"])
    assert {
        "mode",
        "model",
        "text",
        "citations",
        "unknown_citations",
        "uncited",
        "finish",
        "cut_because",
        "usage",
    } == set(trace["answer"])
    assert list(trace["timings_ms"]) == [
        "rewrite",
        "embed",
        "retrieve",
        "score",
        "gate",
        "context",
        "generate",
        "total",
    ]
    json.dumps(trace)


def test_early_stopping_reaches_the_scorer_and_the_trace() -> None:
    many = [chunk(str(n), f"a{'b' * n} passage {n}") for n in range(12)]
    made = pipeline({"table": TableScorer({passage_text(c): 0.1 for c in many})}, chunks=many)
    options = replace(OPTIONS, candidates=12)
    assert trace_to_json(made.ask("a b", options))["scorer"]["stopped_after"] is None
    assert trace_to_json(made.ask("a b", replace(options, early_stop=3)))["scorer"]["stopped_after"] == 5
