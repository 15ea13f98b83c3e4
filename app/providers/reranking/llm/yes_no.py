"""A chat model as a pointwise reranker: "does this passage answer the question?", and how sure it is of Yes.

One call a passage; the score is p(yes) / (p(yes) + p(no)) over the likeliest first tokens, spellings summed (Nogueira
et al., Document ranking with a pretrained sequence-to-sequence model, 2020, in chat form). It says how the model hears
the question, not how often it is right: bounded, and no probability until it is calibrated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from app.domain import Scale, Score, ScorerProfile
from app.errors import ProviderRejected
from app.providers.openai_embedding import estimated_tokens
from app.providers.reranking.llm.client import LlmClient
from app.providers.reranking.llm.prompts import fenced, fill, prompt, windows_of_text
from app.settings import Settings

KIND = "llm-yes-no"
_SYSTEM, _USER = "rerank_yes_no_system", "rerank_yes_no_user"
_ALTERNATIVES = 20  # the most that the API gives
_MARKS = " \t\r\n\u0120\u2581\u00a0\"'`*.:,!()[]"  # with the signs some tokenizers write for a blank
_LEAST_ROOM = 256  # tokens a passage gets, however long the question


class LlmYesNo:
    """Pointwise and bounded. Several calls at a time; a long passage is windowed and the maximum taken."""

    def __init__(self, model: str, settings: Settings) -> None:
        """Raises ProviderAuth where a key is needed and missing."""
        self._client = client = LlmClient(KIND, model, settings)
        self._system = prompt(_SYSTEM)
        self.profile = ScorerProfile(
            id=client.scorer_id("yes-share", (_SYSTEM, _USER), client.window),
            label=f"{model}, asked for yes or no",
            scale=Scale.BOUNDED,
            pointwise=True,
        )

    def score(self, question: str, passages: Sequence[str]) -> list[Score]:
        """0..1 a passage; None where the model would not say. Raises ProviderError, ProviderRejected without logprobs.

        One passage's failure is the failure of all: a passage must not lose its place because its call was lost.
        """
        if not passages:
            return []
        client = self._client
        asked = windows_of_text(question, client.window // 2)[0]
        frame = estimated_tokens(self._system + prompt(_USER) + asked) + 16
        pieces = [windows_of_text(passage, max(_LEAST_ROOM, client.window - frame)) for passage in passages]
        found = iter(client.all([partial(self._ask, asked, piece) for own in pieces for piece in own]))
        scores = [Score(_best([next(found) for _ in own]), windows=len(own)) for own in pieces]
        if all(score.raw is None for score in scores):
            raise client.nonsense("neither Yes nor No for any passage; a model that thinks aloud cannot be asked this")
        return scores

    def _ask(self, question: str, passage: str) -> float | None:
        user = fill(prompt(_USER), {"question": fenced(question), "passage": fenced(passage)})
        return self._client.chat(self._system, user, 1, self._share, logprobs=True, top_logprobs=_ALTERNATIVES)

    def _share(self, choice: Mapping[str, Any]) -> float | None:
        if choice.get("finish_reason") == "content_filter":
            return None
        logprobs = choice.get("logprobs")
        content = logprobs.get("content") if isinstance(logprobs, dict) else None
        if not isinstance(content, list) or not content or not isinstance(content[0], dict):
            raise ProviderRejected(
                f"{self._client.name} gives no log-probabilities with {self._client.model}.",
                hint=f"Choose a model and server that do, or RERANKER=llm-listwise:{self._client.model}, "
                "which needs none.",
            )
        found = content[0].get("top_logprobs") or [content[0]]
        if not isinstance(found, list):
            raise self._client.nonsense("log-probabilities that are no list")
        return yes_share([(self._token(each), self._logprob(each)) for each in found])

    def _token(self, each: Any) -> str:
        token = each.get("token") if isinstance(each, dict) else None
        if not isinstance(token, str):
            raise self._client.nonsense(f"the token {token!r}")
        return token

    def _logprob(self, each: Any) -> float:
        value = each.get("logprob")
        if not isinstance(value, int | float) or isinstance(value, bool) or not value <= 1e-3:  # NaN as well
            raise self._client.nonsense(f"the log-probability {value!r}")
        return min(0.0, float(value))


def yes_share(alternatives: Iterable[tuple[str, float]]) -> float | None:
    """p(yes) / (p(yes) + p(no)) of the first token, from (token, log-probability); None where neither is likely.

    Case, blanks and marks around a word do not matter: its spellings are summed.

    >>> yes_share([("Yes", math.log(0.5)), (" yes", math.log(0.1)), ("No", math.log(0.2)), ("Perhaps", -1.0)])
    0.75
    >>> yes_share([("Perhaps", -0.1)]) is None
    True
    """
    yes = no = 0.0
    for token, logprob in alternatives:
        word = token.strip(_MARKS).lower()
        if word == "yes":
            yes += math.exp(logprob)
        elif word == "no":
            no += math.exp(logprob)
    return round(yes / (yes + no), 12) if yes + no > 0 else None


def _best(shares: Sequence[float | None]) -> float | None:
    return max((share for share in shares if share is not None), default=None)
