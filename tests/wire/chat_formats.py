"""More chat and embedding formats: OpenAI Responses, Cohere chat and embed v2; the rest in `other_chat_formats`.

Field names come from the request types of the SDKs where there are such types, what a field may hold from the
services' references. A request is refused for an unknown or missing field, a wrong type, or null where absent is meant.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from cohere.v2.client import V2Client
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from tests.wire.chat_route import (
    ChatRoute,
    asked_words,
    bearer,
    count,
    fields,
    filled,
    flag,
    known,
    number,
    pieces,
    sse,
    turns,
    wants_stream,
)
from tests.wire.formats import WireError, check_body, vector
from tests.wire.other_chat_formats import OTHER_ROUTES

COHERE_CHAT_MODELS = {"command-a-03-2025", "command-r-08-2024"}
RESPONSES_MODELS = {"gpt-4o-mini", "gpt-5-mini", "o4-mini", "llama3.2"}
COHERE_EMBEDDING = {"embed-v4.0": 1536, "embed-english-v3.0": 1024, "embed-multilingual-v3.0": 1024}


# -- OpenAI Responses --------------------------------------------------------------------------------------------------

_RESPONSES = fields(
    {*ResponseCreateParamsBase.__annotations__, "stream"},
    {
        "model": filled,
        "input": turns({"system", "developer", "user", "assistant"}, extra={"type"}),
        "instructions": filled,
        "max_output_tokens": lambda v: count(v) and v >= 16,
        "temperature": number(0, 2),
        "store": lambda v: v is False,  # the service keeps what it is not told to forget, so that is asked for here
        "stream": flag,
    },
)


def _check_responses(body: Any) -> dict[str, Any]:
    found = check_body(body, _RESPONSES, {"model", "input", "store"}, status=400)
    known(found["model"], RESPONSES_MODELS)
    if found["model"].startswith(("o", "gpt-5")) and "temperature" in found:
        raise WireError(400, "Unsupported parameter: 'temperature' is not supported with this model.")
    return found


def _response(body: Mapping[str, Any], text: str, finish: str, reports: bool) -> dict[str, Any]:
    why = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(finish)
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }  # fmt: skip
    asked, said = asked_words(body["input"]), len(text.split())
    usage = {
        "input_tokens": asked, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": said, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": asked + said,
    }  # fmt: skip
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": body["model"], "error": None,
        "status": "completed" if why is None else "incomplete",
        "incomplete_details": None if why is None else {"reason": why},
        "output": [message] if text else [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        **({"usage": usage} if reports else {}),
    }  # fmt: skip


def _response_events(body: Mapping[str, Any], text: str, finish: str, reports: bool) -> list[str]:
    whole = _response(body, text, finish, reports)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    empty = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    told: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    if text:
        told += [
            {"type": "response.output_item.added", "output_index": 0, "item": empty},
            {"type": "response.content_part.added", **at, "part": part},
            *({"type": "response.output_text.delta", **at, "delta": p, "logprobs": []} for p in pieces(text)),
            {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
            {"type": "response.output_item.done", "output_index": 0, "item": whole["output"][0]},
        ]
    told.append({"type": f"response.{whole['status']}", "response": whole})
    return [sse(event["type"], {**event, "sequence_number": i}) for i, event in enumerate(told)]


def _openai_error(status: int, message: str) -> Any:
    return {"error": {"message": message, "type": "error", "param": None, "code": None}}


# -- Cohere ------------------------------------------------------------------------------------------------------------


def _parameters(method: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(method).parameters) - {"self", "request_options"}


_COHERE_CHAT = fields(
    {*_parameters(V2Client.chat), "stream"},
    {
        "model": filled,
        "messages": turns({"system", "user", "assistant"}),
        "max_tokens": count,
        "temperature": number(0, 1),
        "stream": flag,
    },
)
_COHERE_EMBED = fields(
    _parameters(V2Client.embed),
    {
        "model": filled,
        "input_type": lambda v: v in ("search_query", "search_document"),
        "texts": lambda v: isinstance(v, list) and 1 <= len(v) <= 96 and all(map(filled, v)),
        "embedding_types": lambda v: v == ["float"],
        "output_dimension": lambda v: v in (256, 512, 1024, 1536),
        "truncate": lambda v: v in ("NONE", "START", "END"),
    },
)
_COHERE_FINISH = {"stop": "COMPLETE", "length": "MAX_TOKENS", "content_filter": "ERROR"}


def _check_cohere_chat(body: Any) -> dict[str, Any]:
    found = check_body(body, _COHERE_CHAT, {"model", "messages", "stream"}, status=422)
    known(found["model"], COHERE_CHAT_MODELS)
    return found


def check_cohere_embed(body: Any) -> dict[str, Any]:
    found = check_body(body, _COHERE_EMBED, {"model", "input_type", "texts", "embedding_types"}, status=422)
    if found["model"] not in COHERE_EMBEDDING:
        raise WireError(404, f"model '{found['model']}' not found")
    if "output_dimension" in found and not found["model"].startswith("embed-v4"):
        raise WireError(400, "output_dimension is only supported by embed-v4 and newer models")
    return found


def cohere_embed_answer(body: Mapping[str, Any]) -> dict[str, Any]:
    """A question's vector differs from a passage's: the service embeds them differently too."""
    length = body.get("output_dimension", COHERE_EMBEDDING[body["model"]])
    rows = [vector(f"{body['input_type']} {text}", length) for text in body["texts"]]
    return {
        "id": "1",
        "embeddings": {"float": rows},
        "texts": body["texts"],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": len(body["texts"])}},
    }


def _cohere_usage(body: Mapping[str, Any], text: str) -> dict[str, Any]:
    billed = {"input_tokens": asked_words(body["messages"]), "output_tokens": len(text.split())}
    return {"billed_units": billed, "tokens": {"input_tokens": billed["input_tokens"] + 500, "output_tokens": 99}}


def _cohere_answer(body: Mapping[str, Any], text: str, finish: str, reports: bool) -> dict[str, Any]:
    content = [{"type": "text", "text": text}] if text else []
    return {
        "id": "1",
        "finish_reason": _COHERE_FINISH[finish],
        "message": {"role": "assistant", "content": content},
        **({"usage": _cohere_usage(body, text)} if reports else {}),
    }


def _cohere_events(body: Mapping[str, Any], text: str, finish: str, reports: bool) -> list[str]:
    start = {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}
    end = {"finish_reason": _COHERE_FINISH[finish], **({"usage": _cohere_usage(body, text)} if reports else {})}
    block = {"message": {"content": {"type": "text", "text": ""}}}
    told: list[dict[str, Any]] = [
        {"type": "message-start", "id": "1", "delta": start},
        {"type": "content-start", "index": 0, "delta": block},
    ]
    told += [
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": p}}}} for p in pieces(text)
    ]
    told += [{"type": "content-end", "index": 0}, {"type": "message-end", "delta": end}]
    return [sse(event["type"], event) for event in told]


RESPONSES, COHERE_CHAT, COHERE_EMBED = "/v1/responses", "/v2/chat", "/v2/embed"
CHAT_ROUTES: Mapping[str, ChatRoute] = {
    RESPONSES: ChatRoute(
        bearer, _check_responses, lambda body: list(body["input"]), wants_stream, _response, _response_events,
        _openai_error,
        sse("error", {"type": "error", "code": "server_error", "message": "It failed", "param": None,
                       "sequence_number": 9}),
    ),
    COHERE_CHAT: ChatRoute(
        bearer, _check_cohere_chat, lambda body: list(body["messages"]), wants_stream, _cohere_answer,
        _cohere_events, lambda status, message: {"id": "1", "message": message},
        sse("message-end", {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "It failed"}}),
    ),
    **OTHER_ROUTES,
}  # fmt: skip
