"""BEIR folders, SQuAD files and votes as question sets."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain import Condition, Turn
from app.evaluation.questions import Label, QuestionSetError, read_questions, resolve, write_questions
from app.evaluation.questions.beir import read_beir
from app.evaluation.questions.from_votes import questions_from_votes
from app.evaluation.questions.imported import write_corpus
from app.evaluation.questions.scope import Scope
from app.evaluation.questions.split import split
from app.evaluation.questions.squad import read_squad
from app.evaluation.votes import Vote
from app.library.contents import read_contents
from tests.conftest import ingest
from tests.evaluation.libraries import contents


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "rivers"
    corpus = [
        {
            "_id": "r1",
            "title": "Elbe - Course",
            "text": "The Elbe rises in the Giant Mountains. " * 30 + "It ends at Cuxhaven.",
        },
        {
            "_id": "r2",
            "title": "Elbe - Trade",
            "text": "Barges carry gravel and grain down the river to Hamburg all year.",
        },
        {
            "_id": "r3",
            "title": "",
            "text": "The Weser is formed by two rivers, and neither of them is called the Weser.",
        },
    ]
    lines(folder / "corpus.jsonl.gz", corpus)
    queries: list[dict[str, Any]] = [
        {"_id": "1", "text": "Where does the Elbe end?", "answers": ["Cuxhaven"]},
        {"_id": "2", "text": "What is shipped on the Elbe?"},
        {"_id": "3", "text": "Which rivers form the Weser?", "history": [{"speaker": "agent", "text": "Hello"}]},
        {"_id": "4", "text": "How deep is the Elbe?", "answerable": False, "passage_id": "r1"},
        {"_id": "5", "text": "Of another split"},
    ]
    lines(folder / "queries.jsonl", queries)
    (folder / "qrels").mkdir()
    judged = "query-id\tcorpus-id\tscore\n1\tr1\t1\n2\tr2\t2\n2\tr1\t0\n2\tr3\t-1\n3\tr3\t1\n3\tgone\t1\n"
    (folder / "qrels" / "test.tsv").write_text(judged, encoding="utf-8")
    return folder


def test_a_beir_folder_with_grades_history_and_what_is_left_out(beir: Path) -> None:
    imported = read_beir(beir)
    one, two, three, four = imported.questions.questions
    assert imported.questions.name == "rivers"
    assert (one.relevant, one.answers, one.sources) == ((Label(document="r1"),), ("Cuxhaven",), ("Elbe",))
    assert [label.grade for label in two.relevant] == [2, 0, 0]
    assert (three.history, three.sources) == ((Turn("assistant", "Hello"),), ("r3",))
    assert (four.answerable, four.relevant, four.sources) == (False, (), ("Elbe",))
    assert dict(imported.left_out) == {
        "judgements of passages that the corpus does not have": 1,
        "queries with nothing relevant in this split": 1,
    }


def test_labels_survive_the_way_through_a_real_ingest(beir: Path, tmp_path: Path, prepared_models: Path) -> None:
    questions, (file,) = write_corpus(read_beir(beir), tmp_path / "corpora")
    write_questions(questions, tmp_path / "set.jsonl")
    ingest(tmp_path, "--library", "rivers", str(file))
    library = read_contents(tmp_path / "libraries", "rivers")
    resolution = resolve(read_questions(tmp_path / "set.jsonl"), library)
    assert resolution.missing == ()
    one, two, *_ = resolution.questions
    long = [chunk for chunk in library.chunks if chunk.metadata["row"] == 1]
    assert len(long) > 1
    assert one.relevant == {chunk.id for chunk in long if "Cuxhaven" in chunk.text} < {chunk.id for chunk in long}
    assert one.located[0].narrowed
    [shipped] = two.relevant
    assert "gravel" in next(chunk.text for chunk in library.chunks if chunk.id == shipped)
    assert {two.grades[chunk.id] for chunk in long} == {0}


def test_a_split_keeps_the_passages_of_an_article_together(beir: Path, tmp_path: Path) -> None:
    questions, _ = write_corpus(read_beir(beir), tmp_path)
    for seed in "abcdefgh":
        sides = {q.id: q.split for q in split(questions, seed=seed).questions.questions}
        assert sides["1"] == sides["2"] == sides["4"]
    assert split(questions).components == 2


def test_trec_judgements_beside_the_corpus_and_faults(beir: Path) -> None:
    (beir / "qrels" / "test.tsv").unlink()
    with pytest.raises(QuestionSetError, match="neither"):
        read_beir(beir)
    (beir / "qrels.tsv").write_text("1 0 r1 1\n", encoding="utf-8")
    assert [q.id for q in read_beir(beir).questions.questions] == ["1", "4"]
    (beir / "qrels.tsv").write_text("1\tr1\t1\n2\tr1\thigh\n", encoding="utf-8")
    with pytest.raises(QuestionSetError, match="line 2"):
        read_beir(beir)
    (beir / "qrels.tsv").write_text("1\tr1\t1\n", encoding="utf-8")
    (beir / "queries.jsonl").write_text('{"_id": "1", "text": "a"}\n{"_id": "2"}\n', encoding="utf-8")
    with pytest.raises(QuestionSetError, match=r"queries.jsonl, line 2"):
        read_beir(beir)
    (beir / "queries.jsonl").unlink()
    with pytest.raises(QuestionSetError, match="has no queries.jsonl"):
        read_beir(beir)


# -- SQuAD -----------------------------------------------------------------------------------------

PARAGRAPH = "The lighthouse was built in 1874. Its keeper lived on the island with two goats."


def squad(path: Path, context: str = PARAGRAPH) -> Path:
    asked: list[dict[str, Any]] = [
        {"id": "a", "question": "When was the lighthouse built?", "answers": [{"text": "1874", "answer_start": 28}]},
        {
            "id": "b",
            "question": "Who built it?",
            "is_impossible": True,
            "answers": [],
            "plausible_answers": [{"text": "x"}],
        },
        {"id": "a", "question": "Again?", "answers": [{"text": "1874", "answer_start": 28}]},
        {"id": "c", "question": "No answer?", "answers": []},
    ]
    article = {"title": "Green_Island", "paragraphs": [{"context": context, "qas": asked}]}
    path.write_text(json.dumps({"version": "v2.0", "data": [article]}), encoding="utf-8")
    return path


def test_squad_with_its_unanswerable_questions(tmp_path: Path) -> None:
    imported = read_squad(squad(tmp_path / "dev.json"))
    answered, impossible = imported.questions.questions
    assert (answered.relevant, answered.answers) == ((Label(quote=PARAGRAPH),), ("1874",))
    assert (impossible.answerable, impossible.relevant, impossible.sources) == (False, (), ("Green Island",))
    assert sum(imported.left_out.values()) == 2
    written, (file,) = write_corpus(imported, tmp_path / "corpus")
    assert written.questions[0].relevant == (Label(document="dev.jsonl", row=1),)
    assert json.loads(file.read_text(encoding="utf-8")) == {"title": "Green Island", "text": PARAGRAPH}


def test_squad_is_located_in_a_library_that_holds_the_text(tmp_path: Path) -> None:
    library = contents(
        {"island.md": ["Goats were kept for milk on most islands.", PARAGRAPH.replace(" built", "\nbuilt")]}
    )
    resolution = resolve(read_squad(squad(tmp_path / "dev.json")).questions, library)
    assert resolution.questions[0].relevant == {"island.md:1"}


def test_of_a_whole_document_only_the_words_around_the_answer_are_quoted(tmp_path: Path) -> None:
    context = "".join(f"Sentence number {n} is about nothing in particular. " for n in range(60)) + PARAGRAPH
    path = squad(tmp_path / "own.json", context)
    path.write_text(
        path.read_text(encoding="utf-8").replace('"answer_start": 28', f'"answer_start": {context.index("1874")}')
    )
    [label] = read_squad(path).questions.questions[0].relevant
    assert label.quote is not None and label.quote in context
    assert "built in 1874" in label.quote and 120 <= len(label.quote) < 300


def test_a_file_that_is_not_squads_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"data": [{"paragraphs": [{"qas": []}]}]}', encoding="utf-8")
    with pytest.raises(QuestionSetError, match=r"x.json, data\[0\].paragraphs\[0\]: KeyError: 'context'"):
        read_squad(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(QuestionSetError, match="cannot be read as JSON"):
        read_squad(path)


def grouped(beir: Path, *places: str | None) -> Path:
    """The folder with a field `river` on its passages, and on its queries where given."""
    rivers = ("Elbe", "Elbe", "Weser")
    with gzip.open(beir / "corpus.jsonl.gz", "rt", encoding="utf-8") as file:
        corpus = [json.loads(line) for line in file]
    lines(beir / "corpus.jsonl.gz", [{**row, "river": river} for row, river in zip(corpus, rivers, strict=True)])
    queries = [json.loads(line) for line in (beir / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
    lines(beir / "queries.jsonl", [{**row, "river": place} for row, place in zip(queries, places, strict=True)])
    return beir


def test_queries_are_asked_within_their_group_when_that_is_wanted(beir: Path, tmp_path: Path) -> None:
    grouped(beir, "Elbe", "Elbe", "Weser", "Elbe", None)
    assert all(q.scope.everything for q in read_beir(beir).questions.questions)
    imported = read_beir(beir, scope="river")
    assert [q.scope.documents for q in imported.questions.questions] == [("r1", "r2")] * 2 + [("r3",), ("r1", "r2")]
    moved, (file,) = write_corpus(imported, tmp_path / "corpus")
    elbe = Scope((file.name,), (Condition("row", "in", (1, 2)),))
    assert [q.scope for q in moved.questions] == [
        elbe,
        elbe,
        replace(elbe, where=(Condition("row", "in", (3,)),)),
        elbe,
    ]
    plain, _ = write_corpus(read_beir(beir), tmp_path / "plain")
    assert (tmp_path / "plain" / file.name).read_bytes() == file.read_bytes()  # the library is the same either way
    assert all(q.scope.everything for q in plain.questions)


def test_a_query_without_its_group_is_an_error(beir: Path) -> None:
    grouped(beir, "Elbe", None, "Weser", "Elbe", None)
    with pytest.raises(
        QuestionSetError, match=r"Query 2 has no 'river' to be asked within \(its other fields: river\)"
    ):
        read_beir(beir, scope="river")
    grouped(beir, "Elbe", "Rhine", "Weser", "Elbe", None)
    with pytest.raises(QuestionSetError, match="Query 2 is to be asked within river 'Rhine', which no passage has"):
        read_beir(beir, scope="river")


def test_a_group_that_comes_to_stand_in_two_files_is_an_error(beir: Path, tmp_path: Path) -> None:
    grouped(beir, "Elbe", "Elbe", "Weser", "Elbe", None)
    with pytest.raises(QuestionSetError, match="1 is asked within passages that come to stand in several files"):
        write_corpus(read_beir(beir, scope="river"), tmp_path / "corpus", most_rows=1)


# -- votes -----------------------------------------------------------------------------------------


def vote(kind: str, value: int, chunk: str | None = None, *, text: str = "Why tea?", **trace: Any) -> Vote:
    candidates = [{"chunk_id": c, "document": "tea.md", "text": f"The text of {c}."} for c in ("c1", "c2", "c3")]
    whole: Mapping[str, Any] = {
        "question": {"text": text, "standalone": text},
        "retrieval": {"filter": []},
        "candidates": candidates,
        "gate": {"outcome": "admitted"},
        "context": {"chunk_ids": ["c3", "c1"]},
        "answer": {"citations": [2]},
        **trace,
    }
    return Vote("2026-01-01T00:00:00+00:00", kind, value, chunk, dict(whole))  # type: ignore[arg-type]


REFUSED: dict[str, Any] = {"gate": {"outcome": "refused"}, "answer": None, "context": None}


def test_a_question_asked_with_a_filter_keeps_it() -> None:
    year = {"field": "year", "op": ">=", "values": [2020]}
    votes = [vote("passage", 1, "c1"), vote("passage", 1, "c2", retrieval={"filter": [year]})]
    plain, since = questions_from_votes(votes).questions.questions
    assert (plain.scope, since.scope) == (Scope(), Scope((), (Condition("year", ">=", (2020,)),)))
    assert plain.text == since.text and plain.id != since.id
    assert [label.chunk for label in since.relevant] == ["c2"]


def test_thumbs_on_passages_are_labels_with_their_text() -> None:
    [question] = questions_from_votes([vote("passage", 1, "c1"), vote("passage", -1, "c2")]).questions.questions
    assert question.relevant == (
        Label(chunk="c1", document="tea.md", quote="The text of c1."),
        Label(chunk="c2", document="tea.md", quote="The text of c2.", grade=0),
    )
    assert (question.origin, question.weak, question.answerable) == ("vote", False, True)


def test_a_thumb_up_on_an_answer_labels_what_it_cites_weakly() -> None:
    [question] = questions_from_votes([vote("answer", 1)]).questions.questions
    assert ([label.chunk for label in question.relevant], question.weak) == (["c1"], True)
    [judged] = questions_from_votes([vote("answer", 1), vote("passage", 1, "c2")]).questions.questions
    assert ({label.chunk for label in judged.relevant}, judged.weak) == ({"c1", "c2"}, False)


def test_a_persons_word_on_the_passage_wins_over_the_answer_and_the_last_vote_over_earlier_ones() -> None:
    votes = [vote("passage", -1, "c1"), vote("answer", 1), vote("passage", 1, "c2"), vote("passage", -1, "c2")]
    imported = questions_from_votes([*votes, vote("passage", 1, "c3", text="why  TEA?")])
    [question] = imported.questions.questions
    assert {label.chunk: label.grade for label in question.relevant} == {"c1": 0, "c2": 0, "c3": 1}
    assert not questions_from_votes([vote("answer", 1), vote("answer", -1)]).questions.questions


def test_a_vote_that_was_taken_back_says_nothing() -> None:
    again = [vote("passage", 1, "c1"), vote("passage", 0, "c1"), vote("answer", 1), vote("answer", 0)]
    assert not questions_from_votes(again).questions.questions
    refused = [vote("answer", 1, **REFUSED), vote("answer", 0, **REFUSED)]
    assert not questions_from_votes(refused).questions.questions
    [question] = questions_from_votes([*again, vote("passage", 1, "c2")]).questions.questions
    assert [label.chunk for label in question.relevant] == ["c2"]


def test_a_thumb_down_proves_nothing() -> None:
    imported = questions_from_votes(
        [vote("answer", -1), vote("passage", -1, "c1", text="Other?"), vote("answer", -1, text="Third?", **REFUSED)]
    )
    assert imported.questions.questions == ()
    assert imported.left_out == {
        "votes that say nothing about relevance": 2,
        "questions of which nothing relevant is known": 3,
    }


def test_a_thumb_up_on_a_refusal_is_an_unanswerable_question() -> None:
    [question] = questions_from_votes([vote("answer", 1, **REFUSED)]).questions.questions
    assert (question.answerable, question.relevant, question.weak) == (False, (), True)
    [found] = questions_from_votes([vote("answer", 1, **REFUSED), vote("passage", 1, "c1")]).questions.questions
    assert (found.answerable, found.weak) == (True, False)


# -- the real sets ---------------------------------------------------------------------------------


@pytest.mark.shared
def test_the_real_sets_are_read_and_split(shared_data: Path) -> None:
    imported = read_beir(shared_data / "dev_squad2")
    assert len(imported.questions.questions) == 11_873
    assert sum(q.answerable is False for q in imported.questions.questions) == 5_945
    assert dict(imported.left_out) == {}
    result = split(imported.questions)
    article: dict[str, set[str | None]] = {}
    for question in result.questions.questions:
        assert question.sources
        article.setdefault(question.sources[0], set()).add(question.split)
    assert all(len(sides) == 1 for sides in article.values())
    assert min(result.sides.values()) > 2_000
