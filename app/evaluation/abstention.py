"""When to refuse, from the sorted scores of a question: a small fitted model, and whether it beats what is there. Pure.

H. Gisserot-Boukhlef et al., Towards trustworthy reranking, 2024 (arXiv 2402.12997): a linear model over the sorted
scores of the candidates, fitted on a small set, abstains better than the best score alone. Here it is a logistic
regression on "the library answers this", over as many of the best raw scores as the labels allow: one for each ten
questions of the rarer kind (P. Peduzzi et al., J. Clinical Epidemiology 49, 1996).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.calibration.maps import LogisticMap, sigmoid
from app.calibration.measure import auroc
from app.calibration.regression import fit_logistic
from app.evaluation.intervals import Counts, Estimate, statistic_interval
from app.evaluation.records import QuestionRecord
from app.evaluation.risk_coverage import aurc, losses_of_answering, paired_areas

Floats = npt.NDArray[np.float64]

_MOST = 20
_PER_SCORE = 10  # questions of the rarer kind for each score the model looks at
_RIDGE = 1e-2


@dataclass(frozen=True, slots=True)
class SortedScores:
    """p_answerable from the `width` best raw scores of one scorer; fitted on `questions` labelled ones."""

    scorer: str
    width: int
    questions: int
    fitted: LogisticMap

    def apply(self, record: QuestionRecord) -> float | None:
        """p_answerable (0..1); None where there are no scores. Raises ValueError for another scorer's record."""
        if record.scorer != self.scorer:
            raise ValueError(f"fitted on the scores of {self.scorer}, not of {record.scorer}")
        best = _best(record, self.width)
        if best is None:
            return None
        features = {name: best[at : at + 1] for at, name in enumerate(_names(self.width)) if name in self.fitted.names}
        return float(sigmoid(self.fitted.log_odds(features))[0])


def fit_sorted_scores(records: Sequence[QuestionRecord]) -> SortedScores:
    """Fit on questions of which it is known whether the library answers them; both kinds weigh the same.

    Raises ValueError without ten of each kind, or when the records come from several scorers: raw scores of different
    scorers are never compared.
    """
    known = [r for r in records if r.answerable is not None and r.scorer is not None]
    known = [r for r in known if _best(r, 1) is not None]
    scorers = {r.scorer for r in known}
    if len(scorers) > 1:
        raise ValueError("the records come from several scorers")
    labels = np.asarray([float(bool(r.answerable)) for r in known])
    rarer = int(min(labels.sum(), len(labels) - labels.sum())) if known else 0
    if rarer < _PER_SCORE:
        raise ValueError(f"fitting takes {_PER_SCORE} answerable and {_PER_SCORE} unanswerable questions")
    width = min(_MOST, rarer // _PER_SCORE, max(len(r.candidates) for r in known))
    rows = np.stack([best for r in known if (best := _best(r, width)) is not None])
    weights = np.where(labels == 1.0, 0.5 / labels.sum(), 0.5 / (1.0 - labels).sum())
    names = _names(width)
    fitted = fit_logistic({n: rows[:, at] for at, n in enumerate(names)}, names, labels, weights, ridge=_RIDGE)
    return SortedScores(str(next(iter(scorers))), width, len(known), fitted)


@dataclass(frozen=True, slots=True)
class Rival:
    """One way to decide when to refuse, on held-out questions, and the fitted model's differences to it.

    `auroc`: answerable against unanswerable. `area`: under the risk-coverage curve, lower is better. `auroc_gain` and
    `area_change` are the fitted model minus this rival, on the same questions.
    """

    name: str
    auroc: Estimate | None
    area: Estimate | None
    auroc_gain: Estimate | None
    area_change: Estimate | None

    @property
    def beaten(self) -> bool:
        """The fitted model's area is smaller beyond noise, and its AUROC no lower."""
        area, gain = self.area_change, self.auroc_gain
        return area is not None and area.below_zero and gain is not None and gain.value >= 0.0


@dataclass(frozen=True, slots=True)
class AbstentionComparison:
    """The fitted model against the top score and p_answerable, over `questions` held-out ones."""

    questions: int
    auroc: Estimate | None
    area: Estimate | None
    rivals: tuple[Rival, ...]

    @property
    def wins(self) -> bool:
        """Whether to use the fitted model: only where it beats every rival."""
        return bool(self.rivals) and all(rival.beaten for rival in self.rivals)


def compare_abstention(
    model: SortedScores, held_out: Sequence[QuestionRecord], chunks: int = 5
) -> AbstentionComparison:
    """Compare on questions the model was not fitted on. `chunks` is how many passages an answer would be given.

    A rival without a value on some question is left out. Questions of which nothing is known count nowhere.
    """
    losses = losses_of_answering(held_out, chunks)
    values = [(r, model.apply(r)) for r in held_out if r.id in losses]
    known = [(r, p) for r, p in values if p is not None]
    judged = _Judged(
        ours=np.asarray([p for _, p in known]),
        losses=np.asarray([losses[r.id] for r, _ in known]),
        labels=np.asarray([float(r.answerable is not False) for r, _ in known]),
    )
    rivals: Mapping[str, list[float | None]] = {
        "top score": [None if (best := _best(r, 1)) is None else float(best[0]) for r, _ in known],
        "p_answerable": [r.p_answerable for r, _ in known],
    }
    return AbstentionComparison(
        questions=len(known),
        auroc=judged.auroc(judged.ours),
        area=judged.area(judged.ours),
        rivals=tuple(
            judged.against(name, np.asarray(theirs, dtype=np.float64))
            for name, theirs in rivals.items()
            if known and None not in theirs
        ),
    )


def choose_abstention(model: SortedScores, comparison: AbstentionComparison) -> SortedScores | None:
    """The fitted model where it won on held-out questions, else None: the gate keeps what it has."""
    return model if comparison.wins else None


@dataclass(frozen=True, slots=True)
class _Judged:
    """The held-out questions: the fitted model's p, the loss of answering, 1 where the library answers."""

    ours: Floats
    losses: Floats
    labels: Floats

    def auroc(self, values: Floats) -> Estimate | None:
        return self._over(lambda drawn: auroc(values[drawn], self.labels[drawn]))

    def area(self, values: Floats) -> Estimate | None:
        return self._over(lambda drawn: aurc(values[drawn], self.losses[drawn]))

    def against(self, name: str, theirs: Floats) -> Rival:
        def gain(drawn: Counts) -> float | None:
            labels = self.labels[drawn]
            mine, other = auroc(self.ours[drawn], labels), auroc(theirs[drawn], labels)
            return None if mine is None or other is None else mine - other

        return Rival(
            name, self.auroc(theirs), self.area(theirs), self._over(gain), paired_areas(theirs, self.ours, self.losses)
        )

    def _over(self, statistic: Callable[[Counts], float | None]) -> Estimate | None:
        return statistic_interval(statistic, self.losses.size) if self.losses.size else None


def _names(width: int) -> tuple[str, ...]:
    return tuple(f"score_{place}" for place in range(1, width + 1))


def _best(record: QuestionRecord, width: int) -> Floats | None:
    """The best raw scores, best first; fewer candidates repeat the last. None without a score."""
    known = np.sort(np.asarray([c.raw for c in record.candidates if c.raw is not None], dtype=np.float64))[::-1]
    return np.pad(known[:width], (0, max(0, width - known.size)), mode="edge") if known.size else None
