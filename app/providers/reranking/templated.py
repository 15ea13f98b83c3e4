"""A scorer that is shown other fields of a passage than usual: another template, and so another scorer id.

A calibration belongs to what the scorer read. Under another template its scores mean something else, and the thresholds
that were fitted on title, section and text are not used for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain import Score, ScorerProfile
from app.ports import Scorer


def with_template(scorer: Scorer, template: str) -> Scorer:
    """The scorer under an id that names the template ("" is the usual one). One that reads fields of its own, or
    scores nothing, stays what it is."""
    profile = scorer.profile
    own = bool(profile.reads) or profile.id.provider == "none"
    return scorer if own or not template else Templated(scorer, template)


class Templated:
    """The scorer inside, as a `Scorer` with another id."""

    def __init__(self, inner: Scorer, template: str) -> None:
        self._inner = inner
        self.profile: ScorerProfile = replace(inner.profile, id=replace(inner.profile.id, template=template))

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """As the scorer inside."""
        return self._inner.score(question, passages)
