"""The published wire formats, as a server checks them: OpenAI chat completions and embeddings, Cohere rerank v2.

A request is refused (WireError) for a wrong type, an unknown or missing field, or null where absent is meant.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

KEY = "test-key-0123456789"
CHAT_MODELS = {"gpt-4o-mini", "gpt-4.1", "gpt-5-mini", "llama3.2"}
EMBEDDING_MODELS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "nomic-embed-text": 768}
RERANK_MODELS = {
    "rerank-v3.5",
    "rerank-english-v3.0",
    "rerank-multilingual-v3.0",
    "rerank-v4.0-fast",
    "rerank-v4.0-pro",
    "rerank-v5.0-fast",
    "rerank-v5.0-pro",
    "Cohere-rerank-v4.0-pro",  # a deployment on Azure AI Foundry
}

Check = Callable[[Any], bool]


class WireError(Exception):
    """A request the service would refuse."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _filled(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _number(low: float, high: float) -> Check:
    return lambda v: isinstance(v, int | float) and not isinstance(v, bool) and low <= v <= high


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 1 and all(_filled(v) for v in value)


def _messages(value: Any) -> bool:
    roles = {"system", "developer", "user", "assistant", "tool"}
    return (
        isinstance(value, list)
        and len(value) >= 1
        and all(isinstance(m, dict) and m.get("role") in roles and isinstance(m.get("content"), str) for m in value)
        and all(set(m) <= {"role", "content", "name"} for m in value)
    )


def _stream_options(value: Any) -> bool:
    return isinstance(value, dict) and set(value) <= {"include_usage"} and all(map(_flag, value.values()))


def _spans(value: Any) -> bool:
    checks: Mapping[str, Check] = {
        "mode": lambda v: v in ("enabled", "disabled"),
        "threshold": _number(0, 1),
        "max_spans": _count,
    }
    return (
        isinstance(value, dict)
        and "mode" in value
        and all(name in checks and checks[name](v) for name, v in value.items())
    )


CHAT: Mapping[str, Check] = {
    "model": _filled,
    "messages": _messages,
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "max_tokens": _count,
    "max_completion_tokens": _count,
    "stream": _flag,
    "stream_options": _stream_options,
    "n": _count,
    "seed": _count,
    "stop": lambda v: _text(v) or _texts(v),
    "user": _text,
    "frequency_penalty": _number(-2, 2),
    "presence_penalty": _number(-2, 2),
    "logprobs": _flag,
    "top_logprobs": _number(0, 20),
    "reasoning_effort": _text,
}
EMBEDDINGS: Mapping[str, Check] = {
    "model": _filled,
    "input": lambda v: _filled(v) or (_texts(v) and len(v) <= 2048),
    "encoding_format": lambda v: v in ("float", "base64"),
    "dimensions": _count,
    "user": _text,
}
RERANK: Mapping[str, Check] = {
    "model": _filled,
    "query": _filled,
    "documents": lambda v: _texts(v) and len(v) <= 10_000,
    "top_n": _count,
    "max_tokens_per_doc": _count,
    "priority": _number(0, 999),
    "relevant_spans": _spans,
}


def check_body(body: Any, fields: Mapping[str, Check], required: set[str], *, status: int) -> dict[str, Any]:
    """The body, when every field is known and of its type; otherwise WireError with `status`."""
    if not isinstance(body, dict):
        raise WireError(status, "the body must be a JSON object")
    for name in sorted(required - set(body)):
        raise WireError(status, f"missing required parameter: '{name}'")
    for name, value in body.items():
        if name not in fields:
            raise WireError(status, f"unrecognized request argument supplied: '{name}'")
        if value is None:
            raise WireError(status, f"invalid type for '{name}': expected a value, but got null instead")
        if not fields[name](value):
            raise WireError(status, f"invalid value for '{name}'")
    return body


def check_chat(body: Any) -> dict[str, Any]:
    found = check_body(body, CHAT, {"model", "messages"}, status=400)
    if "stream_options" in found and found.get("stream") is not True:
        raise WireError(400, "'stream_options' is only allowed when 'stream' is enabled")
    if {"max_tokens", "max_completion_tokens"} <= set(found):
        raise WireError(400, "setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported")
    if found["model"] not in CHAT_MODELS:
        raise WireError(404, f"The model `{found['model']}` does not exist or you do not have access to it.")
    return found


def check_embeddings(body: Any) -> dict[str, Any]:
    found = check_body(body, EMBEDDINGS, {"model", "input"}, status=400)
    if found["model"] not in EMBEDDING_MODELS:
        raise WireError(404, f"The model `{found['model']}` does not exist or you do not have access to it.")
    return found


def check_rerank(body: Any) -> dict[str, Any]:
    found = check_body(body, RERANK, {"model", "query", "documents"}, status=422)
    if found["model"] not in RERANK_MODELS:
        raise WireError(404, f"model '{found['model']}' not found")
    if "relevant_spans" in found and "-v5" not in found["model"]:
        raise WireError(400, "relevant_spans is only supported for rerank-v5 and newer models")
    return found


# -- what the service would answer -----------------------------------------------------------------


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def relevance(query: str, document: str) -> float:
    """The share of the query's words in the document, 0..1: easy to work out by hand."""
    asked = words(query)
    return len(asked & words(document)) / len(asked) if asked else 0.0


def rerank_answer(body: Mapping[str, Any]) -> dict[str, Any]:
    """Sorted by score, as the API sends it; equal scores stay in order."""
    scores = [relevance(body["query"], document) for document in body["documents"]]
    order = sorted(range(len(scores)), key=lambda i: -scores[i])[: body.get("top_n", len(scores))]
    results: list[dict[str, Any]] = [{"index": i, "relevance_score": scores[i]} for i in order]
    if body.get("relevant_spans", {}).get("mode") == "enabled":
        for result in results:
            marks = spans_of(body["query"], body["documents"][result["index"]])[: body["relevant_spans"]["max_spans"]]
            if marks:
                result["relevant_spans"] = marks
    return {
        "id": "00000000-0000-0000-0000-000000000000",
        "results": results,
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": searches(body["documents"])}},
    }


def spans_of(query: str, document: str) -> list[dict[str, Any]]:
    """Where words of the query stand in the document, in codepoints."""
    asked = words(query)
    found = [m.span() for m in re.finditer(r"\w+", document) if m.group().lower() in asked]
    return [{"start": start, "end": end, "score": 0.9} for start, end in found]


def searches(documents: list[str]) -> int:
    """What Cohere bills: one for up to 100 documents, each 500 tokens (here: words) of a long one being a document."""
    return math.ceil(sum(max(1, math.ceil(len(document.split()) / 500)) for document in documents) / 100)


def vector(text: str, dimension: int) -> list[float]:
    """A vector that depends on the text alone, of length 3 (clients must normalise)."""
    seed = hashlib.sha256(text.encode("utf-8")).digest()
    values = [(seed[i % 32] - 127.5) * math.sin(1 + i) for i in range(dimension)]
    length = math.sqrt(sum(v * v for v in values)) / 3
    return [v / length for v in values]


def embeddings_answer(body: Mapping[str, Any]) -> dict[str, Any]:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    dimension = EMBEDDING_MODELS[body["model"]]
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": i, "embedding": vector(t, dimension)} for i, t in enumerate(texts)],
        "model": body["model"],
        "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)},
    }


def chat_answer(body: Mapping[str, Any], text: str, finish: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish, "logprobs": None}
        ],
        "usage": usage(body, text),
    }


def chat_events(body: Mapping[str, Any], text: str, finish: str) -> list[dict[str, Any]]:
    """The events of a stream: the role, the words one by one, the reason it finished, and usage where asked for."""

    def event(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return {**base, "choices": [choice]}

    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
    events = [event({"role": "assistant", "content": ""})]
    events += [event({"content": piece}) for piece in re.findall(r"\S+\s*", text)]
    events.append(event({}, finish))
    if body.get("stream_options", {}).get("include_usage"):
        events.append({**base, "choices": [], "usage": usage(body, text)})
    return events


def usage(body: Mapping[str, Any], text: str) -> dict[str, int]:
    asked = sum(len(words(m["content"])) for m in body["messages"])
    return {
        "prompt_tokens": asked,
        "completion_tokens": len(text.split()),
        "total_tokens": asked + len(text.split()),
    }
