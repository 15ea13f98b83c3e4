"""Thirty answers: how they are kept with their round."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import UsageError
from app.evaluation.five_minutes.answered import AnsweredRounds, LabelsDamaged, judged
from app.evaluation.five_minutes.rounds import RoundQuestion, refusal_errors
from tests.evaluation.thirty import SCORER, a_round


def test_answers_are_kept_with_their_round(tmp_path: Path) -> None:
    kept, drawn = AnsweredRounds(tmp_path), a_round()
    assert kept.read("made", SCORER) is None and kept.count("made", SCORER) == 0
    kept.start(drawn, SCORER)
    assert kept.read("made", SCORER) == (drawn, {})
    for place, reply in ((0, "yes"), (1, "no"), (2, "skip"), (1, None), (0, "no")):
        kept.answer(drawn, SCORER, place, reply)  # type: ignore[arg-type]
    read = kept.read("made", SCORER)
    assert read is not None and read[1] == {0: "no", 2: "skip"}
    assert judged(read[1]) == {0: False}
    line = json.loads((kept.folder("made", SCORER) / "answers.jsonl").read_text(encoding="utf-8").splitlines()[1])
    assert (line["question"], line["chunk_id"], line["answer"]) == ("question 1?", "1-1", "no")
    with pytest.raises(ValueError, match="no passage 22"):
        kept.answer(drawn, SCORER, 22, "yes")
    assert kept.count("made", SCORER) == 1
    kept.start(drawn, SCORER)
    assert kept.count("made", SCORER) == 2
    assert kept.read("made", SCORER) == (drawn, {})
    assert kept.read("made", replace(SCORER, precision="float32")) is None
    assert (kept.folder("made", SCORER).parent / f"{kept.folder('made', SCORER).name}.1" / "answers.jsonl").exists()
    with pytest.raises(UsageError):
        kept.folder("../made", SCORER)


@pytest.mark.parametrize("damage", ['{"schema": 2}', "[]", "{", '{"schema": 1, "pairs": []}'])
def test_a_round_that_cannot_be_read_is_named(tmp_path: Path, damage: str) -> None:
    kept = AnsweredRounds(tmp_path)
    kept.start(a_round(), SCORER)
    (kept.folder("made", SCORER) / "round.json").write_text(damage, encoding="utf-8")
    with pytest.raises(LabelsDamaged, match=r"round\.json cannot be read"):
        kept.read("made", SCORER)


def test_a_question_may_hold_any_line_break(tmp_path: Path) -> None:
    drawn = a_round()
    asked = tuple(replace(question, text=f"one\u2028two\x85{question.text}") for question in drawn.questions)
    kept, drawn = AnsweredRounds(tmp_path), replace(drawn, questions=asked)
    kept.start(drawn, SCORER)
    kept.answer(drawn, SCORER, 0, "yes")
    assert kept.read("made", SCORER) == (drawn, {0: "yes"})


def test_a_damaged_answer_costs_no_other(tmp_path: Path) -> None:
    kept, drawn = AnsweredRounds(tmp_path), a_round()
    kept.start(drawn, SCORER)
    kept.answer(drawn, SCORER, 0, "yes")
    path = kept.folder("made", SCORER) / "answers.jsonl"
    with path.open("ab") as file:
        file.write(b"\xff half a li\n")
    kept.answer(drawn, SCORER, 1, "no")
    with pytest.raises(LabelsDamaged, match="line 2") as damaged:
        kept.read("made", SCORER)
    assert f"sed -i 2d {path}" in damaged.value.hint
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    assert kept.read("made", SCORER) == (drawn, {0: "yes", 1: "no"})


def test_refusal_errors_come_from_what_a_person_has_said() -> None:
    drawn = a_round()
    assert refusal_errors(drawn).wrong_refusals is None and refusal_errors(drawn).wrong_answers is None
    known = [(True, False, True), (True, False, False), (True, True, True), (False, False, True), (False, False, False)]
    asked = tuple(RoundQuestion(str(n), "?", a, weak, 0.5, refused) for n, (a, weak, refused) in enumerate(known))
    found = refusal_errors(replace(drawn, questions=asked))
    assert found.wrong_refusals is not None and found.wrong_answers is not None
    assert (found.answerable, found.wrong_refusals.value) == (2, 0.5)
    assert (found.unanswerable, found.wrong_answers.value) == (2, 0.5)
