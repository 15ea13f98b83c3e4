"""Cohere's rerank API, version 2 (docs.cohere.com/reference/rerank), and servers that speak it.

Scores are 0..1 and depend on the question: good for order, not probabilities until they are calibrated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from app.domain import Scale, Score, ScorerId, ScorerProfile
from app.errors import ProviderAuth, ProviderNonsense
from app.metering import billed, paid_to
from app.providers.failures import Service, provider_errors, retry_within
from app.settings import Settings

_PUBLIC = "https://api.cohere.com"
_WINDOWS = {"rerank-v3.5": 4096, "rerank-english-v3.0": 4096, "rerank-multilingual-v3.0": 4096}
_LONG_WINDOW = 32768  # v4 and v5
_TOLERANCE = 1e-6  # servers round
_BLANK = "-"  # stands in for an empty text, which the API refuses


class CohereScorer:
    """Pointwise and bounded. One request a question; the server cuts or windows long passages itself."""

    def __init__(self, model: str, settings: Settings) -> None:
        """Raises ProviderAuth without a key for Cohere itself; another base URL needs none."""
        import cohere

        key, base = settings.cohere_api_key, settings.cohere_base_url
        if key is None and base is None:
            raise ProviderAuth("Cohere needs a key.", hint="Set COHERE_API_KEY in .env or the environment.")
        self._model = model
        self._seconds = settings.reranker_timeout
        secret = None if key is None else key.get_secret_value()
        self._provider = paid_to(base, "cohere", "api.cohere.com", "api.cohere.ai")
        self._service = Service(
            name="Cohere" if base is None else f"The reranker at {urlsplit(base).netloc}",
            key_setting="COHERE_API_KEY",
            url_setting="COHERE_BASE_URL",
            timeout_setting="RERANKER_TIMEOUT",
            model_setting="RERANKER",
            secret=secret,
        )
        self._client = cohere.ClientV2(
            api_key=secret if secret is not None else "not-needed",
            base_url=base if base is not None else _PUBLIC,  # the SDK would read the environment
            timeout=settings.reranker_timeout,
            max_retries=0,  # retry_within does it, and keeps to the limit
            log_warning_experimental_features=False,
        )
        self.profile = ScorerProfile(
            id=ScorerId(
                provider="cohere",
                model=model,
                revision="" if base is None else urlsplit(base).netloc,
                activation="relevance",
                window=_WINDOWS.get(model, _LONG_WINDOW),
            ),
            label=f"Cohere {model}",
            scale=Scale.BOUNDED,
            pointwise=True,
        )

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """Relevance 0..1 of each passage. Raises ProviderError; an answer that does not fit is ProviderNonsense."""
        if not passages:
            return []
        documents = [passage if passage.strip() else _BLANK for passage in passages]
        query = question if question.strip() else _BLANK

        def ask() -> list[Score]:
            with billed(self._provider, self._model) as bill:
                with provider_errors(self._service):
                    answer = self._client.rerank(
                        model=self._model, query=query, documents=documents, top_n=len(documents)
                    )
                bill.units = _units(answer)
                results = getattr(answer, "results", None)
                if not isinstance(results, list):
                    raise self._nonsense("no list of results")
                return self._in_order(results, len(documents))

        return retry_within(self._seconds, ask)

    def _in_order(self, results: Iterable[object], count: int) -> list[Score]:
        """Results may come in any order; every passage must have exactly one finite score."""
        found: dict[int, float] = {}
        for result in results:
            index, raw = getattr(result, "index", None), getattr(result, "relevance_score", None)
            if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
                raise self._nonsense(f"a result for passage {index!r} of {count}")
            if index in found:
                raise self._nonsense(f"two results for passage {index}")
            if not isinstance(raw, int | float) or isinstance(raw, bool) or not math.isfinite(raw):
                raise self._nonsense(f"the score {raw!r}")
            if not -_TOLERANCE <= raw <= 1 + _TOLERANCE:
                raise self._nonsense(f"the score {raw}, which is not between 0 and 1")
            found[index] = min(1.0, max(0.0, float(raw)))
        if len(found) != count:
            raise self._nonsense(f"{len(found)} results for {count} passages")
        return [Score(found[index]) for index in range(count)]

    def _nonsense(self, what: str) -> ProviderNonsense:
        return ProviderNonsense(
            f"{self._service.name} answered with {what}.",
            hint="Check COHERE_BASE_URL and RERANKER, or choose another reranker.",
        )


def _units(answer: object) -> dict[str, float] | None:
    """What the answer says is billed (`meta.billed_units`): searches, or tokens for the models that are sold by tokens.

    Cohere counts a search for up to 100 documents, and a long document as several; its count is taken as it is.
    """
    billed_units = getattr(getattr(answer, "meta", None), "billed_units", None)
    names = {"search_units": "searches", "input_tokens": "input_tokens", "output_tokens": "output_tokens"}
    counts = {unit: getattr(billed_units, name, None) for name, unit in names.items()}
    found = {unit: float(count) for unit, count in counts.items() if isinstance(count, int | float) and count > 0}
    return found or None
