"""What the played rerankers have in common: their world, a row of the table of services, and the checks of fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.wire.formats import KEY, Check, WireError, check_body, relevance

PROJECT = "planets-1"
# the index that Azure AI Search and Databricks have: key -> text
INDEX = {"r1": "The red planet is Mars, its name Roman.", "r2": "Jupiter is large.", "r3": "A planet.", "o'4": "Red."}
LONG = 512  # words of a passage that vLLM and Pinecone's BGE refuse, unless they are told to cut
BATCH = 32  # texts a call to Text Embeddings Inference may hold
SERVED = "BAAI/bge-reranker-v2-m3"


@dataclass(frozen=True)
class Route:
    """One service. `items`: where the answer has its results, None for a bare list; `value`: the score's name."""

    path: str
    check: Callable[[Any], dict[str, Any]]
    answer: Callable[[Mapping[str, Any]], Any]
    items: str | None
    value: str
    error: Callable[[int, str], Any]
    index: str = "index"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {KEY}"})
    query: str = ""

    def check_headers(self, headers: Mapping[str, str], query: str) -> None:
        for name, value in self.headers.items():
            if headers.get(name) != value:
                raise WireError(401, f"{name} is {headers.get(name, 'missing')}")
        if headers.get("Content-Type", "").split(";")[0] != "application/json":
            raise WireError(415, "Content-Type must be application/json")
        if query != self.query:
            raise WireError(400, f"the query string is {query!r}")


def filled(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def texts_of(most: int) -> Check:
    return lambda v: isinstance(v, list) and 1 <= len(v) <= most and all(map(filled, v))


def objects_of(most: int, names: set[str]) -> Check:
    def check(value: Any) -> bool:
        rows = isinstance(value, list) and 1 <= len(value) <= most
        return rows and all(isinstance(r, dict) and set(r) == names and all(map(filled, r.values())) for r in value)

    return check


def checked(fields: Mapping[str, Check], required: str, status: int) -> Callable[[Any], dict[str, Any]]:
    return lambda body: check_body(body, fields, set(required.split()), status=status)


def logit(query: str, text: str) -> float:
    """A logit: 4 for all words of the question, -4 for none."""
    return 8 * relevance(query, text) - 4


def ranked(scores: list[float], index: str, value: str, most: int | None = None) -> list[dict[str, Any]]:
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return [{index: i, value: scores[i]} for i in order[:most]]


def words_of(texts: list[str]) -> int:
    return sum(len(text.split()) for text in texts)
