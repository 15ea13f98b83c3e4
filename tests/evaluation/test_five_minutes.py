"""Thirty answers: what is asked about, what the answers say, what they change, and how they are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from app.calibration.maps import LogisticMap, sigmoid
from app.calibration.store import calibration_for, load_calibration, save_calibration
from app.domain import LibraryInfo, Scale, ScorerId, ScorerProfile
from app.errors import UsageError
from app.evaluation.five_minutes.answered import AnsweredRounds, LabelsDamaged, judged
from app.evaluation.five_minutes.borderline import Asked, Pair, chances, choose, log_odds
from app.evaluation.five_minutes.effect import LEAST_ANSWERS, effect_of, why_not
from app.evaluation.five_minutes.here import MARK, applied, apply, base_calibration, corrected, rescaled, take_back
from app.evaluation.five_minutes.own_questions import own_questions
from app.evaluation.five_minutes.rounds import Round, RoundQuestion, ShownPassage, refusal_errors
from app.evaluation.five_minutes.shift import (
    CHANCE,
    INTERCEPT_SD,
    LEAST_SLOPE,
    contradiction,
    fit_shift,
    fit_shifts,
    shifted,
)
from app.evaluation.five_minutes.weighted import weighted_share
from app.evaluation.questions.kept import set_path
from app.evaluation.questions.model import LabelledQuestion, QuestionSet
from app.evaluation.questions.write import write_questions
from tests.calibration.questions import LIBRARY, retrieved
from tests.calibration.test_judging import ON, calibration, scores
from tests.evaluation.libraries import contents

SCORER = ScorerId("fake", "table/with:signs", precision="int8")
PROFILE = ScorerProfile(SCORER, "a scorer", Scale.LOGIT, pointwise=True)
KEEP = 0.025


def pairs_of(rng: np.random.Generator, questions: int = 30, candidates: int = 20) -> list[Pair]:
    """As a library has them: most far below the gate, one or two a question that may be relevant."""
    found = []
    for q in range(questions):
        x = rng.normal(-4.5, 1.8, candidates)
        x[:2] += (4.0, 2.0)
        for rank, value in enumerate(np.sort(x)[::-1], 1):
            found.append(Pair(q, f"c{q}-{rank}", f"d{q % 7}", rank, float(value)))
    return found


def log_odds_of(pairs: list[Pair]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray([pair.log_odds for pair in pairs])


# -- which passages ----------------------------------------------------------------------------------


def test_chances_add_up_and_leave_nothing_out() -> None:
    pairs = pairs_of(np.random.default_rng(1))
    each = chances(pairs, KEEP)
    assert each.sum() == pytest.approx(30)
    assert each.min() > 0.0 and each.max() <= 1.0
    assert np.bincount([pair.question for pair in pairs], each).max() <= 3.0 + 1e-6
    x = log_odds_of(pairs)
    border = np.abs(x - log_odds(KEEP)) < 0.5
    unsure = np.abs(x) < 0.5
    far = x < -7.0
    assert each[far].mean() < 0.3 * each[border].mean() < 0.3 * each[unsure].mean()


def test_few_passages_are_all_asked_about() -> None:
    pairs = pairs_of(np.random.default_rng(1), questions=2, candidates=5)
    asked = choose(pairs, KEEP)
    assert sorted(one.pair for one in asked) == list(range(10))
    assert {one.chance for one in asked} == {1.0}
    assert choose([], KEEP) == ()


def test_each_passage_is_drawn_as_often_as_its_chance_says() -> None:
    pairs = pairs_of(np.random.default_rng(2), questions=6, candidates=6)
    each = chances(pairs, KEEP, 8)
    drawn = np.zeros(len(pairs))
    for seed in range(600):
        asked = choose(pairs, KEEP, count=8, seed=seed)
        assert len(asked) == 8
        drawn[[one.pair for one in asked]] += 1
    off = (drawn / 600 - each) / np.sqrt(np.maximum(each * (1 - each), 1e-3) / 600)
    assert np.abs(off).max() < 4.5
    assert np.sqrt((off**2).mean()) < 1.5


def test_the_draw_is_spread_over_questions_and_documents() -> None:
    pairs = pairs_of(np.random.default_rng(3))
    asked = [pairs[one.pair] for one in choose(pairs, KEEP)]
    assert len({pair.question for pair in asked}) >= 18
    assert len({pair.document_id for pair in asked}) == 7
    assert len({pair.rank for pair in asked}) >= 6


# -- what the answers say ----------------------------------------------------------------------------


def test_a_weighted_share_by_hand() -> None:
    found = weighted_share([True, False, False], [1.0, 2.0, 1.0])
    assert found is not None
    assert found.value == pytest.approx(0.25)
    assert found.n == 3
    # Wilson at (1 + 2 + 1)^2 / (1 + 4 + 1) = 2.667 answers, worked out apart from the program
    assert (found.low, found.high) == pytest.approx((0.0337, 0.7615), abs=1e-4)
    assert weighted_share([], []) is None


def test_weights_undo_the_preference_for_borderline_passages() -> None:
    rng = np.random.default_rng(4)
    relevant = plain = weighted = 0.0
    for seed in range(150):
        pairs = pairs_of(rng, questions=12)
        x = log_odds_of(pairs)
        yes = rng.random(x.size) < sigmoid(x)
        asked = choose(pairs, KEEP, seed=seed)
        told = [yes[one.pair] for one in asked]
        relevant += yes.mean()
        plain += np.mean(told)
        weighted += sum(hit / one.chance for hit, one in zip(told, asked, strict=True)) / len(pairs)
    assert weighted / relevant == pytest.approx(1.0, abs=0.08)
    assert plain / relevant > 1.8  # what one would believe without the weights


def test_without_answers_nothing_is_shifted_and_one_answer_hardly_shifts() -> None:
    assert fit_shift([], []) == (1.0, 0.0)
    slope, intercept = fit_shift([0.0], [True])
    # at log-odds 0 the slope cannot matter; the intercept solves b / sd^2 = 1 - 1 / (1 + exp(-b))
    assert slope == pytest.approx(1.0)
    assert intercept / INTERCEPT_SD**2 == pytest.approx(1 - 1 / (1 + np.exp(-intercept)))


def test_a_known_shift_is_found_again() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(-1.0, 2.0, 5000)
    for slope, intercept in ((1.0, 0.0), (0.7, 1.2), (1.3, -2.0)):
        yes = rng.random(x.size) < sigmoid(slope * x + intercept)
        found = fit_shift(x, yes.tolist())
        assert found == pytest.approx((slope, intercept), abs=0.12)


def test_thirty_answers_move_towards_the_shift_and_never_backwards() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(-1.0, 2.0, 30)
    found = [fit_shift(x, (rng.random(30) < sigmoid(x - 1.5)).tolist()) for _ in range(100)]
    assert -1.5 < np.mean([b for _, b in found]) < -0.6
    slope, _ = fit_shift(np.linspace(-9, 9, 40), [True] * 20 + [False] * 20)
    assert slope == LEAST_SLOPE


def test_answers_contradict_a_map_only_as_far_as_they_are_unlikely() -> None:
    # two answers at log-odds 2 and -2, both as expected, by a map twice as steep: 4 ln((1 + e^-2) / (1 + e^-4))
    found = contradiction([2.0, -2.0], [True, False], 2.0, 0.0)
    assert found == pytest.approx(4 * np.log((1 + np.exp(-2)) / (1 + np.exp(-4))))
    assert contradiction([2.0, -2.0], [True, False], 1.0, 0.0) == 0.0


def test_a_map_that_is_right_is_hardly_ever_contradicted_and_one_far_off_nearly_always() -> None:
    rng = np.random.default_rng(8)
    alarms = {0.0: 0, 2.0: 0}
    for off in alarms:
        for seed in range(40):
            pairs = pairs_of(rng, questions=12)
            x = log_odds_of(pairs)
            yes = rng.random(x.size) < sigmoid(x + off)
            told = [one.pair for one in choose(pairs, KEEP, seed=seed)]
            alarms[off] += contradiction(x[told], yes[told].tolist(), *fit_shift(x[told], yes[told].tolist())) > CHANCE
    assert alarms[0.0] <= 5
    assert alarms[2.0] >= 30


def test_many_samples_at_once_are_fitted_as_each_alone() -> None:
    x, yes = [-2.0, -1.0, 0.5, 2.0], [False, True, False, True]
    times = np.asarray([[1.0, 1.0, 1.0, 1.0], [2.0, 0.0, 1.0, 1.0]])
    slopes, intercepts = fit_shifts(x, yes, times)
    assert (slopes[0], intercepts[0]) == pytest.approx(fit_shift(x, yes))
    assert (slopes[1], intercepts[1]) == pytest.approx(fit_shift([-2.0, -2.0, 0.5, 2.0], [False, False, False, True]))


@pytest.mark.parametrize(
    ("yes", "no", "said"),
    [
        (20, 0, "All 20 answers are yes"),
        (0, 30, "All 30 answers are no"),
        (4, 4, f"it takes {LEAST_ANSWERS} at least"),
        (2, 20, "Only 2 yes among 22"),
        (8, 12, ""),
    ],
)
def test_too_little_is_refused(yes: int, no: int, said: str) -> None:
    found = why_not({place: place < yes for place in range(yes + no)})
    assert said in found and bool(said) == bool(found)


# -- what would change -------------------------------------------------------------------------------


def by_hand() -> tuple[list[Pair], list[Asked], dict[int, bool]]:
    """Twenty questions with one passage below the gate (p .01) and one above (p .5); half of the latter are relevant,
    and one of the former was asked about ten times as seldom."""
    low, high = log_odds(0.01), log_odds(0.5)
    pairs = [Pair(q, f"{q}-{i}", f"d{q}", i, x) for q in range(20) for i, x in ((1, high), (2, low))]
    asked = [Asked(2 * q, 1.0) for q in range(20)] + [Asked(1, 0.1), Asked(3, 0.1)]
    answers = {place: place % 2 == 0 for place in range(20)} | {20: True, 21: False}
    return pairs, asked, answers


def test_both_errors_by_hand() -> None:
    found = effect_of(*by_hand(), keep_above=KEEP)
    assert (found.yes, found.no, found.questions) == (11, 11, 20)
    before = found.before
    assert before.lost is not None and before.let_through is not None and before.irrelevant is not None
    assert before.lost.value == pytest.approx(10 / (10 + 10))  # one seldom asked about stands for ten
    assert before.let_through.value == pytest.approx(10 / (10 + 10))
    assert before.irrelevant.value == pytest.approx(10 / 20)
    assert (before.relevant_below, before.irrelevant_above) == (1, 10)
    assert before.expected_lost == pytest.approx(
        shifted([log_odds(0.01)], found.slope.value, found.intercept.value)[0]
        / shifted([log_odds(0.01), 0.0], found.slope.value, found.intercept.value).sum()
    )


def test_answers_that_agree_change_nothing() -> None:
    pairs, asked, answers = by_hand()
    found = effect_of(pairs, asked, {place: yes for place, yes in answers.items() if place < 20}, KEEP)
    assert found.agrees
    assert (found.slope.value, found.intercept.value) == pytest.approx((1.0, 0.0), abs=1e-6)
    assert found.keep_above.value == pytest.approx(KEEP)
    assert found.after.lost == found.before.lost


def test_a_library_with_more_relevant_passages_gets_a_lower_cut() -> None:
    rng = np.random.default_rng(7)
    pairs = pairs_of(rng)
    x = log_odds_of(pairs)
    yes = rng.random(x.size) < sigmoid(x + 2.0)
    asked = choose(pairs, KEEP, seed=7)
    found = effect_of(pairs, asked, {i: bool(yes[one.pair]) for i, one in enumerate(asked)}, KEEP)
    assert found.intercept.value > 0.5 and not found.agrees
    assert found.after.expected_lost < found.before.expected_lost
    assert found.after.expected_let_through > found.before.expected_let_through
    assert found.keep_above.low is not None and found.keep_above.high is not None
    assert found.keep_above.low < found.keep_above.value < found.keep_above.high
    with pytest.raises(ValueError, match="too few"):
        effect_of(pairs, asked, {0: True, 1: False}, KEEP)


# -- applying, and taking back -----------------------------------------------------------------------


def test_maps_are_rescaled_whatever_they_look_at() -> None:
    fused = LogisticMap(("score", "cosine"), (0.5, 0.1), (2.0, 0.3), (1.5, -0.4), -1.0)
    features = {"score": np.asarray([1.0, -2.0]), "cosine": np.asarray([0.3, 0.9])}
    after = rescaled(fused, 0.8, -0.6).log_odds(features)
    assert after == pytest.approx(0.8 * fused.log_odds(features) - 0.6)


def test_apply_is_in_use_at_once_and_taken_back(tmp_path: Path) -> None:
    own = tmp_path / "calibrations"
    shipped_like = calibration(SCORER)
    save_calibration(shipped_like, own)
    base = base_calibration(PROFILE, LIBRARY, own)
    assert base == shipped_like
    effect = effect_of(*by_hand(), keep_above=KEEP)
    path = apply(corrected(base, effect, LIBRARY, today=date(2026, 11, 21)), PROFILE, LIBRARY, own)
    in_use = calibration_for(PROFILE, LIBRARY, own_dir=own)
    assert in_use.kind == "here" and in_use.note == "calibrated here, on 20 labelled questions (2026-11-21)"
    assert in_use.policy.keep_above == effect.keep_above.value
    assert in_use.policy.answer_above == base.policy.answer_above
    found = retrieved([0.6, 0.4], [0.5, 0.2])
    before, after = base.judge(found, scores(1.0, 2.0)), in_use.judge(found, scores(1.0, 2.0))
    assert after.order == before.order and after.p_answerable == before.p_answerable
    for old, new in zip(before.p, after.p, strict=True):
        assert old is not None and new is not None
        wanted = effect.slope.value * log_odds(old) + effect.intercept.value
        assert log_odds(new) == pytest.approx(wanted, abs=1e-6)
    assert in_use.evidence(found) == base.evidence(found)
    correction = applied(PROFILE, LIBRARY, own)
    assert correction is not None and MARK in correction.errors
    assert base_calibration(PROFILE, LIBRARY, own) == shipped_like  # a second round starts from the same place
    assert take_back(PROFILE, LIBRARY, own) and not path.exists()
    assert calibration_for(PROFILE, LIBRARY, own_dir=own).kind == "general"
    assert not take_back(PROFILE, LIBRARY, own)


def test_a_calibration_fitted_here_is_set_aside_and_comes_back(tmp_path: Path) -> None:
    fitted = replace(calibration(SCORER), fitted_on=replace(ON, library=LIBRARY.name))
    path = save_calibration(fitted, tmp_path)
    effect = effect_of(*by_hand(), keep_above=KEEP)
    for _ in range(2):
        base = base_calibration(PROFILE, LIBRARY, tmp_path)
        assert base is not None and base == fitted
        apply(corrected(base, effect, LIBRARY), PROFILE, LIBRARY, tmp_path)
        assert MARK in load_calibration(path).errors
    elsewhere = LibraryInfo("another", 1, 1, 1, LIBRARY.embedder_id)
    assert base_calibration(PROFILE, elsewhere, tmp_path) is None  # labels of one library say nothing about another
    assert take_back(PROFILE, LIBRARY, tmp_path)
    assert load_calibration(path) == fitted
    assert list(tmp_path.iterdir()) == [path]


# -- keeping the answers -----------------------------------------------------------------------------


def a_round() -> Round:
    pairs, asked, _ = by_hand()
    return Round(
        library="made",
        generation=3,
        scorer=str(SCORER),
        base="0123456789abcdef",
        keep_above=KEEP,
        answer_above=0.3,
        at="2026-11-21T10:00:00+00:00",
        questions=tuple(RoundQuestion(f"q{n}", f"question {n}?", None, False, 0.7, False) for n in range(20)),
        pairs=tuple(pairs),
        asked=tuple(asked),
        passages={p.chunk_id: ShownPassage("Title", ("A", "B"), 2, "Text.\u2028More.") for p in pairs},
        sources={"voted on": 20},
    )


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


def test_refusal_errors_come_from_what_a_person_has_said() -> None:
    drawn = a_round()
    assert refusal_errors(drawn).wrong_refusals is None and refusal_errors(drawn).wrong_answers is None
    known = [(True, False, True), (True, False, False), (True, True, True), (False, False, True), (False, False, False)]
    asked = tuple(RoundQuestion(str(n), "?", a, weak, 0.5, refused) for n, (a, weak, refused) in enumerate(known))
    found = refusal_errors(replace(drawn, questions=asked))
    assert found.wrong_refusals is not None and found.wrong_answers is not None
    assert (found.answerable, found.wrong_refusals.value) == (2, 0.5)
    assert (found.unanswerable, found.wrong_answers.value) == (2, 0.5)


# -- which questions ---------------------------------------------------------------------------------


def test_own_questions_come_before_drafted_ones(tmp_path: Path) -> None:
    text = "Green tea is a drink that is steeped at 80 degrees for two minutes before it is poured."
    library = contents({"tea.md": [text], "coffee.md": [text.replace("Green tea", "Black coffee")]})
    drafted = own_questions(tmp_path, "made", library)
    assert drafted.counts == {"drafted from headings and sentences": 2}
    own = tuple(LabelledQuestion(f"q{n}", f"Question {n}?", answers=("x",)) for n in range(10))
    write_questions(QuestionSet("own", own), set_path(tmp_path, "made", "own"))
    found = own_questions(tmp_path, "made", library, [LabelledQuestion("t", "question 3?", answerable=None)])
    assert found.counts == {"typed": 1, "from question sets": 9}
    assert found.questions[0].text == "question 3?"
    more = tuple(LabelledQuestion(f"m{n}", f"More {n}?", answers=("x",)) for n in range(40))
    write_questions(QuestionSet("more", more), set_path(tmp_path, "made", "more"))
    assert len(own_questions(tmp_path, "made", library).questions) == 24
