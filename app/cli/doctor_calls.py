"""`sluice doctor`: one tiny call to each service that is configured, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from app.domain import Usage, total_usd
from app.errors import SluiceError
from app.metering import metered
from app.patience import within
from app.prices.model import PriceList
from app.prices.words import dollars
from app.providers.chat import open_chat, open_grader_model
from app.providers.embedding import open_embedder, runs_here
from app.providers.reranking.hosted.index import NoRows
from app.providers.reranking.kinds import is_hosted
from app.providers.reranking.registry import RerankerChoice, cascade_of, open_scorer, resolve
from app.settings import Settings

SECONDS = 15.0  # for one call, with its attempts: whoever asks the doctor is waiting
_QUESTION = "Which planet is red?"
_PASSAGES = ("Mars is the red planet.", "Rye bread is baked for two hours.")


@dataclass(frozen=True, slots=True)
class Call:
    """What one call came to: seconds, what the service says it used, and the error where there was one."""

    seconds: float
    used: tuple[Usage, ...] = ()
    said: str = ""
    error: SluiceError | None = None
    prices: PriceList = field(default_factory=PriceList)

    @property
    def units(self) -> Mapping[str, float] | None:
        """The units of all requests together; None where the service did not say."""
        if not self.used or any(usage.units is None for usage in self.used):
            return None
        total: dict[str, float] = {}
        for usage in self.used:
            for name, count in (usage.units or {}).items():
                total[name] = total.get(name, 0.0) + count
        return {name: count for name, count in total.items() if count}

    @property
    def in_words(self) -> str:
        """`answered in 0.42 s (9 input tokens, 1 output tokens, $0.0000012)`."""
        units = self.units
        counted = [] if units is None else [f"{count:g} {name.replace('_', ' ')}" for name, count in units.items()]
        usd = total_usd([self.prices.charge(usage) for usage in self.used]) if self.used else None
        used = [*counted, *([] if usd is None else [dollars(usd)])]
        told = f" ({', '.join(used)})" if used else ""
        return f"{self.said}answered in {self.seconds:.2f} s{told}"


def call_services(settings: Settings, choices: Iterable[RerankerChoice], prices: PriceList) -> dict[str, Call]:
    """One call to each configured service, some at a time: "chat", "grader", "embedding", and rerankers by name."""
    asked: dict[str, Callable[[], str]] = {}
    if settings.chat_configured:
        asked["chat"] = lambda: _chat(settings, grader=False)
    if settings.grader_model is not None:
        asked["grader"] = lambda: _chat(settings, grader=True)
    if not runs_here(settings):
        asked["embedding"] = lambda: _embed(settings)
    for name in hosted(settings, choices):
        asked[name] = lambda name=name: _rerank(name, settings)  # type: ignore[misc]
    with ThreadPoolExecutor(max_workers=4) as pool:
        results = pool.map(lambda do: _timed(do, prices), asked.values())
        return dict(zip(asked, results, strict=True))


def hosted(settings: Settings, choices: Iterable[RerankerChoice]) -> list[str]:
    """The rerankers to ask: those RERANKER and RERANKER_FALLBACK name, and one of each other service with a key."""
    named: list[str] = []
    for name in (settings.reranker, settings.reranker_fallback):
        cascade = cascade_of(name)
        named += [name] if cascade is None else [cascade.first, cascade.then]
    found = [name for name in map(resolve, named) if is_hosted(name)]
    # language models that rerank are at the chat's server, which is asked anyway
    seen = {"llm-yes-no", "llm-listwise", "openai-decisions", *(name.partition(":")[0] for name in found)}
    for choice in choices:
        kind = choice.name.partition(":")[0]
        if choice.available and is_hosted(choice.name) and kind not in seen:
            seen.add(kind)
            found.append(choice.name)
    return list(dict.fromkeys(found))


def _timed(do: Callable[[], str], prices: PriceList) -> Call:
    started = time.perf_counter()
    with metered() as used:
        try:
            with within(SECONDS):
                said = do()
        except SluiceError as error:
            return Call(time.perf_counter() - started, tuple(used), error=error, prices=prices)
    return Call(time.perf_counter() - started, tuple(used), said, prices=prices)


def _chat(settings: Settings, *, grader: bool) -> str:
    chat = open_grader_model(settings) if grader else open_chat(settings)
    if chat is not None:
        chat.complete("Answer in one word.", "Say yes.", max_tokens=256)
    return ""


def _embed(settings: Settings) -> str:
    rows = open_embedder(settings).embed_questions([_QUESTION])
    return f"{rows.shape[1]} dimensions, "


def _rerank(name: str, settings: Settings) -> str:
    try:
        open_scorer(name, settings).score(_QUESTION, _PASSAGES)
    except NoRows:  # an index that takes no passages was asked for rows it cannot have, and said so
        return "takes rows of its own index, "
    return ""
