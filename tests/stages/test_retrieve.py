"""Retrieval on a library one can work out by hand."""

from __future__ import annotations

import pytest

from app.stages.retrieve import fuse, retrieve
from tests.fakes import LetterEmbedder, MemoryReader, chunk

EMBEDDER = LetterEmbedder()
CHUNKS = [chunk("meant", "aaaa"), chunk("said", "b needle"), chunk("neither", "cccc"), chunk("both", "aaa needle")]


def find(question: str, mode: str, k: int = 4):  # type: ignore[no-untyped-def]
    vector = EMBEDDER.embed_questions([question])[0]
    return retrieve(question, vector, MemoryReader(CHUNKS), mode=mode, k=k)  # type: ignore[arg-type]


def test_dense_goes_by_cosine_and_still_has_bm25() -> None:
    found = find("aaa needle", "dense")
    assert found.candidates[0].chunk.id == "meant" or found.candidates[0].chunk.id == "both"
    assert all(c.cosine is not None and c.bm25 is not None for c in found.candidates)
    assert [c.rank_before for c in found.candidates] == [1, 2, 3, 4]


def test_lexical_finds_only_what_shares_a_word_and_still_has_cosines() -> None:
    found = find("needle", "lexical")
    assert {c.chunk.id for c in found.candidates} == {"said", "both"}
    assert all(c.cosine is not None and c.rank_dense is None for c in found.candidates)


def test_hybrid_puts_what_both_legs_like_first() -> None:
    assert find("aaa needle", "hybrid").candidates[0].chunk.id == "both"


def test_bm25_share_is_of_the_questions_own_maximum() -> None:
    shares = {c.chunk.id: c.bm25_share for c in find("aaa needle", "hybrid").candidates}
    assert (shares["both"], shares["said"], shares["neither"]) == (1.0, 0.5, 0.0)


def test_carried_terms_find_passages_and_do_not_count_as_uncovered() -> None:
    vector = EMBEDDER.embed_questions(["aaa needle"])[0]
    found = retrieve("needle aaa", vector, MemoryReader(CHUNKS), asked="needle")
    by_id = {c.chunk.id: c for c in found.candidates}
    assert len(found.term_weights) == 1
    assert by_id["said"].matched == frozenset({0})  # all that was asked
    assert (by_id["both"].bm25_share, by_id["said"].bm25_share) == (1.0, 0.5)  # of what was searched for
    assert (by_id["both"].bm25 or 0.0) > (by_id["said"].bm25 or 0.0)  # the search itself was for both words


def test_a_follow_up_without_words_of_its_own_covers_nothing() -> None:
    vector = EMBEDDER.embed_questions(["aaa needle"])[0]
    found = retrieve("needle", vector, MemoryReader(CHUNKS), asked="")  # "Why?" is all stop words
    assert found.term_weights == ()
    assert found.candidates[0].bm25 is not None


def test_k_cuts_the_list() -> None:
    assert len(find("aaa needle", "hybrid", k=2).candidates) == 2


def test_without_a_lexical_leg_the_dense_one_answers_and_it_is_said() -> None:
    reader = MemoryReader(CHUNKS)
    reader.has_lexical = False
    vector = EMBEDDER.embed_questions(["aaa"])[0]
    found = retrieve("aaa", vector, reader, mode="hybrid", k=3)
    assert not found.lexical_available
    assert [c.bm25 for c in found.candidates] == [None, None, None]


def test_fusion_by_hand() -> None:
    # cosine scaled: a 1, b .5, c 0; words scaled: a 0, b 1, c .25; sums: .5, .75, .125
    assert fuse({"a": 0.9, "b": 0.7, "c": 0.5}, {"a": 0.0, "b": 4.0, "c": 1.0}) == ["b", "a", "c"]
    assert fuse({"b": 0.5, "a": 0.5}, {"a": 0.0, "b": 0.0}) == ["a", "b"]  # nothing to tell them apart: by id
    assert fuse({}, {}) == []


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
def test_an_empty_library_has_no_candidates(mode: str) -> None:
    vector = EMBEDDER.embed_questions(["aaa"])[0]
    assert retrieve("aaa", vector, MemoryReader([chunk("x")][:0]), mode=mode, k=3).candidates == ()  # type: ignore[arg-type]
