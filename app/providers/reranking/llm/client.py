"""The chat server that LLM rerankers ask: one call or several at a time, their use, and their failures in our words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any, TypeVar

from app import patience
from app.addresses import at_domain, host_of
from app.domain import ScorerId
from app.errors import ProviderAuth, ProviderNonsense
from app.metering import billed, paid_to, summed
from app.providers.failures import Service
from app.providers.http import HttpService
from app.providers.reranking.llm.prompts import digest_of, prompt
from app.settings import Settings

Result = TypeVar("Result")

_PUBLIC = "https://api.openai.com/v1"
_UNKNOWN_WINDOW = 4096  # what small local servers serve by default
_HOSTED_WINDOW = 16_384  # OpenAI's models read far more; windows of a passage need no more
_THOUGHT = 2000  # tokens of thinking, which count as part of the answer
_THINKS = re.compile(r"^(o\d|gpt-5(-|$))")  # cannot be told not to
_MAY_THINK = re.compile(r"^gpt-(5\.\d|[6-9])")


class LlmClient:
    """An OpenAI-compatible server as an LLM reranker sees it. May be called from several threads."""

    def __init__(self, kind: str, model: str, settings: Settings) -> None:
        """`kind` is the setting's name for the way of asking. Raises ProviderAuth without a key for OpenAI itself."""
        own = settings.llm_reranker_base_url is not None
        base = settings.llm_reranker_base_url if own else settings.openai_base_url
        own_key = own or settings.llm_reranker_api_key is not None  # another server never gets the chat's key
        key = settings.llm_reranker_api_key if own_key else settings.openai_api_key
        if key is None and base is None:
            raise ProviderAuth(f"{kind} needs a key for OpenAI.", hint="Set OPENAI_API_KEY in .env or the environment.")
        self._kind, self.model = kind, model
        self.host = "" if base is None else host_of(base)
        self.elsewhere = base is not None and not at_domain(base, "openai.com")
        self.window = settings.chat_window or (_UNKNOWN_WINDOW if self.elsewhere else _HOSTED_WINDOW)
        self._seconds = settings.reranker_timeout
        self._calls = settings.llm_reranker_calls
        self._provider = paid_to(base, "openai", "api.openai.com")
        self._http = HttpService(
            Service(
                name="OpenAI" if base is None else f"The reranker at {self.host}",
                key_setting="LLM_RERANKER_API_KEY" if own_key else "OPENAI_API_KEY",
                url_setting="LLM_RERANKER_BASE_URL" if own else "OPENAI_BASE_URL",
                timeout_setting="RERANKER_TIMEOUT",
                model_setting="RERANKER",
                secret=None if key is None else key.get_secret_value(),
            ),
            _PUBLIC if base is None else base,
            read=self._seconds,
        )
        self.name = self._http.service.name

    def scorer_id(self, way: str, prompts: Sequence[str], window: int) -> ScorerId:
        """Of the model at its server, asked in a way of this name with the prompts of these names."""
        activation = f"{way}-{digest_of(*map(prompt, prompts))}"
        return ScorerId(self._kind, self.model, revision=self.host, activation=activation, window=window)

    def post(self, path: str, body: Mapping[str, object], read: Callable[[Mapping[str, Any]], Result]) -> Result:
        """What `read` makes of one answer; its use is reported. Raises ProviderError."""
        with billed(self._provider, self.model) as bill:
            answer = self._http.post(path, {"model": self.model, **body})
            if not isinstance(answer, dict):
                raise self.nonsense("what is not a JSON object")
            bill.units = units_of(answer.get("usage"))
            return read(answer)

    def chat(
        self, system: str, user: str, most_tokens: int, read: Callable[[Mapping[str, Any]], Result], **more: object
    ) -> Result:
        """As `post`, for one short, sober answer of the chat model; `read` gets its only choice."""

        def choice_of(answer: Mapping[str, Any]) -> Result:
            choices = answer.get("choices")
            if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
                raise self.nonsense("no answer")
            return read(choices[0])

        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        body = {"messages": messages, **self._soberly(most_tokens), **more}
        return self.post("/chat/completions", body, choice_of)

    def all(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        """The results of the calls in their order, some at a time, all of them within RERANKER_TIMEOUT and on one bill.

        The first error ends it: none is begun after it, and those that had begun are waited for, so that what they
        cost is known.
        """
        with summed(), patience.within(self._seconds), ThreadPoolExecutor(max(1, min(self._calls, len(calls)))) as pool:
            # each thread has this one's context: what is collected, and how long it may take
            futures = [pool.submit(copy_context().run, call) for call in calls]
            done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
            for future in waiting:
                future.cancel()
            for future in futures:
                if future in done and (error := future.exception()) is not None:
                    raise error
            return [future.result() for future in futures]

    def _soberly(self, most_tokens: int) -> dict[str, object]:
        """No thinking and no chance, by the names this server knows; models that always think are left to it."""
        if self.elsewhere:  # several servers do not know OpenAI's newer name
            return {"max_tokens": most_tokens, "temperature": 0.0}
        if _MAY_THINK.match(self.model):
            return {"max_completion_tokens": most_tokens, "reasoning_effort": "none"}
        if _THINKS.match(self.model):
            return {"max_completion_tokens": most_tokens + _THOUGHT}
        return {"max_completion_tokens": most_tokens, "temperature": 0.0}

    def nonsense(self, what: str) -> ProviderNonsense:
        """The error for an answer that is off."""
        return self._http.nonsense(what)


def units_of(usage: Any) -> dict[str, float] | None:
    """OpenAI's usage, of either API, as `Usage.units`; None where the server sent none.

    >>> units_of({"prompt_tokens": 12, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 8}})
    {'input_tokens': 4.0, 'cached_input_tokens': 8.0, 'output_tokens': 1.0}
    """
    asked = _count(usage, "prompt_tokens", "input_tokens")
    if not asked or not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    cached = min(asked, _count(details, "cached_tokens"))
    said = _count(usage, "completion_tokens", "output_tokens")
    counts = {"input_tokens": asked - cached, "cached_input_tokens": cached, "output_tokens": said}
    return {unit: float(count) for unit, count in counts.items() if count}


def _count(holder: Any, *names: str) -> int:
    found = (holder.get(name) for name in names) if isinstance(holder, dict) else iter(())
    return next((n for n in found if isinstance(n, int) and not isinstance(n, bool) and n > 0), 0)
