"""BM25 against the formula worked out apart, and the traps of FTS5."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from app.library.lexical import K1, B, question_terms
from tests.library.filling import add, reader_of, writer_of


def bm25(tf: int, df: int, count: int, length: int, mean: float) -> float:
    idf = math.log(1 + (count - df + 0.5) / (df + 0.5))
    return idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * length / mean))


@pytest.fixture
def library(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("original")
    writer = writer_of(tmp_path)
    # titles add "title" and the name: lengths are 2 + words
    add(writer, "one", "apple apple banana", seed=1)
    add(writer, "two", "apple cherry", seed=2)
    add(writer, "three", "running dates are nice", seed=3)
    writer.publish()
    writer.close()
    return tmp_path


def test_scores_follow_the_formula(library: Path) -> None:
    found = reader_of(library).lexical("apple banana", 10, ())
    mean = (5 + 4 + 5) / 3  # "are" is a stop word
    apple_one, banana_one = bm25(2, 2, 3, 5, mean), bm25(1, 1, 3, 5, mean)
    assert found.bm25 == pytest.approx({"one-0": apple_one + banana_one, "two-0": bm25(1, 2, 3, 4, mean)})
    assert found.matched == {"one-0": {0, 1}, "two-0": {0}}
    assert found.term_weights == pytest.approx((math.log(1 + 1.5 / 2.5), math.log(1 + 2.5 / 1.5)))
    assert found.ceiling == pytest.approx(sum(found.term_weights) * (K1 + 1))
    assert list(found.bm25) == ["one-0", "two-0"]


def test_a_word_of_every_passage_still_counts(library: Path) -> None:
    """FTS5's own bm25() gives words of more than half the rows an IDF of almost nothing, whatever the library."""
    found = reader_of(library).lexical("title", 10, ())
    assert len(found.bm25) == 3
    assert min(found.bm25.values()) > 0.1


def test_stems_accents_and_titles_match(library: Path) -> None:
    reader = reader_of(library)
    assert list(reader.lexical("Ran? run runs date", 5, ()).bm25) == ["three-0"]
    assert list(reader.lexical("three", 5, ()).bm25) == ["three-0"]
    assert list(reader.lexical("àpplés", 5, ()).bm25) == ["one-0", "two-0"]


def test_terms_are_distinct_stems_in_order() -> None:
    assert question_terms("Running runs: what does the RUNNER run?") == ["run", "runner"]
    assert question_terms("what is it?") == []


@pytest.mark.parametrize("question", ['C++ "quoted" (a) AND b*', "NEAR(x y)", "apple - banana:", "'; DROP", "", "???"])
def test_no_question_is_a_syntax_error(library: Path, question: str) -> None:
    found = reader_of(library).lexical(question, 5, ())
    assert ("apple" in question) == bool(found.bm25)


def test_a_word_that_is_nowhere_keeps_its_weight(library: Path) -> None:
    found = reader_of(library).lexical("apple zeppelin", 5, ())
    assert found.term_weights[1] == pytest.approx(math.log(1 + 3.5 / 0.5))
    assert all(1 not in terms for terms in found.matched.values())


def test_bm25_of_given_chunks_agrees_with_the_search(library: Path) -> None:
    reader = reader_of(library)
    found = reader.lexical("apple banana", 1, ())
    given = reader.bm25("apple banana", ["three-0", "one-0", "gone"])
    assert given.bm25 == {"three-0": 0.0, "one-0": found.bm25["one-0"]}
    assert given.matched == {"three-0": frozenset(), "one-0": {0, 1}}
    assert (given.term_weights, given.ceiling) == (found.term_weights, found.ceiling)


def test_df_and_length_are_those_of_the_pinned_generation(library: Path) -> None:
    before = reader_of(library)
    first = before.lexical("apple", 5, ()).bm25
    writer = writer_of(library)
    writer.remove("one")
    for i in range(5):
        add(writer, f"more{i}", "apple " * 20, seed=10 + i)
    assert reader_of(library).lexical("apple cherry", 5, ()).bm25.keys() == {"one-0", "two-0"}  # not published
    writer.publish()
    writer.close()
    again = reader_of(library)
    assert before.lexical("apple  ", 5, ()).bm25 == first
    assert again.lexical("apple", 9, ()).term_weights == pytest.approx((math.log(1 + 1.5 / 6.5),))


@pytest.mark.parametrize(
    ("text", "question", "other"),
    [
        ("北京大学位于中国北京市海淀区", "北京大学在哪里", "上海"),
        ("東京タワーは東京都港区にある", "東京タワーの場所は?", "大阪"),
        ("ภาษาไทยเป็นภาษาราชการของประเทศไทย", "ภาษาไทยคืออะไร", "มะม่วง"),
        ("서울은 대한민국의 수도이다", "대한민국 수도", "부산"),
        ("हिन्दी भारत की भाषा है", "भारत भाषा", "चीन"),
        ("Москва́ — столица России", "столица россии", "Париж"),
    ],
)
def test_scripts_without_word_breaks_are_found(tmp_path: Path, text: str, question: str, other: str) -> None:
    writer = writer_of(tmp_path)
    add(writer, "there", text, seed=1)
    add(writer, "else", "nothing of the kind", seed=2)
    writer.publish()
    writer.close()
    reader = reader_of(tmp_path)
    assert list(reader.lexical(question, 5, ()).bm25) == ["there-0"]
    assert reader.lexical(other, 5, ()).bm25 == {}
