"""A reranker behind JSON over HTTP: what all have in common. What differs is in a `Wire`, one file a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app import patience
from app.domain import Scale, Score, ScorerProfile
from app.errors import ProviderRejected
from app.metering import billed
from app.providers.http import HttpService
from app.providers.reranking.hosted.answer import OffAnswer, Row, one_each
from app.providers.reranking.hosted.limits import Limits, sendable

RANGES: Mapping[Scale, tuple[float | None, float | None]] = {
    Scale.LOGIT: (None, None),
    Scale.PROBABILITY: (0.0, 1.0),
    Scale.BOUNDED: (0.0, 1.0),
    Scale.ORDINAL: (0.0, 4.0),
    Scale.RANK_ONLY: (None, None),
}


def no_units(answer: object) -> None:
    """For services that do not say what they used."""


@dataclass(frozen=True, slots=True)
class Wire:
    """The wire format of one service: pure functions. `body` of question and passages (none of them empty), `rows` and
    `units` of the parsed answer; `units` as in `Usage`, None where it does not say."""

    path: str
    body: Callable[[str, Sequence[str]], dict[str, object]]
    rows: Callable[[object], list[Row]]
    units: Callable[[object], Mapping[str, float] | None] = no_units


class HostedScorer:
    """A `Scorer`. Pointwise ones are asked in batches; a listwise one gets all passages at once or none."""

    def __init__(
        self, service: HttpService, wire: Wire, profile: ScorerProfile, limits: Limits, *, paid_to: str, seconds: float
    ) -> None:
        """`paid_to`: whose prices apply. `seconds`: for one question, all batches and attempts together."""
        self.profile = profile
        self.limits = limits
        self._service = service
        self._wire = wire
        self._paid_to = paid_to
        self._seconds = seconds

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """One score a passage on the declared scale. Raises ProviderError; an answer that does not fit is
        ProviderNonsense, and ProviderRejected is more passages than a listwise service ranks together."""
        if not passages:
            return []
        query, texts = sendable(question), [sendable(passage) for passage in passages]
        most = self.limits.documents
        if not self.profile.pointwise and 0 < most < len(texts):
            raise ProviderRejected(
                f"{self.profile.label} ranks at most {most} passages together; there are {len(texts)}.",
                hint=f"Set CANDIDATES={most} or less, or choose a reranker that judges each passage alone.",
            )
        raw: list[float] = []
        with patience.within(self._seconds):
            for batch in self.limits.batches(query, texts):
                raw += self._asked(query, batch)
        return [
            Score(value, truncated=self.limits.surely_cut(query, text)) for value, text in zip(raw, texts, strict=True)
        ]

    def _asked(self, query: str, batch: Sequence[str]) -> list[float]:
        with billed(self._paid_to, self.profile.id.model) as bill:
            answer = self._service.post(self._wire.path, self._wire.body(query, batch))
            bill.units = self._wire.units(answer)
            try:
                return one_each(self._wire.rows(answer), len(batch), *RANGES[self.profile.scale])
            except OffAnswer as error:
                raise self._service.nonsense(str(error)) from error
