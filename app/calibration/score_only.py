"""The plain order of a scorer: its calibration's score-only map in place of the fused map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain import CalibrationKind, GatePolicy, Judgement, Retrieved, Score
from app.ports import Calibration


@dataclass(frozen=True, slots=True)
class ScoreOnly:
    """A calibration that is shown the scores and no retrieval evidence. A `Calibration`."""

    inner: Calibration

    @property
    def kind(self) -> CalibrationKind:
        return self.inner.kind

    @property
    def note(self) -> str:
        """Says so, and that the thresholds are the fused map's: their error was measured with it, and not without."""
        return f"{self.inner.note}; by the score alone, without the fused map its thresholds were measured with"

    @property
    def policy(self) -> GatePolicy:
        """The thresholds, which are probabilities either way, without the measured errors of the fused map."""
        return replace(self.inner.policy, keeps_relevant=None, answer_note="")

    def judge(self, retrieved: Retrieved, scores: Sequence[Score]) -> Judgement:
        """p and p_answerable from the scores alone; the order is that of the raw scores, ties in retrieval order."""
        return self.inner.judge(_without_evidence(retrieved), scores)

    def evidence(self, retrieved: Retrieved) -> Judgement:
        """Unchanged: the fourth arm is retrieval evidence alone."""
        return self.inner.evidence(retrieved)


def score_only(calibration: Calibration) -> Calibration:
    """The calibration by its score-only map. One that knows nothing of p has the plain order already."""
    return calibration if calibration.kind == "none" else ScoreOnly(calibration)


def _without_evidence(retrieved: Retrieved) -> Retrieved:
    bare = tuple(replace(c, cosine=None, bm25=None, bm25_share=None, matched=frozenset()) for c in retrieved.candidates)
    return replace(retrieved, candidates=bare, term_weights=(), lexical_available=False)
