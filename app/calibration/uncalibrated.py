"""What is known about a scorer nobody calibrated: its order, and nothing more. Refusal works all the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.calibration.features import evidence_of
from app.calibration.fitted import FittedCalibration, by_score, checked
from app.domain import CalibrationKind, GatePolicy, Judgement, Retrieved, Score


@dataclass(frozen=True, slots=True)
class NoCalibration:
    """The raw order, p None; p_answerable from the scorer-independent model where one is at hand. A `Calibration`."""

    from_evidence: FittedCalibration | None = None
    note: str = "uncalibrated: the raw score orders the passages, and p_answerable comes from retrieval alone"
    kind: CalibrationKind = "none"

    @property
    def policy(self) -> GatePolicy:
        """The defaults, with the evidence model's answer_above; nothing is known that could set keep_above."""
        if self.from_evidence is None:
            return GatePolicy()
        proposed = self.from_evidence.policy
        return GatePolicy(answer_above=proposed.answer_above, answer_note=proposed.answer_note)

    def judge(self, retrieved: Retrieved, scores: Sequence[Score]) -> Judgement:
        """The order by raw score (ties and missing scores keep the retrieval order), and p_answerable.

        Raises ProviderNonsense as `FittedCalibration.judge` does.
        """
        count = len(retrieved.candidates)
        raw = checked(scores, count)
        return Judgement(
            p=(None,) * count,
            shares=(None,) * count,
            order=by_score(evidence_of(retrieved, raw), count),
            p_answerable=None if self.from_evidence is None else self.from_evidence.evidence(retrieved).p_answerable,
        )

    def evidence(self, retrieved: Retrieved) -> Judgement:
        """From retrieval evidence alone; without the evidence model the retrieval order."""
        if self.from_evidence is not None:
            return self.from_evidence.evidence(retrieved)
        count = len(retrieved.candidates)
        return Judgement((None,) * count, (None,) * count, tuple(range(count)), None)
