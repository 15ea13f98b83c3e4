"""Calibrating on one's own questions: what is fitted when, what leaks, what is promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from app.calibration.features import evidence_of, passage_features
from app.calibration.fitted import FittedCalibration, FittedOn
from app.calibration.maps import LogisticMap, sigmoid
from app.calibration.measure import expected_calibration_error
from app.calibration.observed import Observation, rows_of
from app.calibration.store import evidence_calibration, load_calibration
from app.domain import GatePolicy, Judged, Question, Scale, Scored, ScorerId, ScorerRun
from app.errors import UsageError
from app.evaluation.calibrating.calibrate import Calibrating, apply, calibrate
from app.evaluation.calibrating.fit import LEAST, fit_here
from app.evaluation.calibrating.observe import CalibrationPlan, Observed, ToAsk, folds_of
from app.evaluation.calibrating.platt import RAW_SCORE, rescaled, scaled_passages, scaled_questions
from app.evaluation.calibrating.targets import Wanted, parse_target
from app.evaluation.calibrating.words import first_line, sections_of
from app.evaluation.labels import Passages
from app.evaluation.questions.model import LabelledQuestion
from app.pipeline import GateChoice, Options
from app.stages.judge import Judge
from tests.calibration.questions import LIBRARY, observation
from tests.fakes import CountingScorer, RawIsP

ID = ScorerId("fake", "counting", "rev-1")
ON = FittedOn(("made",), "fake", "any", "fake/letters", 0, 0, "2026-01-02")


def observations(found: int, unanswerable: int, *, groups: int = 10, overlap: float = 0.0) -> list[Observation]:
    """Relevant passages score about +2 and others about -2, in log-odds three times too sure; questions without an
    answer have a best score of about 0."""
    rng = np.random.default_rng(3)
    made = []
    for n in range(found):
        raw = [6.0 + rng.normal(0, 2 + overlap), *(-6.0 + rng.normal(0, 2 + overlap) for _ in range(5))]
        made.append(observation(f"g{n % groups}", raw, [True] + [False] * 5))
    for n in range(unanswerable):
        raw = [-3.0 + rng.normal(0, 2), *(-6.0 + rng.normal(0, 2) for _ in range(5))]
        made.append(observation(f"g{n % groups}", raw, [False] * 6, "lookalike", best=0.4))
    return made


# -- Platt scaling ---------------------------------------------------------------------------------


def test_a_map_is_scaled_by_hand() -> None:
    base = LogisticMap(("score",), (1.0,), (2.0,), (4.0,), 0.5)  # log-odds 0.5 + 4 (x - 1) / 2 = 2 x - 1.5
    scaled = rescaled(base, 0.5, 0.25)  # x - 0.5
    assert scaled.log_odds({"score": np.array([0.0, 3.0])}).tolist() == [-0.5, 2.5]


def test_scaling_finds_the_line_and_keeps_the_order() -> None:
    rng = np.random.default_rng(1)
    made = []
    for n in range(400):
        raw = rng.normal(0, 3, size=4)
        relevant = rng.random(4) < sigmoid(0.5 * raw - 1.0)
        made.append(observation(f"g{n % 5}", raw.tolist(), relevant.tolist()))
    fitted = scaled_passages(rows_of(made), {"score": RAW_SCORE})["score"]
    assert fitted.weights[0] == pytest.approx(0.5, abs=0.06) and fitted.intercept == pytest.approx(-1.0, abs=0.15)
    features = passage_features(evidence_of(made[0].retrieved, made[0].raw))
    before, after = RAW_SCORE.log_odds(features), fitted.log_odds(features)
    assert np.argsort(before).tolist() == np.argsort(after).tolist()


def test_scores_that_say_nothing_leave_the_map_as_it_is() -> None:
    backwards = [observation(f"g{n}", [-2.0, 2.0], [True, False]) for n in range(30)]
    assert scaled_passages(rows_of(backwards), {"score": RAW_SCORE})["score"] == RAW_SCORE
    alike = [observation(f"g{n}", [2.0, -2.0], [True, False]) for n in range(5)]
    question = LogisticMap(("score_best",), (0.0,), (1.0,), (1.0,), 0.0)
    assert scaled_questions(rows_of(alike), {"score": question})["score"] == question  # none is unanswerable


# -- what is fitted with how much ------------------------------------------------------------------


def fitted(
    observed: Sequence[Observation], shipped: FittedCalibration | None = None
) -> tuple[str, str, FittedCalibration]:
    result = fit_here(observed, scorer=ID, fitted_on=ON, shipped=shipped, evidence=evidence_calibration())
    return result.passages, result.questions, result.calibration


def test_too_few_questions_are_refused_with_the_number_that_would_do() -> None:
    with pytest.raises(UsageError, match=f"takes {LEAST} questions.*here are 12") as refused:
        fitted(observations(12, 5))
    assert "about 16 labelled questions" in refused.value.hint  # 8 more on this side, as many on the other
    half = [replace(o, relevant=(False,) * 6) for o in observations(12, 0)]  # labelled, and not among the candidates
    with pytest.raises(UsageError) as refused:
        fitted([*half, *observations(12, 5)])
    assert "about 32 labelled questions" in refused.value.hint


def test_a_scorer_without_a_calibration_has_its_raw_score_scaled() -> None:
    passages, questions, calibration = fitted(observations(40, 20))
    assert (passages, questions) == ("raw score", "scaled")
    assert calibration.passage["full"].names == ("score",)
    assert set(calibration.question) >= {"full", "dense", "evidence"}
    assert calibration.policy.keep_above is not None and calibration.policy.answer_above is not None


def test_the_shipped_maps_are_scaled_and_p_answerable_only_with_enough_of_both_kinds() -> None:
    shipped = fitted(observations(150, 120))[2]
    passages, questions, calibration = fitted(observations(40, 5), shipped)
    assert (passages, questions) == ("scaled", "as shipped")
    assert calibration.question == shipped.question and calibration.passage["full"] != shipped.passage["full"]
    assert calibration.passage["full"].names == shipped.passage["full"].names
    assert calibration.fitted_on == ON


def test_with_many_questions_the_maps_are_new() -> None:
    passages, questions, _ = fitted(observations(130, 110))
    assert (passages in ("fused", "score alone"), questions) == (True, "fitted")
    assert fitted(observations(130, 109))[:2] == ("raw score", "scaled")


def test_every_question_is_judged_by_maps_that_did_not_see_its_group() -> None:
    made = observations(40, 20, groups=4)
    result = fit_here(made, scorer=ID, fitted_on=ON, shipped=None, evidence=None)
    others = [o for o in made if o.group != "g0"]
    without = fit_here(others, scorer=ID, fitted_on=ON, shipped=None, evidence=None).calibration
    mine = [u for u in result.unseen if u.observation.group == "g0"]
    assert mine and all(u.judgement == without.judge(u.observation.retrieved, u.observation.scores()) for u in mine)


def test_folds_keep_groups_whole_and_even() -> None:
    groups = {f"q{n}": f"document {n // 3}" for n in range(60)}
    folds = folds_of(groups, 5)
    assert all(folds[f"q{n}"] == folds[f"q{n - n % 3}"] for n in range(60))
    assert sorted([*folds.values()].count(fold) for fold in range(5)) == [12] * 5
    assert folds_of({"a": "x"}) == {"a": 0}


# -- the whole of it -------------------------------------------------------------------------------


def observed(observations: Sequence[Observation]) -> list[Observed]:
    """As if asked: passages are chunks, the two sides alternate by group."""
    made = []
    for n, o in enumerate(observations):
        relevant = {c.chunk.id: 1 for c, yes in zip(o.retrieved.candidates, o.relevant, strict=True) if yes}
        question = LabelledQuestion(f"q{n}", f"question {n}?", answerable=o.answerable)
        run = ScorerRun("counting", str(ID), Scale.LOGIT, "applied")
        raw = o.raw or ()
        scored = tuple(Scored(c, at, raw[at - 1]) for at, c in enumerate(o.retrieved.candidates, 1))
        judged = Judged(Question(question.text, question.text), o.retrieved, scored, run, None, GatePolicy())
        side = "calibration" if int(o.group[1:]) % 2 else "test"
        asked = ToAsk(Passages(question, relevant), side, o.group)  # type: ignore[arg-type]
        made.append(Observed(asked, judged, f"{side} {o.group}"))
    return made


def plan() -> CalibrationPlan:
    judge = Judge(CountingScorer(), RawIsP())
    return CalibrationPlan("made", "f" * 16, (), Options("fake"), judge, LIBRARY, {})


def calibrated(made: Sequence[Observation], *wanted: Wanted) -> Calibrating:
    return calibrate(plan(), observed(made), wanted=wanted, choice=GateChoice(), budget=6000)


@cache
def standard() -> Calibrating:
    """Sixty questions with an answer on each side, and thirty without one."""
    return calibrated(observations(120, 60))


def test_p_means_what_it_says_on_the_other_part() -> None:
    result = calibrated(observations(120, 60, overlap=4.0))
    assert result.sides["calibration"].found == result.sides["test"].found == 60
    assert result.after.rank_1 is not None and result.after.rank_1.ece is not None
    raw = [(np.asarray(o.raw, dtype=np.float64), o) for o in observations(120, 60, overlap=4.0) if o.answerable]
    sure = sigmoid(np.asarray([values.max() for values, _ in raw]))
    right = np.asarray([float(o.relevant[int(values.argmax())]) for values, o in raw])
    assert result.after.rank_1.ece.value < expected_calibration_error(sure, right)
    assert first_line(result).startswith("Calibrated on 90 questions, measured on 90 others: ECE at rank 1")


def test_a_target_sets_its_threshold() -> None:
    made = observations(120, 60, overlap=6.0)
    strict, loose = (calibrated(made, Wanted("relevant_lost", share)) for share in (0.05, 0.3))
    assert (strict.policy.keep_above or 0.0) < (loose.policy.keep_above or 0.0)
    both = calibrated(made, Wanted("best_f1", None), Wanted("false_answers", 0.1))
    assert [p.target for p in both.proposals] == ["false_answers", "best_f1"]
    assert both.policy.answer_above == both.proposals[0].threshold.value  # type: ignore[union-attr]
    assert both.after.gate.refusals.wrong_answers is not None


def test_groups_that_do_not_separate_take_the_threshold_out_and_say_so() -> None:
    rng = np.random.default_rng(5)
    made = []
    for n in range(120):
        raw = rng.normal(0, 1, 6).tolist()
        made.append(observation(f"g{n % 10}", raw, [True, *[False] * 5]))
        made.append(observation(f"g{n % 10}", rng.normal(0, 1, 6).tolist(), [False] * 6, "lookalike"))
    # the relevant passage anywhere, so that retrieval evidence says as little as the score
    shuffled = [replace(o, relevant=tuple(rng.permutation(o.relevant).tolist())) for o in made]
    result = calibrated(shuffled)
    assert not result.clean
    assert any(words.startswith("No clean separation") for words in result.plan)


def test_sorted_scores_are_used_only_where_they_win() -> None:
    separated = standard()
    assert separated.abstention is not None
    assert separated.abstains_by_scores == separated.abstention.wins
    assert calibrated(observations(60, 4)).abstention is None


def test_where_the_gap_tells_and_the_top_score_does_not_sorted_scores_win() -> None:
    rng = np.random.default_rng(7)
    made = []
    for n in range(240):
        top = 6.0 + rng.normal(0, 1)
        field = [-6.0 + rng.normal(0, 1) for _ in range(4)]
        made.append(observation(f"g{n % 10}", [top, -5.0 + rng.normal(0, 1), *field], [True] + [False] * 5))
        if n % 2 == 0:
            top = 6.0 + rng.normal(0, 1)
            made.append(observation(f"g{n // 2 % 10}", [top, top - rng.random(), *field], [False] * 6, "lookalike"))
    result = calibrated(made)
    assert result.abstains_by_scores and result.abstention is not None and result.abstention.wins
    assert result.calibration.question["full"].names[0] == "score_1"
    refusals = result.after.gate.refusals
    assert refusals.wrong_answers is not None and refusals.wrong_answers.value < 0.1
    assert refusals.wrong_refusals is not None and refusals.wrong_refusals.value < 0.1


def test_what_is_applied_is_read_back(tmp_path: Path) -> None:
    result = standard()
    path = apply(result, tmp_path)
    read = load_calibration(path, ID)
    assert read.policy == result.policy and read.fitted_on.library == "fake"
    assert read.errors["held_out"]["questions"] == 90  # type: ignore[index]
    assert "measured here" in read.policy.answer_note and read.policy.keeps_relevant is not None


def test_a_map_over_sorted_scores_can_be_kept(tmp_path: Path) -> None:
    result = standard()
    names = ("score_1", "score_3")
    by_scores = LogisticMap(names, (0.0, 0.0), (1.0, 1.0), (1.0, 0.5), 0.25)
    calibration = replace(result.calibration, question={**result.calibration.question, "full": by_scores})
    read = load_calibration(apply(replace(result, calibration=calibration), tmp_path))
    asked = observations(1, 0)[0]
    first, _, third = sorted(asked.raw or (), key=lambda value: -(value or 0.0))[:3]
    p = read.judge(asked.retrieved, asked.scores()).p_answerable
    assert p == pytest.approx(float(sigmoid(np.array([(first or 0) + 0.5 * (third or 0) + 0.25]))[0]))


def test_words_cover_everything() -> None:
    titles = [section.title for section in sections_of(standard())]
    assert titles == ["How", "The gate", "What it is worth", "Abstention"]


@pytest.mark.parametrize("text", ["f2", "precision", "f1=0.5", "lost=1.5", "lost=0", "false-answers=x"])
def test_targets_that_cannot_be_read_say_what_can(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_target(text)
    assert "precision=0.8" in refused.value.hint


def test_targets() -> None:
    assert parse_target("f1") == Wanted("best_f1", None)
    assert parse_target("false-answers=.1") == Wanted("false_answers", 0.1)
