"""What training asks of the logits of a batch of groups.

Pointwise binary cross-entropy gives the logits a zero point, which a threshold needs; the listwise term (softmax
cross-entropy over a group, ListNet's top-one form, Cao et al. 2007) asks for the order. Both take soft labels. The
margin term (pairwise hinge) asks each positive to be `gap` above each negative of its group. Distillation asks for a
teacher's raw scores: themselves (mean squared error), or how far each positive lies above each negative (margin-MSE,
Hofstätter et al. 2020, arXiv 2010.02666).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from app.tuning.encoder import Tensor


@dataclass(frozen=True, slots=True)
class LossPlan:
    """Weights of the terms; `soft` is the share (0..1) of the teacher in the targets where there is one. `gap`, in
    logits, is what the margin term asks for. `mse` and `margin_mse` need a teacher."""

    pointwise: float = 1.0
    listwise: float = 1.0
    soft: float = 0.5
    margin: float = 0.0
    gap: float = 1.0
    mse: float = 0.0
    margin_mse: float = 0.0


def combined(logits: Tensor, labels: Tensor, group: Tensor, teacher: Tensor | None, plan: LossPlan) -> Tensor:
    """One number. All of shape (pairs,): logits, labels 0..1, the group number of each pair (0..groups-1), and the
    teacher's logits, NaN where it has none."""
    total = logits.new_zeros(())
    if plan.pointwise > 0.0:
        targets = labels
        if teacher is not None:
            targets = torch.where(
                teacher.isnan(), labels, (1 - plan.soft) * labels + plan.soft * torch.sigmoid(teacher.nan_to_num())
            )
        total = total + plan.pointwise * functional.binary_cross_entropy_with_logits(logits, targets)
    if plan.listwise > 0.0:
        total = total + plan.listwise * _listwise(logits, labels, group, teacher, plan.soft)
    if plan.margin > 0.0:
        total = total + plan.margin * _margin(logits, labels, group, plan.gap)
    if teacher is not None and plan.mse > 0.0:
        known = ~teacher.isnan()
        total = total + plan.mse * _mean((logits - teacher)[known] ** 2)
    if teacher is not None and plan.margin_mse > 0.0:
        total = total + plan.margin_mse * _margin_mse(logits, labels, group, teacher)
    return total


def _margin(logits: Tensor, labels: Tensor, group: Tensor, gap: float) -> Tensor:
    """Mean of max(0, gap - (s+ - s-)) over the pairs of a positive and a negative of one group; 0 without any."""
    better, worse = _pairs(labels, group)
    return _mean(functional.relu(gap - (logits[better] - logits[worse])))


def _margin_mse(logits: Tensor, labels: Tensor, group: Tensor, teacher: Tensor) -> Tensor:
    better, worse = _pairs(labels, group)
    apart = (logits[better] - logits[worse]) - (teacher[better] - teacher[worse])
    return _mean(apart[~apart.isnan()] ** 2)


def _pairs(labels: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
    """The places of each positive and each negative that share a group."""
    over = (labels[:, None] > 0) & (labels[None, :] == 0) & (group[:, None] == group[None, :])
    better, worse = over.nonzero(as_tuple=True)
    return better, worse


def _mean(values: Tensor) -> Tensor:
    return values.sum() / max(1, values.numel())


def _listwise(logits: Tensor, labels: Tensor, group: Tensor, teacher: Tensor | None, soft: float) -> Tensor:
    """Mean cross-entropy over the groups that hold a positive."""
    count = int(group.max()) + 1
    share = labels / _sums(labels, group, count).clamp(min=1e-6)[group]
    if teacher is not None:
        taught = torch.exp(_log_softmax(teacher.nan_to_num(), group, count))
        known = _sums(teacher.isnan().float(), group, count)[group] == 0
        share = torch.where(known, (1 - soft) * share + soft * taught, share)
    has_positive = (_sums(labels, group, count) > 0).float()
    per_group = -_sums(share * _log_softmax(logits, group, count), group, count)
    return (per_group * has_positive).sum() / has_positive.sum().clamp(min=1.0)


def _log_softmax(values: Tensor, group: Tensor, count: int) -> Tensor:
    highest = values.new_full((count,), -torch.inf).scatter_reduce(0, group, values.detach(), "amax")
    moved = values - highest[group]
    return moved - torch.log(_sums(torch.exp(moved), group, count))[group]


def _sums(values: Tensor, group: Tensor, count: int) -> Tensor:
    return values.new_zeros(count).scatter_add(0, group, values)
