"""Cohere's rerank API, version 2 (docs.cohere.com/reference/rerank), on Azure too, and servers that speak it.

Scores are 0..1 and depend on the question: good for order, not probabilities until they are calibrated (for the fifth
generation Cohere says they are: to be checked, not believed). That generation also says which stretches of a passage
mattered, in characters; they are asked for and handed on. What a server of someone else's answers with can be declared
(RERANKER_SCALE).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

from app import patience
from app.addresses import host_of
from app.domain import Scale, Score, ScorerId, ScorerProfile, Span
from app.errors import ProviderAuth, ProviderNonsense
from app.metering import billed, paid_to
from app.providers.asking import ask
from app.providers.failures import Service, provider_errors
from app.providers.reranking.hosted.answer import OffAnswer, counted, one_each
from app.providers.reranking.hosted.limits import Limits, sendable
from app.providers.reranking.hosted.scorer import RANGES
from app.providers.wire import http_client
from app.settings import Settings

_PUBLIC = "https://api.cohere.com"
_GENERATION = re.compile(r"rerank-(?:[a-z]+-)?v(\d+)", re.IGNORECASE)  # also in names of Azure's deployments
_DOCUMENTS = 1000  # a call may hold 10,000, and is advised to hold this many
_SHORT_WINDOW, _LONG_WINDOW = 4096, 32768  # tokens: up to the third generation, and since
_DOCUMENT = 4096  # tokens of a passage that are read unless a call says otherwise (max_tokens_per_doc)
_SPANS = {"mode": "enabled", "threshold": 0.1, "max_spans": 3}  # the threshold is Cohere's default


def generation(model: str) -> int | None:
    """The generation a name tells; None where it does not.

    >>> generation("rerank-multilingual-v3.0"), generation("Cohere-rerank-v4.0-pro"), generation("my-model")
    (3, 4, None)
    """
    found = _GENERATION.search(model)
    return None if found is None else int(found[1])


def limits_of(model: str) -> Limits:
    """What a call to a model may hold; the window of a model that is not known by its name is not known."""
    of = generation(model)
    if of is None:
        return Limits(documents=_DOCUMENTS)
    return Limits(documents=_DOCUMENTS, window=_SHORT_WINDOW if of <= 3 else _LONG_WINDOW, document=_DOCUMENT)


class CohereScorer:
    """Pointwise and bounded. The service cuts long passages; a thousand a request, more are split."""

    def __init__(self, model: str, settings: Settings) -> None:
        """Raises ProviderAuth without a key for Cohere itself; another base URL needs none."""
        import cohere

        key, base = settings.cohere_api_key, settings.cohere_base_url
        if key is None and base is None:
            raise ProviderAuth("Cohere needs a key.", hint="Set COHERE_API_KEY in .env or the environment.")
        self._model = model
        self._seconds = settings.reranker_timeout
        self._marks = (generation(model) or 0) >= 5
        self._limits = limits_of(model)
        secret = None if key is None else key.get_secret_value()
        self._provider = paid_to(base, "cohere", "api.cohere.com", "api.cohere.ai")
        self._service = Service(
            name="Cohere" if base is None else f"The reranker at {host_of(base)}",
            key_setting="COHERE_API_KEY",
            url_setting="COHERE_BASE_URL",
            timeout_setting="RERANKER_TIMEOUT",
            model_setting="RERANKER",
            secret=secret,
            at=host_of(_PUBLIC if base is None else base),
        )
        self._client = cohere.ClientV2(
            api_key=secret if secret is not None else "not-needed",
            base_url=base if base is not None else _PUBLIC,  # the SDK would read the environment
            httpx_client=http_client(settings.reranker_timeout),
            max_retries=0,  # `ask` does it, and keeps to the limit
            log_warning_experimental_features=False,
        )
        declared = None if base is None else settings.reranker_scale
        self._scale = Scale(declared or Scale.BOUNDED)
        self.profile = ScorerProfile(
            id=ScorerId(
                provider="cohere",
                model=model,
                revision="" if base is None else host_of(base),
                activation=f"declared {self._scale}" if declared else "relevance",
                window=self._limits.window,
            ),
            label=f"Cohere {model}",
            scale=self._scale,
            pointwise=True,
        )

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """Relevance of each passage, 0..1 unless another scale is declared.

        Raises ProviderError; an answer that does not fit is ProviderNonsense.
        """
        query, texts = sendable(question), [sendable(passage) for passage in passages]
        scores: list[Score] = []
        with patience.within(self._seconds):
            for batch in self._limits.batches(query, texts):
                scores += self._asked(query, batch)
        return scores

    def _asked(self, query: str, batch: list[str]) -> list[Score]:
        def once() -> list[Score]:
            with billed(self._provider, self._model) as bill:
                with provider_errors(self._service):
                    answer = self._request(query, batch)
                bill.units = _units(answer)
                try:
                    return self._read(answer, query, batch)
                except OffAnswer as error:
                    raise self._nonsense(str(error)) from error

        return ask(self._service, once, seconds=self._seconds)

    def _request(self, query: str, batch: list[str]) -> object:
        more: dict[str, Any] = {}
        if self._marks:
            from cohere import RerankRelevantSpans

            more["relevant_spans"] = RerankRelevantSpans(**_SPANS)
        return self._client.rerank(model=self._model, query=query, documents=batch, top_n=len(batch), **more)

    def _read(self, answer: object, query: str, batch: list[str]) -> list[Score]:
        results = getattr(answer, "results", None)
        if not isinstance(results, list):
            raise OffAnswer("no list of results")
        found = [(getattr(r, "index", None), getattr(r, "relevance_score", None)) for r in results]
        raw = one_each(found, len(batch), *RANGES[self._scale])
        marks = {r.index: r for r in results}  # an index each, all of them in the batch: checked
        return [
            Score(
                raw[place],
                spans=_spans(getattr(marks[place], "relevant_spans", None), len(text)),
                truncated=self._limits.surely_cut(query, text),
            )
            for place, text in enumerate(batch)
        ]

    def _nonsense(self, what: str) -> ProviderNonsense:
        return ProviderNonsense(
            f"{self._service.name} answered with {what}.",
            hint="Check COHERE_BASE_URL, RERANKER and RERANKER_SCALE, or choose another reranker.",
        )


def _spans(found: object, length: int) -> tuple[Span, ...]:
    """What the answer marks in a passage of so many characters. Raises OffAnswer for a place that is not in it."""
    if not isinstance(found, Iterable) or isinstance(found, str):
        return ()
    spans = []
    for mark in found:
        start, end, score = (
            mark.get(name) if isinstance(mark, dict) else getattr(mark, name, None)
            for name in ("start", "end", "score")
        )
        if not _whole(start) or not _whole(end) or not 0 <= start < end <= length:
            raise OffAnswer(f"a marked stretch {start!r} to {end!r} of a passage of {length} characters")
        if not isinstance(score, int | float) or not math.isfinite(score):
            raise OffAnswer(f"the score {score!r} for a marked stretch")
        spans.append(Span(start, end, float(score)))
    return tuple(spans)


def _whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _units(answer: object) -> dict[str, float] | None:
    """What the answer says is billed (`meta.billed_units`): searches, or tokens for the models that are sold by tokens.

    Cohere counts a search for up to 100 documents, and a long document as several; its count is taken as it is.
    """
    found = getattr(getattr(answer, "meta", None), "billed_units", None)
    names = {"searches": "search_units", "input_tokens": "input_tokens", "output_tokens": "output_tokens"}
    told = {name: getattr(found, name, None) for name in names.values()}
    return counted(told, {unit: (name,) for unit, name in names.items()})
