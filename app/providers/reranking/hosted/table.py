"""The hosted rerankers RERANKER can name, a row each: what it needs, and what is offered where that is set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, cast

from app.errors import ProviderAuth, SettingsError
from app.ports import Scorer
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Hosted:
    """One row. `name` as in RERANKER; `title` for people; `module` beside this one has `open_scorer(model, settings)`.

    `needs`: settings of which one must be set (a key, or the address of a server). `offers`: the models that can be
    chosen on the page once it is, "" where the server says itself what it serves; one, because the playground asks all
    that are on offer, and each is paid for. `what`: a model name stands for.
    """

    name: str
    title: str
    module: str
    needs: tuple[str, ...]
    offers: tuple[str, ...] = ()
    what: str = "MODEL"

    @property
    def model(self) -> Literal["may", "must"]:
        """Whether a name may go without a model."""
        return "may" if "" in self.offers else "must"

    @property
    def form(self) -> str:
        """`voyage:MODEL`, `tei or tei:MODEL`."""
        named = f"{self.name}:{self.what}"
        return f"{self.name} or {named}" if self.model == "may" else named

    def open(self, model: str, settings: Settings) -> Scorer:
        """Its scorer. Raises ProviderAuth, SettingsError or, where it asks its server what it serves, ProviderError."""
        self._check(settings)
        module = import_module(f"app.providers.reranking.hosted.{self.module}")
        return cast(Scorer, module.open_scorer(model, settings))

    def label(self, model: str, settings: Settings) -> str:
        """What it is called. Raises as `open`, and asks nobody."""
        self._check(settings)
        return f"{self.title} {model}".strip()

    def offered(self, settings: Settings) -> Sequence[str]:
        """The models to choose from, where its key or address is set."""
        return self.offers if self._ready(settings) else ()

    def _ready(self, settings: Settings) -> bool:
        return any(getattr(settings, name) is not None for name in self.needs)

    def _check(self, settings: Settings) -> None:
        if self._ready(settings):
            return
        setting = self.needs[0].upper()
        hint = f"Set {setting} in .env or the environment."
        if setting.endswith("_KEY"):
            raise ProviderAuth(f"{self.title} needs a key.", hint=hint)
        what = "a project" if setting.endswith("PROJECT") else "the address of a server"
        raise SettingsError(f"{self.title} needs {what}.", hint=hint)


HOSTED = (
    Hosted("voyage", "Voyage", "voyage", ("voyage_api_key", "voyage_base_url"), ("rerank-3",)),
    Hosted(
        "jina",
        "Jina",
        "jina",
        ("jina_api_key", "jina_base_url"),
        ("jina-reranker-v2-base-multilingual",),
    ),
    Hosted(
        "pinecone",
        "Pinecone",
        "pinecone",
        ("pinecone_api_key", "pinecone_base_url"),
        ("bge-reranker-v2-m3",),
    ),
    Hosted("vertex", "Vertex AI", "vertex", ("vertex_project",), ("semantic-ranker-default-004",)),
    Hosted("vllm", "vLLM", "vllm", ("vllm_base_url",), ("",)),
    Hosted("tei", "Text Embeddings Inference", "tei", ("tei_base_url",), ("",)),
    Hosted("llama-cpp", "llama.cpp", "llama_cpp", ("llamacpp_base_url",), ("",)),
    Hosted("litellm", "LiteLLM", "litellm", ("litellm_base_url",)),
    Hosted("azure-search", "Azure AI Search", "azure_search", ("azure_search_base_url",), what="INDEX"),
    Hosted("databricks", "Databricks", "databricks", ("databricks_base_url",), what="CATALOG.SCHEMA.INDEX"),
)
