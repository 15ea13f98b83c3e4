"""The language models that rerank, under test: their names, and what they are asked and should answer."""

from __future__ import annotations

from collections.abc import Sequence

from app.ports import Scorer
from app.providers.reranking.registry import open_scorer
from app.settings import Settings, load_settings
from tests.wire.formats import KEY
from tests.wire.server import CHAT, DECISIONS, WireServer

QUESTION = "red planet name"
PASSAGES = ["Jupiter is large.", "The red planet is Mars, its name Roman.", "A planet."]
YES_NO, LISTWISE, DECIDING = "llm-yes-no:gpt-4o-mini", "llm-listwise:gpt-4o-mini", "openai-decisions"
ALL = [YES_NO, LISTWISE, DECIDING]
PATHS = {YES_NO: CHAT, LISTWISE: CHAT, DECIDING: DECISIONS}
SCORES = {YES_NO: [0.0, 1.0, 1 / 3], LISTWISE: [-3.0, -1.0, -2.0], DECIDING: [0.0, 1.0, 1 / 3]}


def settings(server: WireServer, **values: object) -> Settings:
    given = {"openai_base_url": server.openai_url, "openai_api_key": KEY, "reranker_timeout": 5.0, **values}
    return load_settings(**given)


def scorer(server: WireServer, name: str, **values: object) -> Scorer:
    return open_scorer(name, settings(server, **values))


def raw(scorer: Scorer, question: str, passages: Sequence[str]) -> list[float | None]:
    return [score.raw for score in scorer.score(question, passages)]
