"""A reranker that lives inside a search index elsewhere: it scores rows of that index and takes no text.

What it is given instead of passages are the rows' keys: the library holds an export of the index, with the key as a
metadata column (`ScorerProfile.reads`). A candidate that is no row, or that the index does not return, has no score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app import patience
from app.domain import Score, ScorerProfile
from app.errors import ProviderRejected
from app.metering import billed
from app.providers.http import HttpService
from app.providers.reranking.hosted.answer import OffAnswer, found_of
from app.providers.reranking.hosted.limits import sendable
from app.providers.reranking.hosted.scorer import RANGES


class NoRows(ProviderRejected):
    """The index answered, and none of the candidates is a row of it."""


@dataclass(frozen=True, slots=True)
class IndexWire:
    """The wire format of one index: `body` of question and keys, `rows` (key, score) of the parsed answer."""

    path: str
    body: Callable[[str, Sequence[str]], dict[str, object]]
    rows: Callable[[object], list[tuple[object, object]]]
    params: dict[str, str] | None = None


class IndexScorer:
    """A `Scorer` whose passages are keys. `most`: rows that are reranked together."""

    def __init__(
        self, service: HttpService, wire: IndexWire, profile: ScorerProfile, *, most: int, paid_to: str, seconds: float
    ) -> None:
        self.profile = profile
        self._service = service
        self._wire = wire
        self._most = most
        self._paid_to = paid_to
        self._seconds = seconds

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """The score of each row by its key; None where the index gave none. Several chunks of a row share its score.

        Raises ProviderError: NoRows where not one of the keys is a row of the index, ProviderRejected where there are
        more than are reranked together.
        """
        keys = list(dict.fromkeys(key for key in passages if key.strip()))
        if not passages:
            return []
        if len(keys) > self._most:
            raise ProviderRejected(
                f"{self.profile.label} reranks at most {self._most} rows together; there are {len(keys)}.",
                hint=f"Set CANDIDATES={self._most} or less.",
            )
        found = dict(zip(keys, self._asked(sendable(question), keys), strict=True)) if keys else {}
        if all(score is None for score in found.values()):
            raise NoRows(
                f"{self.profile.label} scored none of the {len(passages)} candidates: they are no rows of it.",
                hint=f"The library must hold an export of that index, with the column {', '.join(self.profile.reads)};"
                " see docs/hosted-rerankers.md.",
            )
        return [Score(found.get(key)) for key in passages]

    def _asked(self, question: str, keys: Sequence[str]) -> list[float | None]:
        wire = self._wire
        with patience.within(self._seconds), billed(self._paid_to, self.profile.id.model) as bill:
            answer = self._service.post(wire.path, wire.body(question, keys), params=wire.params)
            bill.units = None  # neither says what a query used
            try:
                return found_of(wire.rows(answer), keys, *RANGES[self.profile.scale])
            except OffAnswer as error:
                raise self._service.nonsense(str(error)) from error
