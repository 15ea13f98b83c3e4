"""Unlabelled answers among mined negatives are left out of a step."""

import torch

from app.tuning.loop import _believed


def test_only_mined_negatives_far_above_their_own_positive_are_left_out() -> None:
    logits = torch.tensor([1.0, 4.0, 2.5, 4.0, 9.0])
    labels = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0])
    mined = torch.tensor([False, True, True, False, True])
    group = torch.tensor([0, 0, 0, 0, 1])  # the second group has no positive to compare with
    assert _believed(logits, labels, mined, group, 2.0).tolist() == [True, False, True, True, True]
