"""Telling a text's language: real sentences, real files, and silence where there is nothing to tell it by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.language import NAMES, detect, name_of
from app.providers.spoken import speaks, unspoken
from ingest.load import format_of, load

# Mostly the first article of the Universal Declaration of Human Rights.
ARTICLE_ONE = {
    "ar": "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق، وقد وهبوا عقلاً وضميراً.",
    "cs": "Každý člověk má právo na život, který je chráněn zákonem, a nikdo nesmí být mučen ani nelidsky trestán.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt.",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "en": "All human beings are born free and equal in dignity and rights. They are endowed with reason.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón.",
    "fa": "تمام افراد بشر آزاد به دنیا می‌آیند و از لحاظ حیثیت و حقوق با هم برابرند.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison.",
    "he": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione.",
    "ja": "すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "nl": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd met verstand.",
    "pl": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem.",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "sv": "Alla människor är födda fria och lika i värde och rättigheter. De är utrustade med förnuft och samvete.",
    "uk": "Всі люди народжуються вільними і рівними у своїй гідності та правах.",
    "zh": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心。",
}


@pytest.mark.parametrize("language", sorted(ARTICLE_ONE))
def test_a_sentence_tells_its_language(language: str) -> None:
    assert detect(ARTICLE_ONE[language]) == language
    assert name_of(language) == NAMES[language]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12.5 | 17 | 3,200",
        "reranking",
        "for i in range(10): print(i)",
        "Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy eirmod tempor ut labore et dolore.",
        "a: 1\nb: 2\nc: 3\nd: 4\ne: 5",
    ],
)
def test_nothing_is_claimed_where_there_is_nothing_to_go_by(text: str) -> None:
    assert detect(text) is None


def test_most_of_the_text_decides() -> None:
    quoted = ARTICLE_ONE["en"] * 20 + ARTICLE_ONE["de"]
    assert detect(quoted) == "en"
    assert detect(ARTICLE_ONE["de"] * 3000 + ARTICLE_ONE["en"]) == "de"  # a sample of a long one is enough


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "language"),
    [
        ("pdf/GeoTopo-komprimiert.pdf", "de"),
        ("pdf/fr_olap.pdf", "fr"),
        ("pdf/normal_4pages.pdf", "ko"),
        ("pdf/right_to_left_01.pdf", "ar"),
        ("pdf/right_to_left_03.pdf", "fa"),
        ("txt_encodings/iso-8859-2-polish___ude_1.txt", "pl"),
        ("txt_encodings/windows-1252___ude_2.txt", "nl"),
        ("txt_encodings/windows-1254-turkish___ude_1.txt", "tr"),
        ("pdf/multicolumn.pdf", None),  # two columns of "lorem ipsum"
    ],
)
def test_real_files(shared_data: Path, file: str, language: str | None) -> None:
    path = shared_data / "raw" / file
    kind = format_of(path)
    assert kind is not None
    parsed = load(kind, path.name, path.read_bytes())
    assert detect("\n".join(block.text for block in parsed.blocks)) == language


@pytest.mark.shared
def test_english_questions_are_hardly_ever_taken_for_another_language(shared_data: Path) -> None:
    with (shared_data / "dev_squad2" / "queries.jsonl").open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    wrong = [text for text in texts if detect(text) not in ("en", None)]
    assert len(wrong) <= len(texts) / 2000, wrong


def test_which_models_speak_what() -> None:
    assert speaks("bundled/all-MiniLM-L6-v2/53aa/int8", "en") is True
    assert speaks("bundled/all-MiniLM-L6-v2/53aa/int8", "ko") is False
    assert speaks("sentence-transformers/intfloat--multilingual-e5-small/1/float32", "ko") is True
    assert speaks("sentence-transformers/intfloat--e5-small-v2/1/float32", "ko") is False
    assert speaks("cohere:rerank-v3.5", "ko") is True
    assert speaks("cohere:rerank-english-v3.0", "ko") is False
    assert speaks("sentence-transformers/home/me/of-my-own", "ko") is None


def test_a_question_that_no_model_reads_is_named() -> None:
    bundled, many = "bundled/all-MiniLM-L6-v2/53aa/int8", "openai/text-embedding-3-small//float32"
    german = "Wie tief ist der Brunnen?"
    assert unspoken(german, bundled, bundled) == (
        "The question seems to be in German, which the embedding model and the reranker do not read: passages may be "
        "missed, and p says little."
    )
    assert "German, which the reranker does not read" in unspoken(german, many, bundled)
    assert unspoken(german, many, None) == unspoken("How deep is the well?", bundled, bundled) == ""
    assert unspoken("reranking", bundled, bundled) == ""
