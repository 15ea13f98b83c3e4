"""Words, sentences, figures and names."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.words import STOP_WORDS, containment, content_words, numbers_and_names, sentences, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Café, 1,200!", ["cafe", "1200"]),
        ("Obama's naïve résumé_x", ["obama", "naive", "resume", "x"]),
        ("ＡＢＣ ﬁle Straße", ["abc", "file", "straße"]),
        ("state-of-the-art", ["state", "of", "the", "art"]),
        ("北京大学", ["北京", "京大", "大学"]),
        ("水とは何ですか", ["水", "とは", "何", "です", "すか"]),
        ("東京Tower2", ["東京", "tower2"]),
        ("ไทย", ["ไทย"]),
        ("ภาษา", ["ภาษ", "าษา"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा"]),
        ("مُحَمَّد", ["محمد"]),
        ("が", ["が"]),
        ("Ёлка", ["елка"]),
        ("ℋello İstanbul", ["hello", "istanbul"]),
        ("🙂 -- ...", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_content_words_leave_out_stop_words() -> None:
    assert content_words("What is the height of the Eiffel Tower?") == ["height", "eiffel", "tower"]
    assert all(words(word) == [word] for word in STOP_WORDS)


@given(st.text())
def test_words_of_words_are_the_same_words(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found


def test_containment_is_how_little_the_first_adds() -> None:
    assert containment("a b", "a b c d") == 1.0
    assert containment("a b c d", "a b") == 0.5
    assert containment("a b", "x y") == 0.0
    assert containment("", "x") == 0.0
    assert containment("Café au lait", "CAFE AU LAIT!") == 1.0


def test_numbers_and_names_tell_near_duplicates_apart() -> None:
    said = "Revenue of Acme in {} was ${} million. The costs of Tim Cook fell."
    one, other = said.format(2022, "1,200.5"), said.format(2023, "1,200.5")
    assert numbers_and_names(one) == {"2022", "1200.5", "acme", "tim", "cook"}
    assert numbers_and_names(one) ^ numbers_and_names(other) == {"2022", "2023"}
    assert numbers_and_names("The sum. It rose, I think.") == frozenset()
    assert numbers_and_names("In Q1") != numbers_and_names("In Q2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Smith paid $3.5 million. He left.", ["Dr. Smith paid $3.5 million.", "He left."]),
        ("He came from the U.S. The trip was long.", ["He came from the U.S.", "The trip was long."]),
        ("The U.S. Army, e.g. its head, agreed.", ["The U.S. Army, e.g. its head, agreed."]),
        ("See Fig. 2 and No. 7. Done.", ["See Fig. 2 and No. 7.", "Done."]),
        ("The answer is no. Next one.", ["The answer is no.", "Next one."]),
        ("By J. R. R. Tolkien. A book.", ["By J. R. R. Tolkien.", "A book."]),
        ("Acme Inc. The firm grew.", ["Acme Inc.", "The firm grew."]),
        ('"Really?" she asked. (Yes.) Good.', ['"Really?" she asked.', "(Yes.)", "Good."]),
        ("It stopped... and went on. So.", ["It stopped... and went on.", "So."]),
        ("# Head\nText here.\n- one\n- two. Three.", ["# Head", "Text here.", "- one", "- two.", "Three."]),
        ("1. First\n2. Second", ["1. First", "2. Second"]),
        ("| a | b |\n| 1. | 2. |", ["| a | b |", "| 1. | 2. |"]),
        ("name: Ann; age: 3. x\nname: Bob; age: 4", ["name: Ann; age: 3. x", "name: Bob; age: 4"]),
        ("今日は天気です。明日は雨？はい", ["今日は天気です。", "明日は雨？", "はい"]),
        ("यह सच है। हाँ।", ["यह सच है।", "हाँ।"]),
        ("a wrapped\nline ends. New", ["a wrapped\nline ends.", "New"]),
        ("A title\n\nText follows.", ["A title", "Text follows."]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(alphabet="aB1.?!, \n|-:。'\"", max_size=80))
def test_sentences_are_verbatim_slices_that_lose_nothing(text: str) -> None:
    place = 0
    for sentence in sentences(text):
        found = text.find(sentence, place)
        assert found >= 0
        assert not text[place:found].strip()
        place = found + len(sentence)
    assert not text[place:].strip()


@pytest.mark.parametrize("piece", ["a.", "a", "!)", "1,234,", "e.g. ", "A b\n", "x: ", "’"])
def test_long_odd_text_takes_no_quadratic_time(piece: str) -> None:
    text = piece * 20_000
    started = time.perf_counter()
    words(text)
    numbers_and_names(text)
    assert time.perf_counter() - started < 5
