"""Fitting: the regression finds what was put in, thresholds keep their promise, groups do not leak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.calibration.fit import answer_above, fit_calibration, keep_above
from app.calibration.fit_maps import fit_maps
from app.calibration.fitted import FittedOn
from app.calibration.maps import sigmoid
from app.calibration.observed import Observation, Unseen, rows_of
from app.calibration.regression import fit_logistic
from app.domain import Judgement, ScorerId
from tests.calibration.questions import observation

ON = FittedOn(("set",), None, "chunks", "fake/letters", 10, 200, "2026-01-01")
SCORER = ScorerId("fake", "table")


def test_the_regression_finds_the_weights_that_made_the_labels() -> None:
    random = np.random.default_rng(1)
    x, y = random.normal(2.0, 3.0, 40_000), random.normal(-1.0, 0.5, 40_000)
    labels = (random.random(40_000) < sigmoid(0.5 * x + 2.0 * y + 1.0)).astype(float)
    fitted = fit_logistic({"x": x, "y": y}, ["x", "y"], labels, np.ones(40_000), ridge=1e-6)

    slopes = np.asarray(fitted.weights) / np.asarray(fitted.scale)
    assert slopes == pytest.approx([0.5, 2.0], abs=0.06)
    assert fitted.intercept - float(slopes @ fitted.mean) == pytest.approx(1.0, abs=0.1)


def test_a_feature_that_would_lower_p_is_left_out() -> None:
    random = np.random.default_rng(2)
    x = random.normal(size=5_000)
    labels = (random.random(5_000) < sigmoid(2.0 * x)).astype(float)
    fitted = fit_logistic(
        {"x": x, "against": -x + random.normal(size=5_000)},
        ["x", "against"],
        labels,
        np.ones(5_000),
        never_below_zero=frozenset({"x", "against"}),
    )
    assert "x" in fitted.names
    assert all(weight >= 0.0 for weight in fitted.weights)


def test_where_nothing_speaks_for_relevance_p_is_the_rate() -> None:
    x = np.arange(100.0)
    labels = (x < 25).astype(float)
    fitted = fit_logistic({"x": x}, ["x"], labels, np.ones(100), never_below_zero=frozenset({"x"}))
    assert sigmoid(fitted.log_odds({"x": x})) == pytest.approx(np.full(100, 0.25))


def test_perfectly_separable_labels_do_not_run_away() -> None:
    x = np.linspace(-1.0, 1.0, 100)
    fitted = fit_logistic({"x": x}, ["x"], (x > 0).astype(float), np.ones(100))
    assert np.isfinite(fitted.weights).all()
    assert fitted.weights[0] > 0.0


def test_labels_of_one_kind_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        fit_logistic({"x": np.arange(3.0)}, ["x"], np.ones(3), np.ones(3))


def unseen(group: str, p: float, p_answerable: float = 0.5) -> Unseen:
    seen = observation(group, [1.0], [True])
    return Unseen(seen, Judgement((p,), (None,), (0,), p_answerable))


def test_keep_above_is_the_conformal_quantile() -> None:
    judged = [unseen("a", p) for p in np.arange(1, 40) / 100]  # 39 relevant passages: floor(.05 * 40) = 2
    assert keep_above(judged, 0.05) == pytest.approx(0.02)  # the second smallest: one of 39 is lost


def test_too_few_labels_promise_nothing() -> None:
    assert keep_above([unseen("a", 0.9) for _ in range(18)], 0.05) == 0.0
    assert keep_above([unseen("a", 0.9) for _ in range(19)], 0.05) == 0.9


def test_a_large_group_does_not_set_the_threshold_alone() -> None:
    large = [unseen("large", 0.9) for _ in range(980)]
    small = [unseen("small", 0.1) for _ in range(20)]
    assert keep_above([*large, *small], 0.05) == 0.1  # 2 % of the passages, but half of the weight


def test_answer_above_refuses_at_most_the_share_asked_for() -> None:
    judged = [unseen("a", 0.5, p_answerable=i / 100) for i in range(100)]
    threshold = answer_above(judged, 0.1)
    assert sum(u.judgement.p_answerable < threshold for u in judged) <= 10  # type: ignore[operator]
    assert threshold == pytest.approx(0.09)


def labelled(group: str, count: int, seed: int) -> list[Observation]:
    random = np.random.default_rng(seed)
    made = []
    for number in range(count):
        raw = list(random.normal(0.0, 1.0, 5))
        if number % 3 == 2:
            made.append(observation(group, raw, [False] * 5, "off_topic", best=0.3 + 0.1 * random.random()))
        else:
            relevant = int(random.integers(5))
            raw[relevant] += 3.0
            flags = [i == relevant for i in range(5)]
            made.append(observation(group, raw, flags, best=0.6 + 0.3 * random.random()))
    return made


def test_a_fitted_calibration_tells_relevant_from_not_in_a_group_it_has_not_seen() -> None:
    observations = [*labelled("a", 60, 1), *labelled("b", 60, 2), *labelled("c", 60, 3)]
    calibration, judged = fit_calibration(observations, scorer=SCORER, fitted_on=ON)

    assert set(calibration.passage) == {"full", "dense", "score", "evidence", "evidence_dense"}
    assert all(w >= 0.0 for fitted in calibration.passage.values() for w in fitted.weights)
    answerable = [u for u in judged if u.observation.answerable]
    hits = [u.observation.relevant[u.judgement.order[0]] for u in answerable]
    assert sum(hits) / len(hits) > 0.7
    assert calibration.policy.answer_above is not None
    refused = [u.judgement.p_answerable < calibration.policy.answer_above for u in judged]  # type: ignore[operator]
    of_kind = [(r, u.observation.answerable) for r, u in zip(refused, judged, strict=True)]
    assert sum(r for r, answerable in of_kind if answerable) <= 0.1 * len(answerable)
    assert sum(r for r, answerable in of_kind if not answerable) > 0.9 * (len(judged) - len(answerable))


def test_a_group_is_judged_by_maps_that_have_not_seen_it() -> None:
    observations = [*labelled("a", 60, 1), *labelled("b", 60, 2)]
    _, before = fit_calibration(observations, scorer=SCORER, fitted_on=ON)
    other_a = [*labelled("a", 60, 9), *observations[60:]]
    _, after = fit_calibration(other_a, scorer=SCORER, fitted_on=ON)

    judged = [[u.judgement.p for u in run if u.observation.group == "a"] for run in (before, after)]
    by_b = fit_calibration([*observations, *labelled("c", 3, 5)], scorer=SCORER, fitted_on=ON)
    assert judged[0] != judged[1]  # other questions, other p
    b_before = [u.judgement.p for u in before if u.observation.group == "b"]
    b_after = [u.judgement.p for u in after if u.observation.group == "b"]
    assert b_before != b_after  # group b is judged by what group a taught
    assert by_b[1] is not None


def test_one_group_is_not_enough() -> None:
    with pytest.raises(ValueError, match="two groups"):
        fit_calibration(labelled("a", 30, 1), scorer=SCORER, fitted_on=ON)


def test_the_ways_in_which_a_group_is_asked_weigh_the_same() -> None:
    plain, other = labelled("a", 60, 1), labelled("b", 60, 2)
    at_once = [replace(o, way="at once", relevant=(True,) * 2 + o.relevant[2:]) for o in labelled("a", 20, 3)]

    def fitted(*observations: Observation) -> tuple[float, ...]:
        passage, _ = fit_maps(rows_of(observations), ["score"])
        return (*passage["score"].weights, passage["score"].intercept)

    once = fitted(*plain, *at_once, *other)
    assert fitted(*plain, *at_once * 5, *other) == pytest.approx(once)
    unnamed = [replace(o, way="") for o in at_once]
    assert fitted(*plain, *unnamed * 5, *other) != pytest.approx(fitted(*plain, *unnamed, *other), rel=0.01)


def test_how_sure_to_be_is_right_where_one_question_and_several_at_once_weigh_the_same() -> None:
    """What a logistic fit promises: over its rows, weighed as they were, the mean p is the share that is relevant."""
    one = [replace(o, way=way) for o in labelled("a", 60, 1) for way in ("", "cut shorter")]
    several = [replace(o, way="two", at_once=2, relevant=(True,) * 2 + o.relevant[2:]) for o in labelled("a", 20, 3)]
    observations = [*one, *several, *labelled("b", 60, 2)]
    passage, _ = fit_maps(rows_of(observations), ["score"])
    asked = [o for o in observations if o.answerable]  # p is about these

    def off(share_of_several: float) -> float:
        """Mean p less the share relevant; passages weigh 1 / rank."""
        total = 0.0
        for row in rows_of(asked):
            p = sigmoid(passage["score"].log_odds(row.passage))
            ranks = np.empty(p.size)
            ranks[np.argsort(-p, kind="stable")] = np.arange(1, p.size + 1)
            group, at_once = row.observation.group, row.observation.at_once
            mates = sum(o.group == group and o.at_once == at_once for o in asked)
            part = 1.0 if group == "b" else share_of_several if at_once == 2 else 1.0 - share_of_several
            total += part / mates * float(((p - np.asarray(row.observation.labels)) / ranks).sum())
        return total

    assert off(1 / 2) == pytest.approx(0.0, abs=1e-6)
    assert abs(off(1 / 3)) > 0.01  # each of the three ways alike


def test_p_is_right_where_it_is_shown() -> None:
    """Of two passages in front the first is right in 3 of 4 questions and the second in the rest. p has to say so,
    although the seven wrong ones behind are most of what there is to fit; fitted on all alike, the second's is .20."""
    random = np.random.default_rng(5)
    questions = []
    for number in range(240):
        first = number % 4 != 0
        behind = sorted(random.normal(0.0, 2.0, 8), reverse=True)
        raw = [behind[0] + 2.0 * float(random.random()), *map(float, behind)]
        questions.append(observation("ab"[number % 2], raw, [first, not first, *[False] * 7]))
        questions.append(observation("ab"[number % 2], raw, [False] * 9, "near_miss", best=0.3))
    calibration, _ = fit_calibration(questions, scorer=SCORER, fitted_on=ON)
    judged = [calibration.judge(o.retrieved, o.scores()).p for o in questions if o.answerable]
    assert np.mean([p[0] for p in judged if p[0] is not None]) == pytest.approx(0.75, abs=0.03)
    assert np.mean([p[1] for p in judged if p[1] is not None]) == pytest.approx(0.25, abs=0.03)


def test_p_is_fitted_on_what_is_marked_and_the_threshold_on_what_answers() -> None:
    """Passages beside the one with the answer, from the same page, are marked relevant and hold no answer. p counts
    them; what keep_above promises to keep is the passages with the answer."""
    plain = [*labelled("a", 90, 1), *labelled("b", 90, 2)]

    def first_two(o: Observation) -> Observation:
        best = max(range(5), key=lambda i: (o.raw or ())[i] or 0.0)
        return replace(o, marked=tuple(yes or i == best for i, yes in enumerate(o.relevant))) if o.answerable else o

    more, judged = fit_calibration([first_two(o) for o in plain], scorer=SCORER, fitted_on=ON)
    less, _ = fit_calibration(plain, scorer=SCORER, fitted_on=ON)
    asked = [o for o in plain if o.answerable]
    first = [[max(p for p in c.judge(o.retrieved, o.scores()).p if p is not None) for o in asked] for c in (less, more)]
    assert np.mean(first[1]) > np.mean(first[0]) + 0.02
    kept = [
        p >= (more.policy.keep_above or 0.0)
        for u in judged
        for p, yes in zip(u.judgement.p, u.observation.relevant, strict=True)
        if yes and p is not None
    ]
    assert np.mean(kept) == pytest.approx(0.95, abs=0.01)


def test_the_fused_map_is_used_only_where_it_ranks_unseen_groups_as_well_as_the_score() -> None:
    """Evidence falls from c0 on. A scorer that is always right needs none of it; one that is wrong half the time does
    better with it, where the evidence is right."""
    random = np.random.default_rng(6)

    def questions(right: int, scorer_right: float) -> list[Observation]:
        made = []
        for number in range(120):
            relevant = [i == right for i in range(5)]
            best = right if random.random() < scorer_right else int(random.integers(0, 5))
            raw = [2.0 * (i == best) + float(random.normal(0.0, 0.3)) for i in range(5)]
            made.append(observation("ab"[number % 2], raw, relevant))
            made.append(observation("ab"[number % 2], raw, [False] * 5, "near_miss", best=0.3))
        return made

    unsure, _ = fit_calibration(questions(0, 0.5), scorer=SCORER, fitted_on=ON)
    assert unsure.errors["order"]["used"] == "fused"  # type: ignore[index]
    assert "cosine_ahead" in unsure.passage["full"].names

    # the evidence points the other way in one group: what the other group taught about it misleads
    torn = [replace(o, group="ab"[n % 2]) for n, o in enumerate([*questions(0, 0.9)[::2], *questions(4, 0.9)[::2]])]
    torn = [replace(o, group="a" if o.relevant[0] else "b") for o in torn]
    torn += [replace(o, kind="near_miss", relevant=(False,) * 5) for o in torn]
    sure, unseen = fit_calibration(torn, scorer=SCORER, fitted_on=ON)
    assert sure.errors["order"]["used"] == "score"  # type: ignore[index]
    assert sure.passage["full"] == sure.passage["score"]
    assert all(max(u.judgement.p) == u.judgement.p[u.judgement.order[0]] for u in unseen)  # type: ignore[type-var]
