"""`sluice doctor`: one tiny call to each service that is configured, and what came of it.

A service is opened before the clock runs: reading an SDK's code takes longer than many a service.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pydantic import SecretStr

from app.domain import Usage, total_usd
from app.errors import ProviderAuth, SluiceError
from app.metering import metered
from app.patience import within
from app.prices.model import PriceList
from app.prices.words import dollars
from app.providers.chat import open_chat, open_grader_model
from app.providers.embedding import open_embedder, runs_here
from app.providers.reranking.hosted.index import NoRows
from app.providers.reranking.kinds import is_hosted, is_language_model
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
        """`answered in 0.42 s (9 input tokens, 1 output token, $0.0000012)`."""
        units = self.units
        counted = [] if units is None else [_counted(count, name) for name, count in units.items()]
        usd = total_usd([self.prices.charge(usage) for usage in self.used]) if self.used else None
        used = [*counted, *([] if usd is None else [dollars(usd)])]
        told = f" ({', '.join(used)})" if used else ""
        return f"{self.said}answered in {self.seconds:.2f} s{told}"


Ask = Callable[[], str]  # asks once; what it says goes before "answered in"


def _counted(count: float, unit: str) -> str:
    words = unit.replace("_", " ")
    if count == 1:
        words = words.removesuffix("es" if words.endswith("ches") else "s")
    return f"{count:g} {words}"


def call_services(settings: Settings, choices: Iterable[RerankerChoice], prices: PriceList) -> dict[str, Call]:
    """One call to each configured service, some at a time: "chat", "grader", "embedding", and rerankers by name."""
    openings: dict[str, Callable[[], Ask]] = {}
    if settings.chat_configured:
        openings["chat"] = lambda: _chat(settings, grader=False)
    if settings.grader_model is not None:
        openings["grader"] = lambda: _chat(settings, grader=True)
    if not runs_here(settings):
        openings["embedding"] = lambda: _embed(settings)
    for name in hosted(settings, choices):
        openings[name] = lambda name=name: _rerank(name, settings)  # type: ignore[misc]
    with ThreadPoolExecutor(max_workers=4) as pool:
        opened = list(pool.map(_opened, openings.values()))
        results = pool.map(lambda ask: ask if isinstance(ask, Call) else _timed(ask, prices), opened)
        return dict(zip(openings, results, strict=True))


def hosted(settings: Settings, choices: Iterable[RerankerChoice]) -> list[str]:
    """The rerankers to ask: those RERANKER and RERANKER_FALLBACK name, and one of each other service with a key.

    Language models are one service, which the chat model's call has asked, unless they have a server or key of their
    own. An order is asked for rather than yes or no, which not every server can say.
    """
    named: list[str] = []
    for name in (settings.reranker, settings.reranker_fallback):
        cascade = cascade_of(name)
        named += [name] if cascade is None else [cascade.first, cascade.then]
    found = [name for name in map(resolve, named) if is_hosted(name)]
    seen = {_service(name) for name in found}
    own = settings.llm_reranker_base_url is not None or settings.llm_reranker_api_key is not None
    if not own and settings.chat_configured and settings.chat_provider[0] == "openai":
        seen.add(_LANGUAGE_MODEL)
    for choice in sorted(choices, key=lambda choice: choice.name == "llm-yes-no"):
        if choice.available and is_hosted(choice.name) and _service(choice.name) not in seen:
            seen.add(_service(choice.name))
            found.append(choice.name)
    return list(dict.fromkeys(found))


_LANGUAGE_MODEL = "a language model"


def idle_keys(settings: Settings, asked: Iterable[str]) -> list[str]:
    """The settings of keys that none of the calls (by name, as `call_services` gives them) has used."""
    used: set[str] = set()
    for what in asked:
        if what in ("chat", "grader"):
            named = settings.grader_model if what == "grader" else None
            of = settings if named is None else settings.model_copy(update={"chat_model": named})
            used.add(of.chat_provider[0])
        elif what == "embedding":
            own = settings.embedding_base_url is not None or settings.embedding_api_key is not None
            provider = settings.embedding.partition(":")[0]
            used.add("embedding" if own and provider == "openai" else provider)
        elif is_language_model(what):
            own = settings.llm_reranker_base_url is not None or settings.llm_reranker_api_key is not None
            used.add("llm_reranker" if own else "openai")
        else:
            kind = what.partition(":")[0]
            used.add({"llama-cpp": "llamacpp"}.get(kind, kind.replace("-", "_")))
    held = (name.removesuffix("_api_key") for name, value in settings if isinstance(value, SecretStr))
    return [f"{name.upper()}_API_KEY" for name in held if name.removesuffix("_access_token") not in used]


def _service(name: str) -> str:
    return _LANGUAGE_MODEL if is_language_model(name) else name.partition(":")[0]


def _opened(opening: Callable[[], Ask]) -> Ask | Call:
    started = time.perf_counter()
    try:
        with within(SECONDS):
            return opening()
    except SluiceError as error:
        return Call(time.perf_counter() - started, error=error)


def _timed(ask: Ask, prices: PriceList) -> Call:
    started = time.perf_counter()
    with metered() as used:
        try:
            with within(SECONDS):
                said = ask()
        except SluiceError as error:
            return Call(time.perf_counter() - started, tuple(used), error=error, prices=prices)
    return Call(time.perf_counter() - started, tuple(used), said, prices=prices)


def _chat(settings: Settings, *, grader: bool) -> Ask:
    chat = open_grader_model(settings) if grader else open_chat(settings)
    if chat is None:  # the grader's provider has a key of its own
        provider = settings.model_copy(update={"chat_model": settings.grader_model}).chat_provider[0].upper()
        raise ProviderAuth(
            f"GRADER_MODEL={settings.grader_model} needs a key.",
            hint=f"Set {provider}_API_KEY in .env or the environment.",
        )

    def ask() -> str:
        chat.complete("Answer in one word.", "Say yes.", max_tokens=256)
        return ""

    return ask


def _embed(settings: Settings) -> Ask:
    embedder = open_embedder(settings)
    return lambda: f"{embedder.embed_questions([_QUESTION]).shape[1]} dimensions, "


def _rerank(name: str, settings: Settings) -> Ask:
    scorer = open_scorer(name, settings)

    def ask() -> str:
        try:
            scorer.score(_QUESTION, _PASSAGES)
        except NoRows:  # an index that takes no passages was asked for rows it cannot have, and said so
            return "takes rows of its own index, "
        return ""

    return ask
