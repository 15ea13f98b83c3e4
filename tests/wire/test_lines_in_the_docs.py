"""The lines for `.env` that README and the handbook show: each group of them, typed as it stands, reaches its service.

What stands for a person's own (a key, a name, an address) is filled in; the address is that of the played service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from app.providers.chat import open_chat
from app.providers.embedding import open_embedder, runs_here
from app.providers.reranking.kinds import is_language_model
from app.providers.reranking.registry import open_scorer
from app.settings import Settings, load_settings
from tests.wire.formats import KEY
from tests.wire.llm_formats import written_order
from tests.wire.rerank_checks import PROJECT
from tests.wire.server import WireServer

ROOT = Path(__file__).parent.parent.parent
PAGES = ("README.md", "docs/hosted-rerankers.md", "docs/chat-and-embedding-providers.md", "docs/llm-rerankers.md")
CHOICES = ("RERANKER", "CHAT_MODEL", "EMBEDDING")
LINE = re.compile(r"([A-Z][A-Z_]+)=(\S+)")
# where the played services differ from a person's own
FILLED_IN = {
    "the-name-it-serves": "gpt-4o-mini",
    "llama3.1": "llama3.2",
    "gpt-4.1-mini": "gpt-4.1",
    "qwen3": "gpt-4o-mini",
    "NAME": "my-reranker",
    "INDEX": "planets",
    "CATALOG.SCHEMA.INDEX": "main.space.planets",
    "main.manuals.chunks": "main.space.planets",
    "manuals/my-semantic-configuration": "planets/default",
    "...": "gpt-4o-mini",
}
PLAYED_AT = {
    "openai": "/v1", "embedding": "/v1", "llm_reranker": "/v1", "cohere": "", "anthropic": "", "google": "",
    **{name: f"/{name}" for name in ("voyage", "jina", "pinecone", "vertex", "vllm", "tei", "llamacpp", "litellm")},
    "azure_search": "/azure", "databricks": "/databricks",
}  # fmt: skip
OWN_SERVERS = ("vllm", "tei", "llamacpp", "litellm", "embedding", "openai")  # the played ones want a key as well


def groups(page: str) -> Iterator[dict[str, str]]:
    """Rows of tables and fenced blocks that choose something, each with what they set."""
    text = (ROOT / page).read_text(encoding="utf-8")
    rows = [" ".join(re.findall(r"`([^`]*)`", line)) for line in text.splitlines() if line.startswith("| ")]
    above: dict[str, str] = {}
    for place in [*rows, *re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]:
        found = dict(LINE.findall(place))
        if found and any(name in found for name in CHOICES):
            above = found
            yield found
        elif "CHAT_API" in found:  # "as above, and"
            yield {**above, **found}


SHOWN = [
    pytest.param(found, id=f"{page.rpartition('/')[2]}: {' '.join(f'{k}={v}' for k, v in found.items())}")
    for page in PAGES
    for found in groups(page)
]


def typed(found: dict[str, str], server: WireServer) -> Settings:
    given: dict[str, object] = {}
    for setting, value in found.items():
        name = setting.lower()
        if name.endswith("_api_key"):
            given[name] = KEY
        elif name.endswith("_base_url"):
            given[name] = f"{server.url}{PLAYED_AT[name.removesuffix('_base_url')]}"
        elif name == "vertex_project":
            given[name] = PROJECT
        else:
            kind, colon, model = value.partition(":")
            given[name] = f"{kind}:{FILLED_IN.get(model, model)}" if colon else FILLED_IN.get(value, value)
    services = {name.rpartition("_api_key" if name.endswith("_api_key") else "_base_url")[0] for name in given} - {""}
    if "vertex_project" in given:
        services, given = services | {"vertex"}, {**given, "vertex_access_token": KEY}  # the machine's credentials
    for service in services:
        given.setdefault(f"{service}_base_url", f"{server.url}{PLAYED_AT[service]}")
        if service in OWN_SERVERS:
            given.setdefault(f"{service}_api_key", KEY)
    return load_settings(**given, reranker_timeout=5.0)


def test_there_are_lines_for_every_kind_of_service() -> None:
    named = {value.partition(":")[0] for page in PAGES for found in groups(page) for value in found.values()}
    assert {"cohere", "voyage", "jina", "pinecone", "vertex", "vllm", "tei", "llama-cpp", "litellm"} <= named
    assert {"azure-search", "databricks", "llm-yes-no", "llm-listwise", "openai-decisions"} <= named
    assert {"anthropic", "google", "openai", "sentence-transformers"} <= named
    assert len(SHOWN) > 35


@pytest.mark.parametrize("found", SHOWN)
def test_they_reach_the_service(server: WireServer, found: dict[str, str]) -> None:
    provider = found.get("CHAT_MODEL", "").partition(":")[0]
    if (
        provider in ("anthropic", "google")
        and find_spec(f"langchain_{provider.replace('google', 'google_genai')}") is None
    ):
        pytest.skip(f"the extra `{provider}` is not installed")
    settings = typed(found, server)
    if "RERANKER" in found:
        if is_language_model(settings.reranker):
            server.answer = written_order
        index = settings.reranker.startswith(("azure", "databricks"))
        passages = ["r1", "r3"] if index else ["The red planet is Mars.", "A planet."]
        scores = [score.raw for score in open_scorer(settings.reranker, settings).score("red planet", passages)]
        assert scores[0] is not None and scores[1] is not None and scores[0] > scores[1]
    if "CHAT_MODEL" in found:
        chat = open_chat(settings)
        assert chat is not None
        assert chat.complete("Be brief.", "Which planet is red?", max_tokens=50)
    if "EMBEDDING" in found and not runs_here(settings):
        assert len(open_embedder(settings).embed_passages(["a"])) == 1
    here = "EMBEDDING" in found and runs_here(settings)
    assert here or any(request.body is not None for request in server.requests)
