"""Labelled questions as a calibration is fitted on them, and as it judges them unseen. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.calibration.features import (
    PASSAGE_FEATURES,
    QUESTION_FEATURES,
    View,
    evidence_of,
    passage_features,
    question_features,
)
from app.domain import Judgement, Retrieved, Score

Floats = npt.NDArray[np.float64]
Kind = Literal["answerable", "near_miss", "off_topic", "lookalike"]


@dataclass(frozen=True, slots=True)
class Observation:
    """One labelled question. `raw` and `relevant` follow the candidates; `raw` is None where no scorer ran.

    `group` is what must not be split between fitting and measuring. `kind` says how an unanswerable question came
    about: its document left out ("near_miss"), asked of another library ("off_topic"), or written to look answerable
    ("lookalike"). `for_p` is False where the question only serves p_answerable. `marked` are the chunks of passages
    that the labels call relevant, where that is more than the chunks known to hold the answer; None: it is the same.
    `way`: where the documents of a group are asked in several ways, which of them. `at_once`: how many questions this
    one is made of.
    """

    group: str
    kind: Kind
    retrieved: Retrieved
    relevant: tuple[bool, ...]
    raw: tuple[float | None, ...] | None = None
    for_p: bool = True
    marked: tuple[bool, ...] | None = None
    way: str = ""
    at_once: int = 1

    @property
    def labels(self) -> tuple[bool, ...]:
        """What p is the probability of: that the labels call the passage a chunk comes from relevant."""
        return self.relevant if self.marked is None else self.marked

    @property
    def answerable(self) -> bool:
        return self.kind == "answerable"

    def scores(self) -> tuple[Score, ...]:
        return tuple(Score(raw) for raw in self.raw or (None,) * len(self.relevant))


@dataclass(frozen=True, slots=True)
class Row:
    """An observation with its features, worked out once for all the fits it takes part in."""

    observation: Observation
    passage: Mapping[str, Floats]
    question: Mapping[str, float]

    def allows(self, view: View) -> bool:
        """Whether everything the view looks at is known here."""
        return all(name in self.passage for name in PASSAGE_FEATURES[view]) and all(
            name in self.question for name in QUESTION_FEATURES[view]
        )


def rows_of(observations: Iterable[Observation]) -> list[Row]:
    """Features of each observation; those of its scorer are absent where none ran."""
    rows = []
    for observation in observations:
        evidence = evidence_of(observation.retrieved, observation.raw)
        rows.append(Row(observation, passage_features(evidence), question_features(evidence)))
    return rows


@dataclass(frozen=True, slots=True)
class Unseen:
    """A question judged by maps that were fitted without its group."""

    observation: Observation
    judgement: Judgement
