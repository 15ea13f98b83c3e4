"""Long passages and several questions at once: what is relevant then, and that no document changes sides."""

from __future__ import annotations

import pytest

from app.tuning.calibration_joined import NEAR_MISSES, TOGETHER, WORDS, plan_long, plan_several
from app.tuning.calibration_sets import Ask, LibraryPlan
from app.tuning.sources import Asked, Passage, QuestionSet

STRANGER = Ask("off-topic q", "Who?", "off_topic")


def article(number: int, part: int) -> Passage:
    return Passage(
        f"p{number}-{part}", f"Article {number} - Part {part}", f"Line {number}-{part}. " + "It rained. " * 50
    )


def test_a_long_passage_is_a_run_of_one_document_and_relevant_as_a_whole() -> None:
    passages = [article(number, part) for number in range(8) for part in range(7)]
    asks = [Ask(f"q {p.id}", "When?", "answerable", frozenset({p.id}), scope=frozenset({p.id})) for p in passages]
    plan = plan_long(LibraryPlan("train_x", "Wiki", tuple(passages), (*asks, STRANGER)), questions=1000)

    assert (plan.name, plan.group, plan.library) == ("train_x in long passages", "train_x", "")
    assert "\n\n".join(p.text for p in plan.passages) == "\n\n".join(p.text for p in passages)  # nothing lost or moved
    for whole in plan.passages:
        lines = [word for word in whole.text.split() if word.endswith(".") and word[0].isdigit()]
        assert len({line.split("-")[0] for line in lines}) == 1, "one document"
        assert len(whole.text.split()) < WORDS[1] + 102
    lengths = [len(p.text.split()) for p in plan.passages]
    assert sum(words >= WORDS[0] for words in lengths) >= len(lengths) - 8, "only the last of a document is shorter"
    texts = {p.id: p.text for p in plan.passages}
    assert len(plan.asks) == len(asks)  # without the stranger
    for ask in plan.asks:
        (relevant,) = ask.relevant
        assert ask.scope == ask.relevant
        assert f"Line {ask.id.removeprefix('q p')}. " in texts[relevant]


@pytest.mark.parametrize("parts", TOGETHER)
def test_questions_at_once_are_about_one_document_and_different_passages(parts: int) -> None:
    passages = {p.id: p for p in (article(number, part) for number in range(30) for part in range(8))}
    questions = [
        Asked(f"{p.id} {n}", f"What of {p.id}, {n}?", True, (f"Line {p.id}",), (p.id,))
        for p in passages.values()
        for n in range(2)
    ]
    here = {i: p for i, p in passages.items() if int(i[-1]) < 5}
    asks = tuple(
        Ask(q.id, q.text, "answerable" if q.positives[0] in here else "near_miss", frozenset(q.positives), q.answers)
        for q in questions
    )
    source = QuestionSet("train_x", passages, tuple(questions), scoped=False)
    plan = LibraryPlan("train_x", "Wiki", tuple(here.values()), (*asks, STRANGER))
    several = plan_several(plan, source, parts=parts, questions=60)

    assert (several.group, several.library, several.passages) == ("train_x", "train_x", plan.passages)
    assert (plan.at_once, several.at_once) == (1, parts)
    kinds = [ask.kind for ask in several.asks]
    assert kinds.count("answerable") == 60
    assert 0 < kinds.count("near_miss") <= 60 // NEAR_MISSES
    assert "off_topic" not in kinds
    asked = [part for ask in several.asks for part in ask.text.split("? ")]
    assert len({text.rstrip("?") for text in asked}) == parts * len(several.asks), "no question twice"
    for ask in several.asks:
        assert len(ask.relevant) == parts, "no two share a passage"
        assert len({i.split("-")[0] for i in ask.relevant}) == 1, "one document"
        assert (ask.relevant <= here.keys()) == (ask.kind == "answerable")
        assert all(i in ask.text for i in ask.relevant)
        assert len(ask.answers) == parts


def test_a_document_with_too_few_questions_is_not_asked_several_at_once() -> None:
    passages = {p.id: p for p in (article(number, 0) for number in range(10))}
    questions = tuple(Asked(f"q{i}", f"What of {i}?", True, (), (i,)) for i in passages)
    source = QuestionSet("train_x", passages, questions, scoped=False)
    asks = tuple(Ask(q.id, q.text, "answerable", frozenset(q.positives)) for q in questions)
    plan = LibraryPlan("train_x", "Wiki", tuple(passages.values()), asks)
    assert plan_several(plan, source, parts=2, questions=60).asks == ()
