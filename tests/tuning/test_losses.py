"""The losses on numbers small enough to work out by hand."""

import math

import pytest
import torch

from app.tuning.losses import LossPlan, combined

LOGITS = torch.tensor([2.0, 0.0, -1.0])
LABELS = torch.tensor([1.0, 0.0, 0.0])
GROUP = torch.tensor([0, 0, 1])  # the second group has no positive


def test_pointwise_is_the_mean_binary_cross_entropy() -> None:
    wanted = (math.log1p(math.exp(-2.0)) + math.log(2.0) + math.log1p(math.exp(-1.0))) / 3
    assert float(combined(LOGITS, LABELS, GROUP, None, LossPlan(1.0, 0.0))) == pytest.approx(wanted, abs=1e-6)


def test_listwise_is_softmax_cross_entropy_over_the_groups_that_have_a_positive() -> None:
    wanted = -math.log(math.exp(2.0) / (math.exp(2.0) + 1.0))
    assert float(combined(LOGITS, LABELS, GROUP, None, LossPlan(0.0, 1.0))) == pytest.approx(wanted, abs=1e-6)


def test_listwise_does_not_see_a_shift_and_pointwise_does() -> None:
    listwise, pointwise = LossPlan(0.0, 1.0), LossPlan(1.0, 0.0)
    moved = LOGITS + 3.0
    assert float(combined(moved, LABELS, GROUP, None, listwise)) == pytest.approx(
        float(combined(LOGITS, LABELS, GROUP, None, listwise)), abs=1e-6
    )
    assert float(combined(moved, LABELS, GROUP, None, pointwise)) > 1.2


def test_a_teacher_softens_the_targets_where_it_knows_the_pair() -> None:
    teacher = torch.tensor([0.0, float("nan"), float("nan")])
    yes = 1 / (1 + math.exp(-2.0))
    first = -0.75 * math.log(yes) - 0.25 * math.log(1 - yes)  # the teacher's 0 is a probability of one half
    wanted = (first + math.log(2.0) + math.log1p(math.exp(-1.0))) / 3
    loss = combined(LOGITS, LABELS, GROUP, teacher, LossPlan(1.0, 0.0, soft=0.5))
    assert float(loss) == pytest.approx(wanted, abs=1e-5)


def test_both_terms_have_a_gradient_for_every_pair_they_cover() -> None:
    logits = LOGITS.clone().requires_grad_(True)
    combined(logits, LABELS, GROUP, None, LossPlan(0.0, 1.0)).backward()
    assert logits.grad is not None
    assert logits.grad[2] == 0.0
    assert logits.grad[0] < 0.0 < logits.grad[1]


def test_margin_is_the_mean_hinge_over_pairs_of_a_group() -> None:
    """Group 0: max(0, 3 - (2 - 0)) = 1; the lone negative of group 1 has nothing above it."""
    plan = LossPlan(0.0, 0.0, margin=1.0, gap=3.0)
    assert float(combined(LOGITS, LABELS, GROUP, None, plan)) == pytest.approx(1.0, abs=1e-6)
    assert float(combined(LOGITS, LABELS, GROUP, None, LossPlan(0.0, 0.0, margin=1.0, gap=1.0))) == 0.0


def test_distillation_asks_for_the_teachers_scores_or_for_their_differences() -> None:
    teacher = torch.tensor([1.0, 0.5, math.nan])
    mse = float(combined(LOGITS, LABELS, GROUP, teacher, LossPlan(0.0, 0.0, mse=1.0)))
    assert mse == pytest.approx(((2.0 - 1.0) ** 2 + (0.0 - 0.5) ** 2) / 2, abs=1e-6)
    apart = float(combined(LOGITS, LABELS, GROUP, teacher, LossPlan(0.0, 0.0, margin_mse=1.0)))
    assert apart == pytest.approx(((2.0 - 0.0) - (1.0 - 0.5)) ** 2, abs=1e-6)
    shifted = float(combined(LOGITS, LABELS, GROUP, teacher + 7.0, LossPlan(0.0, 0.0, margin_mse=1.0)))
    assert shifted == pytest.approx(apart, abs=1e-5)
