"""A chat model as a listwise reranker: it is shown the passages and writes their order (`permutation`).

Ranks, and nothing but ranks: there is no number that a threshold could be held against, so the gate keeps by rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.domain import Scale, Score, ScorerProfile
from app.providers.openai_embedding import estimated_tokens
from app.providers.reranking.llm.client import LlmClient
from app.providers.reranking.llm.permutation import numbers_in, ranked
from app.providers.reranking.llm.prompts import fenced, fill, numbered, prompt, windows_of_text
from app.settings import Settings

KIND = "llm-listwise"
_SYSTEM, _USER = "rerank_listwise_system", "rerank_listwise_user"
_WINDOW = 20  # passages in one call
_LEAST = 4  # passages in one call, however long they are: they are cut to fit
_PASSAGE = 600  # tokens of one passage that are shown
_FENCE = 24  # tokens of a passage's fence
_ANSWER = 8  # tokens a number takes in the answer


class LlmListwise:
    """Listwise ranks: the first passage scores -1, the second -2; None for those that the model did not name."""

    def __init__(self, model: str, settings: Settings) -> None:
        """Raises ProviderAuth where a key is needed and missing."""
        self._client = client = LlmClient(KIND, model, settings)
        self._system = prompt(_SYSTEM)
        self.profile = ScorerProfile(
            id=client.scorer_id("permutation", (_SYSTEM, _USER), _PASSAGE),
            label=f"{model}, asked for an order",
            scale=Scale.RANK_ONLY,
            pointwise=False,
        )

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """The rank of each passage, negated. Raises ProviderError; no order at all is ProviderNonsense.

        Of a passage longer than 600 tokens only the beginning is shown (less where the model's window is small).
        """
        if not passages:
            return []
        client = self._client
        asked = windows_of_text(question, client.window // 4)[0]
        room = client.window - estimated_tokens(self._system + prompt(_USER) + asked) - _ANSWER * _WINDOW
        most = max(32, min(_PASSAGE, room // _LEAST - _FENCE))
        shown = [windows_of_text(passage, most)[0] for passage in passages]
        longest = max(estimated_tokens(text) for text in shown) + _FENCE
        size = max(2, min(_WINDOW, room // longest))

        def whole() -> tuple[list[int], frozenset[int]]:
            return ranked(len(shown), size, lambda window: self._ask(asked, shown, window))

        ((order, missing),) = client.all([whole])
        ranks = {place: rank for rank, place in enumerate(order, 1)}
        return [
            Score(None if place in missing else -float(ranks[place]), truncated=shown[place] != passage)
            for place, passage in enumerate(passages)
        ]

    def _ask(self, question: str, shown: Sequence[str], window: Sequence[int]) -> list[int]:
        if len(window) == 1:
            return list(window)
        passages = numbered([shown[place] for place in window])
        user = fill(prompt(_USER), {"passages": passages, "question": fenced(question), "count": len(window)})
        read = partial(self._named, count=len(window))
        named = self._client.chat(self._system, user, _ANSWER * len(window) + 16, read)
        return [window[place] for place in named]

    def _named(self, choice: Mapping[str, Any], *, count: int) -> list[int]:
        message = choice.get("message")
        text = message.get("content") if isinstance(message, dict) else None
        if not isinstance(text, str):
            raise self._client.nonsense("no text")
        found = numbers_in(text, count)
        if not found:
            raise self._client.nonsense("no order of the passages")
        return found
