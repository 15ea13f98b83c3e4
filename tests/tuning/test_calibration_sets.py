"""Which questions calibrations are fitted on: none trained on, none reported on, near misses without their page."""

from __future__ import annotations

import pytest

from app.domain import Chunk
from app.tuning.calibrate_shipped import scorer_of
from app.tuning.calibration_observe import marked_chunks, relevant_chunks
from app.tuning.calibration_restated import SHARED, plan_overlapping, plan_repeated
from app.tuning.calibration_sets import (
    ABSTENTION,
    FITTED,
    Ask,
    LibraryPlan,
    is_choosing_half,
    plan_abstention,
    plan_fitted,
    stands_alone,
)
from app.tuning.folds import FOLDS, fold_of
from app.tuning.groups import PLANS
from app.tuning.sources import Asked, Passage, QuestionSet
from app.tuning.split import HELD_OUT_SHARE, bucket, held_out, source_document
from tests.fakes import CountingScorer, chunk


def source(name: str, *, scoped: bool = False) -> QuestionSet:
    passages, questions = {}, []
    for document in range(200):
        row = {"id": f"{name}-{document}", "title": f"Article {document} - Part"}
        for part in range(4):
            passage = f"{name}-{document}-{part}"
            group = f"story {document}" if scoped else ""
            passages[passage] = Passage(passage, row["title"], f"text {part}", group, kept_back=held_out(row))
            text = f"Which painter finished part {part} of cathedral {document}?"
            questions.append(Asked(f"q-{passage}", text, True, (), (passage,), group, {"domain": "wiki"}))
    return QuestionSet(name, passages, tuple(questions), scoped)


def test_one_source_document_in_ten_is_held_out_whole() -> None:
    rows = [{"id": f"p{i}-{part}", "title": f"Article {i} - {part}"} for i in range(2000) for part in "ab"]
    kept = [held_out(row) for row in rows]
    assert kept[::2] == kept[1::2]  # both parts of an article fall on the same side
    assert sum(kept) / len(kept) == pytest.approx(1 / HELD_OUT_SHARE, abs=0.02)
    assert bucket("a", 10) == bucket("a", 10)


def test_the_source_document_is_the_context_the_article_or_the_passage() -> None:
    assert source_document({"id": "p", "context": "7", "title": "Israel"}) == "context:7"
    assert source_document({"id": "p", "title": "Israel - Museums"}) == source_document({"id": "q", "title": "israel"})
    assert source_document({"id": "p", "title": ""}) == "p"


def test_libraries_hold_held_out_passages_only_and_near_misses_lack_their_page() -> None:
    sources = [source("train_nq"), source("train_selqa")]
    for plan, origin in zip(plan_fitted(sources, questions=500, off_topic=10), sources, strict=True):
        inside = {p.id for p in plan.passages}
        assert all(p.kept_back for p in plan.passages)
        asked = {q.id: q for q in origin.questions}
        kinds = {ask.kind for ask in plan.asks}
        assert kinds == {"answerable", "near_miss", "off_topic"}
        for ask in plan.asks:
            if ask.kind == "answerable":
                assert ask.relevant <= inside
            elif ask.kind == "near_miss":
                assert not set(asked[ask.id].positives) & inside
                assert origin.passages[asked[ask.id].positives[0]].kept_back
            else:
                assert ask.id.removeprefix("off-topic ") not in asked


def test_scoped_questions_stay_within_their_story_and_are_asked_nowhere_else() -> None:
    plans = plan_fitted([source("train_fairytaleqa", scoped=True), source("train_nq")], questions=500, off_topic=10)
    groups = {p.id: p.group for p in plans[0].passages}
    assert all({groups[i] for i in ask.scope} == {groups[next(iter(ask.scope))]} for ask in plans[0].asks if ask.scope)
    assert not any("fairytale" in ask.id for ask in plans[1].asks)


def test_abstention_takes_articles_a_to_m_only() -> None:
    passages = {t: Passage(t, t, "text") for t in ("Geology", "Normans")}
    questions = (
        Asked("1", "yes?", True, (), ("Geology",)),
        Asked("2", "no?", False, (), (), extra={"passage_id": "Geology"}),
        Asked("3", "yes?", True, (), ("Normans",)),
        Asked("4", "no?", False, (), (), extra={"passage_id": "Normans"}),
    )
    plan = plan_abstention(QuestionSet("dev_squad2", passages, questions, False), questions=10)
    assert [p.id for p in plan.passages] == ["Geology"]
    assert [(ask.id, ask.kind) for ask in plan.asks] == [("1", "answerable"), ("2", "lookalike")]
    assert not plan.for_p
    assert is_choosing_half("1973 oil crisis")


def test_what_is_said_twice_is_relevant_twice_only_where_the_answer_is() -> None:
    told = [Passage(f"p{i}", "Delft", f"It was painted in {1600 + i}. " + "It rained. " * 9) for i in range(40)]
    asks = [Ask(f"q{i}", "When?", "answerable", frozenset({f"p{i}"}), (str(1600 + i),)) for i in range(40)]
    strangers = [Ask("off-topic q", "Who?", "off_topic"), Ask("q40", "Why?", "near_miss")]
    plan = plan_repeated(LibraryPlan("train_nq", "Wiki", tuple(told), (*asks, *strangers)), questions=100)

    assert plan.group == "train_nq"  # judged by maps that have seen neither form of its documents
    texts = {p.id: p.text for p in plan.passages}
    assert len(texts) == 80
    assert all(f"{p.id} again" in texts for p in told)
    assert [ask.kind for ask in plan.asks].count("near_miss") == 1
    assert not any(ask.kind == "off_topic" for ask in plan.asks)
    answerable = [ask for ask in plan.asks if ask.kind == "answerable"]
    for ask in answerable:
        (first, *second) = sorted(ask.relevant)
        assert second == ([f"{first} again"] if ask.answers[0] in texts[f"{first} again"] else [])
    assert 0 < sum(len(ask.relevant) == 2 for ask in answerable) < 40


def test_overlapping_cuts_hold_all_sentences_and_both_are_relevant_only_where_both_hold_the_answer() -> None:
    def told(i: int) -> str:
        return " ".join(f"Guest {i}-{n} sat at table {n}." for n in range(10))

    passages = [Passage(f"p{i}", "Delft", told(i)) for i in range(40)]
    asks = [
        Ask(f"q{i}-{n}", "Who?", "answerable", frozenset({f"p{i}"}), (f"Guest {i}-{n} ",))
        for i in range(40)
        for n in range(10)
    ]
    strangers = [Ask("off-topic q", "Who?", "off_topic"), Ask("q40", "Why?", "near_miss")]
    short = Passage("short", "Delft", "One. Two. Three.")
    plan = plan_overlapping(LibraryPlan("train_nq", "Wiki", (*passages, short), (*asks, *strangers)), questions=1000)

    assert plan.group == "train_nq"
    texts = {p.id: p.text for p in plan.passages}
    assert len(texts) == 81 and texts["short"] == short.text
    assert sorted(ask.kind for ask in plan.asks)[-2:] == ["answerable", "near_miss"]
    for passage in passages:
        first, rest = texts[passage.id], texts[f"{passage.id} rest"]
        assert passage.text.startswith(first) and passage.text.endswith(rest)
        shared = first.count("Guest") + rest.count("Guest") - 10
        assert 1 <= shared <= 10 * SHARED[1] + 1
    for ask in plan.asks:
        if ask.kind == "answerable":
            assert ask.relevant == {i for i, text in texts.items() if ask.answers[0] in text}


@pytest.mark.parametrize("question", ["What color is it?", "Why did the author leave the town?", "Who won?"])
def test_questions_that_need_their_page_are_dropped(question: str) -> None:
    assert not stands_alone(question)


def row_chunk(name: str, row: int, text: str) -> Chunk:
    return chunk(name, text, metadata={"row": row})


def test_of_a_passage_cut_in_several_only_the_chunk_with_the_answer_is_relevant() -> None:
    chunks = [row_chunk("1", 1, "It was  painted in Delft."), row_chunk("2", 1, "More."), row_chunk("3", 2, "Delft.")]
    rows = {"a": 1, "b": 2}
    ask = Ask("q", "Where?", "answerable", frozenset({"a"}), answers=("painted in delft",))

    assert relevant_chunks(ask, chunks, rows) == (True, False, False)
    without = Ask("q", "Where?", "answerable", frozenset({"a"}), answers=("nowhere in the text",))
    assert relevant_chunks(without, chunks, rows) == (True, True, False)
    assert marked_chunks(ask, chunks, rows) == (True, True, False)  # what the labels call relevant


def test_every_set_that_is_trained_or_fitted_on_belongs_to_one_fold() -> None:
    names = [name for fold in FOLDS.values() for name in fold]
    assert sorted(names) == sorted({*PLANS, *FITTED, ABSTENTION})
    assert all(name in FOLDS[fold_of(name)] for name in names)


def test_what_is_fitted_on_is_scored_by_the_model_that_never_saw_its_kind() -> None:
    shipped, strange = CountingScorer(), {fold: CountingScorer() for fold in FOLDS}
    twice = LibraryPlan("train_covidqa said twice", "Paper", (), (), group="train_covidqa")
    unseen = LibraryPlan("dev_tatqa", "Annual report", (), (), fitted=False)
    assert scorer_of(twice, shipped, strange) is strange["biomedical"]
    assert scorer_of(unseen, shipped, strange) is shipped
    assert scorer_of(twice, shipped, {}) is shipped
