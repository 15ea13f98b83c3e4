"""The verdict in words, the four steps, regressions and abstention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from app.domain import DecisionKind
from app.evaluation.abstention import choose_abstention, compare_abstention, fit_sorted_scores
from app.evaluation.records import QuestionRecord
from app.evaluation.regressions import check_regressions
from app.evaluation.steps import context_worth, four_steps
from app.evaluation.verdict import points, rounded_up, steps_in_words, verdict
from tests.evaluation.cases import candidate, question

# where the relevant passage a stands: nDCG@10 is 1, .63, .5, .43 at ranks 1 to 4
FIRST, SECOND, FOURTH = "abcd", "bacd", "bcda"


def asked(id_: str, before: str, after: str, evidence: str = "") -> QuestionRecord:
    record = question(id_, after, "a", before=before, admitted="ab", timings_ms={"score": 140.0})
    return replace(record, arms={**record.arms, "evidence": tuple(evidence or before)})


def set_of(*counts: tuple[int, str, str, str]) -> list[QuestionRecord]:
    return [
        asked(f"{kind}-{n}", before, after, evidence)
        for kind, (count, before, after, evidence) in enumerate(counts)
        for n in range(count)
    ]


# -- the verdict -----------------------------------------------------------------------------------


def test_reranking_helps() -> None:
    # 60 of 100 go from .63 to 1, of which evidence alone would have brought 20: .78 -> 1 (+.22), +.15 over evidence
    found = verdict(set_of((40, FIRST, FIRST, ""), (40, SECOND, FIRST, ""), (20, SECOND, FIRST, FIRST)))
    assert found.kind == "helps" and found.more is None
    assert found.text.startswith("Reranking helps here: nDCG@10 .78 -> 1.00 (+.22, 95% .18 to .26)")
    assert found.text.endswith(", of which the reranker itself +.15 over retrieval evidence, for 140 ms a question")
    assert found.reranking is not None and found.reranking.wins == 60


def test_a_reranker_that_adds_nothing_to_evidence_gets_no_credit() -> None:
    found = verdict(set_of((40, FIRST, FIRST, ""), (60, SECOND, FIRST, FIRST)))
    assert found.kind == "helps"
    assert "of which the reranker itself +.00 (not beyond noise) over retrieval evidence" in found.text


def test_reranking_does_not_help() -> None:
    same = verdict(set_of((998, FIRST, FIRST, ""), (1, FIRST, SECOND, ""), (1, SECOND, FIRST, "")))
    assert same.kind == "does_not_help" and "does not help here: nDCG@10 1.00 -> 1.00 (+.00" in same.text
    harm = verdict(set_of((50, FIRST, FIRST, ""), (50, FIRST, SECOND, "")))
    assert harm.kind == "does_not_help" and "it does harm: nDCG@10 1.00 -> .82 (-.18, 95% -." in harm.text
    # beyond noise, but a gain of .02 is ruled out: 30 of 2,000 by .37 is .0055
    little = verdict(set_of((1970, FIRST, FIRST, ""), (30, SECOND, FIRST, "")))
    assert little.reranking is not None and little.reranking.better
    assert little.kind == "does_not_help"
    assert verdict(set_of((1970, FIRST, FIRST, ""), (30, SECOND, FIRST, "")), matters=0.001).kind == "helps"


def test_not_enough_questions_to_tell() -> None:
    found = verdict(set_of((16, FIRST, FIRST, ""), (3, SECOND, FIRST, ""), (1, FIRST, SECOND, "")))
    assert found.kind == "not_enough" and found.more is not None and found.reranking is not None
    # mean .0369, spread .1648: (2.8016 * .1648 / .0369)^2 = 157 in all
    assert found.more == pytest.approx(137, abs=2)
    assert found.text.endswith("on 20; about 140 more needed")
    unlabelled = [question("q", "ba", (), before="ab", admitted="a", answerable=None)]
    assert verdict(unlabelled).text == "Not enough questions to tell: none has a labelled passage."
    one = verdict(set_of((1, SECOND, FIRST, "")))
    assert one.kind == "not_enough" and one.more == 24


def test_few_questions_tell_nothing_however_clear_they_look() -> None:
    lost = verdict(set_of((5, FIRST, FIRST, ""), (1, FIRST, SECOND, "")))  # no draw of these six shows a gain
    assert lost.reranking is not None and lost.reranking.change.high == 0.0
    assert lost.kind == "not_enough" and lost.more is not None and lost.more >= 19
    assert verdict(set_of((24, SECOND, FIRST, ""))).kind == "not_enough"
    assert verdict(set_of((25, SECOND, FIRST, ""))).kind == "helps"


def test_a_phantom_reranker_gets_no_verdict_but_that() -> None:
    found = verdict(set_of((30, SECOND, SECOND, FIRST)))
    assert found.kind == "phantom" and "identical on all 30 questions" in found.text
    few = verdict(set_of((4, SECOND, SECOND, FIRST)))  # a working one may leave so few as they were
    assert few.kind == "not_enough" and few.more is None
    assert few.text.startswith("Not enough questions to tell") and "identical on all 4 questions. From 5 on" in few.text
    assert "on the one question" in verdict(set_of((1, FIRST, FIRST, ""))).text
    bare = replace(asked("q", FIRST, FIRST), arms={"off": tuple(FIRST)}, scorer=None, status="skipped")
    assert verdict([bare]).kind == "not_reranked"
    assert verdict([]).kind == "not_reranked"


def test_without_an_evidence_arm_or_times_the_sentence_is_shorter() -> None:
    records = [
        replace(r, arms={"off": r.arms["off"], "reranked": r.arms["reranked"]}, timings_ms={})
        for r in set_of((40, FIRST, FIRST, ""), (60, SECOND, FIRST, ""))
    ]
    assert verdict(records).text.endswith(")")


def test_numbers_in_words() -> None:
    assert [points(v) for v in (0.0, 0.614, 1.0, -0.2)] == [".00", ".61", "1.00", "-.20"]
    assert [points(v, sign=True) for v in (0.05, -0.004, -0.2)] == ["+.05", "+.00", "-.20"]
    assert [rounded_up(v) for v in (1, 10, 99, 101, 1234)] == [1, 10, 99, 110, 1300]


# -- four steps ------------------------------------------------------------------------------------


def test_arms_are_compared_with_equal_passage_counts() -> None:
    record = asked("q", "cbda", "abcd", "bacd")  # two admitted: a and b
    # off sends c and b: nothing relevant; evidence b and a; reranked a and b: F1 2 * 1 / (2 + 1)
    assert [context_worth(record, arm) for arm in ("off", "evidence", "reranked", "gated")] == pytest.approx(
        [0.0, 2 / 3, 2 / 3, 2 / 3]
    )
    refused = question("n", "abcd", ())
    assert context_worth(refused, "gated") == 1.0
    assert context_worth(refused, "reranked") == 0.0  # would have sent max_chunks
    wrongly = question("w", "abcdefg", "f")
    assert context_worth(wrongly, "gated") == 0.0
    assert context_worth(wrongly, "reranked") == 0.0  # f is sixth
    assert context_worth(wrongly, "reranked", max_chunks=6) == pytest.approx(2 / 7)


def test_which_steps_paid() -> None:
    records = [asked(f"y{n}", "cdba", "abcd", "cdab" if n % 2 else "acdb") for n in range(40)]
    records += [question(f"n{n}", "abcd", ()) for n in range(20)]
    found = four_steps(records)
    assert [s.name for s in found.steps] == ["retrieval", "evidence", "scorer", "gate"]
    assert [s.paid for s in found.steps] == ["cannot tell", "paid", "paid", "paid"]
    assert (found.labelled, found.unanswerable) == (40, 20)
    worth = [s.worth.value for s in found.steps if s.worth is not None]
    # off never sends a among two; evidence in half of the forty; the reranker in all; the gate refuses the twenty
    assert worth == pytest.approx([0.0, 20 * (2 / 3) / 60, 40 * (2 / 3) / 60, (40 * (2 / 3) + 20) / 60])
    assert found.tokens_saved is not None and found.tokens_saved.value == pytest.approx((40 * 20 + 20 * 40) / 60)
    lines = steps_in_words(found)
    assert lines[0] == "retrieval: context F1 .00"
    assert lines[3].startswith("gate: context F1 .44 -> .78 (+.33") and lines[3].endswith("it paid")


def test_a_gate_that_refuses_what_it_should_not_costs() -> None:
    records = [question(f"q{n}", "abcd", "a", admitted="" if n < 20 else "ab") for n in range(40)]
    found = four_steps([replace(r, arms={"off": r.arms["off"], "reranked": r.arms["reranked"]}) for r in records])
    assert [s.name for s in found.steps] == ["retrieval", "scorer", "gate"]
    assert [s.paid for s in found.steps] == ["cannot tell", "cannot tell", "cost"]
    assert "without unanswerable questions" in steps_in_words(found)[-1]
    assert [s.worth for s in four_steps([]).steps] == [None]


# -- regressions -----------------------------------------------------------------------------------


def names(changes: Sequence[object]) -> list[str]:
    return [c.name for c in changes]  # type: ignore[attr-defined]


def baseline() -> list[QuestionRecord]:
    yes = [asked(f"y{n}", SECOND, FIRST) for n in range(40)]
    return [*yes, *(question(f"n{n}", "bacd", (), before="abcd") for n in range(40))]


def test_the_same_run_has_no_regression() -> None:
    found = check_regressions(baseline(), baseline())
    assert not found.failed and not found.missing
    assert all(c.paired and c.change is not None and c.change.value == 0.0 and c.p_value == 1.0 for c in found.changes)
    assert all(not c.worse and not c.better and not c.moved for c in found.changes)


def test_each_measure_that_got_worse_is_named() -> None:
    ranking = [asked(r.id, SECOND, "bcad") if r.id < "y2" and r.answerable else r for r in baseline()]
    found = check_regressions(baseline(), ranking)
    assert names(found.worse) == ["nDCG@10", "MRR@10"] and found.failed
    assert found.worse[0].moved[0].change == pytest.approx(0.5 - 1.0)

    refusing = [replace(r, refused=True) if r.id in [f"y{n}" for n in range(8)] else r for r in baseline()]
    assert names(check_regressions(baseline(), refusing).worse) == ["gate F1", "wrong refusals"]

    answering = [
        question(r.id, "bacd", (), before="abcd", admitted="b") if r.id in [f"n{n}" for n in range(8)] else r
        for r in baseline()
    ]
    found = check_regressions(baseline(), answering)
    assert names(found.worse) == ["wrong answers"]
    back = check_regressions(answering, baseline())
    assert not back.failed and names([c for c in back.changes if c.better]) == ["wrong answers"]


def test_a_few_flips_are_noise() -> None:
    refusing = [replace(r, refused=True) if r.id in ("y0", "y1", "y2") else r for r in baseline()]
    assert not check_regressions(baseline(), refusing).failed


def test_a_phantom_reranker_fails_whatever_the_numbers() -> None:
    still = [asked(f"y{n}", SECOND, SECOND) for n in range(5)]
    found = check_regressions(still, still)
    assert not found.worse and found.order.phantom and found.failed


def test_other_questions_are_compared_without_pairs() -> None:
    other = [replace(r, id=f"other {r.id}") for r in baseline()]
    same = check_regressions(baseline(), other)
    assert not same.failed and not any(c.paired for c in same.changes)
    refusing = [replace(r, refused=True) for r in other]
    assert names(check_regressions(baseline(), refusing).worse) == ["gate F1", "wrong refusals"]
    assert check_regressions(baseline(), other[:1]).missing == ("wrong answers",)
    with pytest.raises(ValueError, match="y0"):
        check_regressions([*baseline(), baseline()[0]], other)


# -- abstention ------------------------------------------------------------------------------------


def drawn(seed: int, count: int, *, gap: bool, scorer: str = "fake/table") -> list[QuestionRecord]:
    """Questions whose best scores say nothing; with `gap` the second best is far behind where there is an answer."""
    rng = np.random.default_rng(seed)
    records = []
    for n in range(count):
        yes = n % 2 == 0
        best = float(rng.normal(0.0, 1.0))
        lead = float(rng.normal(2.0 if yes and gap else 0.5, 0.4))
        values = [best, best - abs(lead), best - abs(lead) - 0.3]
        candidates = tuple(
            candidate(c, at, None, DecisionKind.KEPT, raw=raw)
            for at, (c, raw) in enumerate(zip("abc", values, strict=True), 1)
        )
        record = question(
            f"{seed}-{n}", "abc", "a" if yes else "", admitted="a", p_answerable=float(rng.random()), scorer=scorer
        )
        records.append(replace(record, candidates=candidates))
    return records


def test_sorted_scores_are_used_where_they_win() -> None:
    model = fit_sorted_scores(drawn(1, 120, gap=True))
    assert (model.width, model.questions) == (3, 120)
    held_out = drawn(2, 120, gap=True)
    found = compare_abstention(model, held_out)
    assert found.questions == 120 and [r.name for r in found.rivals] == ["top score", "p_answerable"]
    assert found.auroc is not None and found.auroc.value > 0.9
    top = found.rivals[0]
    assert top.auroc is not None and top.auroc.value == pytest.approx(0.5, abs=0.15)
    assert top.beaten and found.wins
    assert choose_abstention(model, found) is model
    yes, no = model.apply(held_out[0]), model.apply(held_out[1])
    assert yes is not None and no is not None and 0.0 <= no < yes <= 1.0


def test_sorted_scores_are_not_used_where_they_do_not() -> None:
    model = fit_sorted_scores(drawn(1, 120, gap=False))
    found = compare_abstention(model, drawn(2, 120, gap=False))
    assert not found.wins and choose_abstention(model, found) is None
    # a rival that knows the answer is not beaten, whatever the other rival is
    told = [replace(r, p_answerable=0.9 if r.answerable else 0.1) for r in drawn(2, 120, gap=True)]
    beaten = compare_abstention(fit_sorted_scores(drawn(1, 120, gap=True)), told)
    assert beaten.rivals[0].beaten and not beaten.rivals[1].beaten and not beaten.wins
    assert not compare_abstention(model, []).wins


def test_the_model_asks_for_labels_enough_and_one_scorer() -> None:
    assert fit_sorted_scores(drawn(1, 20, gap=True)).width == 1
    with pytest.raises(ValueError, match="10 answerable"):
        fit_sorted_scores(drawn(1, 19, gap=True))
    with pytest.raises(ValueError, match="several scorers"):
        fit_sorted_scores([*drawn(1, 40, gap=True), *drawn(2, 40, gap=True, scorer="other")])
    model = fit_sorted_scores(drawn(1, 60, gap=True))
    with pytest.raises(ValueError, match="other"):
        model.apply(drawn(1, 1, gap=True, scorer="other")[0])
    unscored = replace(question("q", "ab", "a"), candidates=(candidate("a", 1),))
    assert model.apply(unscored) is None
    lone = replace(unscored, candidates=(candidate("a", 1, None, raw=1.0),))
    assert model.apply(lone) is not None  # fewer candidates repeat the last score
