"""OpenAI's Decisions API (`POST /v1/decisions`, public beta) as a reranker: one request, one statement a passage.

All passages are the input, and for each the API says how probable "passage n answers the question" is. They are read
together, so a score depends on its company: listwise. The wire format is that of the SDK's types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.domain import Scale, Score, ScorerProfile
from app.providers.openai_embedding import estimated_tokens
from app.providers.reranking.llm.client import LlmClient
from app.providers.reranking.llm.prompts import fenced, fill, numbered, prompt, windows_of_text
from app.settings import Settings

KIND = "openai-decisions"
_INPUT, _QUESTION = "rerank_decisions_input", "rerank_decisions_question"
_MOST_QUESTIONS = 400  # a request
_MOST_TOKENS = 100_000  # of one request's input; the API publishes no limit
_PASSAGE = 8_000  # tokens of one passage or window
_TOLERANCE = 1e-6


class OpenAIDecisions:
    """Listwise probabilities of the service's own making; a refusal is a passage without a score."""

    def __init__(self, model: str, settings: Settings) -> None:
        """Raises ProviderAuth where a key is needed and missing."""
        self._client = client = LlmClient(KIND, model, settings)
        self.profile = ScorerProfile(
            id=client.scorer_id("predicate", (_INPUT, _QUESTION), _PASSAGE),
            label=f"OpenAI Decisions {model}",
            scale=Scale.PROBABILITY,
            pointwise=False,
        )

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """0..1 a passage; None where the service refused to say. Raises ProviderError.

        More than one request holds becomes several; a long passage is windowed and the maximum taken.
        """
        if not passages:
            return []
        asked = windows_of_text(question, _PASSAGE)[0]
        pieces = [windows_of_text(passage, _PASSAGE) for passage in passages]
        requests = _requests([piece for own in pieces for piece in own])
        answered = self._client.all([partial(self._ask, asked, request) for request in requests])
        found = iter([each for answers in answered for each in answers])
        scores = []
        for own in pieces:
            values = [value for value in [next(found) for _ in own] if value is not None]
            scores.append(Score(max(values, default=None), windows=len(own)))
        return scores

    def _ask(self, question: str, passages: Sequence[str]) -> list[float | None]:
        text = fill(prompt(_INPUT), {"question": fenced(question), "passages": numbered(passages)})
        questions = [
            {"type": "predicate", "name": f"passage_{n}", "instructions": fill(prompt(_QUESTION), {"number": n})}
            for n in range(1, len(passages) + 1)
        ]
        read = partial(self._in_order, count=len(passages))
        # every question's input is another: writing it into a cache would only cost more
        uncached = {"prompt_cache_options": {"mode": "explicit"}}
        return self._client.post("/decisions", {"input": text, "questions": questions, **uncached}, read)

    def _in_order(self, answer: Mapping[str, Any], *, count: int) -> list[float | None]:
        answers = answer.get("answers")
        if not isinstance(answers, list) or len(answers) != count:
            given = len(answers) if isinstance(answers, list) else "no"
            raise self._client.nonsense(f"{given} answers to {count} questions")
        return [self._probability(each, number) for number, each in enumerate(answers, 1)]

    def _probability(self, each: Any, number: int) -> float | None:
        if not isinstance(each, dict):
            raise self._client.nonsense(f"an answer that is no object for passage {number}")
        kind, name = each.get("type"), each.get("name")
        if name is not None and name != f"passage_{number}":
            raise self._client.nonsense(f"an answer about {name!r} where passage_{number} was asked about")
        if kind == "refusal":
            return None
        value: Any = each.get("probability")
        a_number = isinstance(value, int | float) and not isinstance(value, bool)
        if kind != "predicate" or not a_number or not -_TOLERANCE <= value <= 1 + _TOLERANCE:  # NaN is not
            raise self._client.nonsense(f"the {kind} {value!r}, which is no probability")
        return min(1.0, max(0.0, float(value)))


def _requests(pieces: Sequence[str]) -> list[list[str]]:
    """The pieces in as few requests as their number and length allow."""
    requests: list[list[str]] = []
    size = 0
    for piece in pieces:
        tokens = estimated_tokens(piece) + 50  # its fence and its statement
        if not requests or len(requests[-1]) == _MOST_QUESTIONS or size + tokens > _MOST_TOKENS:
            requests.append([])
            size = 0
        requests[-1].append(piece)
        size += tokens
    return requests
