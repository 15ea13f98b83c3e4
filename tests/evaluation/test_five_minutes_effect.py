"""Thirty answers: what they would change, how that is put to use and taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from app.calibration.maps import LogisticMap, sigmoid
from app.calibration.store import calibration_for, load_calibration, save_calibration
from app.domain import LibraryInfo, Scale, ScorerProfile
from app.evaluation.five_minutes.borderline import choose, log_odds
from app.evaluation.five_minutes.effect import effect_of
from app.evaluation.five_minutes.here import MARK, applied, apply, base_calibration, corrected, rescaled, take_back
from app.evaluation.five_minutes.shift import shifted
from tests.calibration.questions import LIBRARY, retrieved
from tests.calibration.test_judging import ON, calibration, scores
from tests.evaluation.thirty import KEEP, SCORER, by_hand, log_odds_of, pairs_of

PROFILE = ScorerProfile(SCORER, "a scorer", Scale.LOGIT, pointwise=True)

# -- what would change -------------------------------------------------------------------------------


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
