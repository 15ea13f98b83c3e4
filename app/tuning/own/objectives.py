"""The training objectives by name, and the teacher's scores on the student's scale. Pure.

pointwise  binary cross-entropy: is this passage relevant? The only one whose zero means something by itself
margin     each relevant passage above each other one by at least a margin: max(0, m - (s+ - s-))
listwise   softmax cross-entropy over a question's passages (ListNet's top-one form)
both       pointwise and listwise together, as the bundled scorer was trained
distil     a teacher's raw scores: how far apart they are (margin-mse), or themselves (mse)
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, pstdev

from app.domain import Scale
from app.errors import UsageError
from app.tuning.losses import LossPlan
from app.tuning.own.plan import Distil, Loss


def loss_plan(loss: Loss, *, distil: Distil = "margin-mse", margin: float = 1.0) -> LossPlan:
    """The weights of the terms."""
    return {
        "both": LossPlan(soft=0.0),
        "pointwise": LossPlan(listwise=0.0, soft=0.0),
        "listwise": LossPlan(pointwise=0.0, soft=0.0),
        "margin": LossPlan(0.0, 0.0, 0.0, margin=1.0, gap=margin),
        "distil": LossPlan(0.0, 0.0, 0.0, margin_mse=float(distil == "margin-mse"), mse=float(distil == "mse")),
    }[loss]


def on_the_students_scale(
    taught: Sequence[Sequence[float]], own: Sequence[Sequence[float]], scale: Scale
) -> list[tuple[float, ...]]:
    """A teacher's raw scores as they can be asked of logits: unchanged where they are logits, else moved and stretched
    to the mean and spread of the student's own scores on the same passages. Raises UsageError for ranks."""
    if scale is Scale.LOGIT:
        return [tuple(row) for row in taught]
    if scale is Scale.RANK_ONLY:
        raise UsageError("A teacher that only ranks has no scores to teach.", hint="Choose another one: --teacher NAME")
    theirs, ours = [x for row in taught for x in row], [x for row in own for x in row]
    spread = pstdev(theirs) if len(theirs) > 1 else 0.0
    stretch = pstdev(ours) / spread if spread > 0.0 else 1.0
    middle, shift = fmean(theirs), fmean(ours)
    return [tuple((x - middle) * stretch + shift for x in row) for row in taught]
