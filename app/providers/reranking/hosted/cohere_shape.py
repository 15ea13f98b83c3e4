"""The request and the answer that Cohere and Jina share and many servers imitate: `documents`, `top_n`, `results`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from app.providers.reranking.hosted.answer import counted, rows, tokens_used

read = rows("results", score="relevance_score")


def path_at(base_url: str) -> str:
    """Where to post at a base address, given with or without the version.

    >>> path_at("http://127.0.0.1:8000"), path_at("http://127.0.0.1:8000/v1")
    ('/v1/rerank', '/rerank')
    """
    return "/rerank" if urlsplit(base_url).path.rstrip("/").endswith(("/v1", "/v2")) else "/v1/rerank"


def body(model: str, **more: object) -> Callable[[str, Sequence[str]], dict[str, object]]:
    """The body of a request: all passages, all of their scores back, plus what only one server knows."""

    def made(question: str, passages: Sequence[str]) -> dict[str, object]:
        return {"model": model, "query": question, "documents": list(passages), "top_n": len(passages), **more}

    return made


def units(answer: object) -> dict[str, float] | None:
    """What an answer says it used: Cohere's `meta.billed_units`, else Jina's `usage.total_tokens`."""
    meta = answer.get("meta") if isinstance(answer, Mapping) else None
    billed = meta.get("billed_units") if isinstance(meta, Mapping) else None
    names = {"searches": ("search_units",), "input_tokens": ("input_tokens", "total_tokens")}
    return counted(billed, names) or tokens_used(answer)
