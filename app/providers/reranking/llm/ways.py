"""The ways of asking a language model to rerank, a row each: what RERANKER calls it, and which model is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from app.errors import ProviderAuth, SettingsError
from app.ports import Scorer
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Way:
    """One row. `name` as in RERANKER; `scorer` is the class in `module`, beside this one; `says` is what it is called,
    with the model's name; `own_model`: asked where none is named, "" for the model that writes the answers."""

    name: str
    module: str
    scorer: str
    says: str
    own_model: str = ""

    @property
    def form(self) -> str:
        return f"{self.name}:MODEL"

    def open(self, model: str, settings: Settings) -> Scorer:
        """Its scorer. Raises as `label`."""
        named = self._asked(model, settings)
        kind = getattr(import_module(f"app.providers.reranking.llm.{self.module}"), self.scorer)
        return cast(Scorer, kind(named, settings))

    def label(self, model: str, settings: Settings) -> str:
        """What it is called. Raises ProviderAuth without a server or key, SettingsError where a model must be named."""
        return self.says.format(self._asked(model, settings))

    def offered(self, settings: Settings) -> Sequence[str]:
        """The models ("" for its own) that can be chosen without naming one."""
        if self.own_model:  # of OpenAI's alone
            elsewhere = settings.openai_base_url is not None or settings.llm_reranker_base_url is not None
            return [] if elsewhere or not _reached(settings) else [""]
        return [""] if _reached(settings) and settings.chat_provider[0] == "openai" else []

    def _asked(self, model: str, settings: Settings) -> str:
        if not _reached(settings):
            raise ProviderAuth(
                f"{self.name} needs a key for OpenAI.", hint="Set OPENAI_API_KEY in .env or the environment."
            )
        if model or self.own_model:
            return model or self.own_model
        provider, named = settings.chat_provider
        if provider != "openai":
            raise SettingsError(
                f"{self.name} asks a server with OpenAI's interface, where CHAT_MODEL={settings.chat_model} is not.",
                hint=f"Name a model of that server: RERANKER={self.name}:MODEL",
            )
        return named


def _reached(settings: Settings) -> bool:
    """Whether there is a key or an address to ask at (see `LlmClient`)."""
    return any(
        getattr(settings, f"{whose}_{what}") is not None
        for whose in ("llm_reranker", "openai")
        for what in ("api_key", "base_url")
    )


WAYS = (
    Way("llm-yes-no", "yes_no", "LlmYesNo", "{}, asked for yes or no"),
    Way("llm-listwise", "listwise", "LlmListwise", "{}, asked for an order"),
    Way("openai-decisions", "decisions", "OpenAIDecisions", "OpenAI Decisions {}", own_model="gpt-6-luna"),
)
