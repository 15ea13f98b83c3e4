"""More chat and embedding formats: OpenAI Responses, Cohere chat and embed v2, Anthropic Messages, Gemini.

Field names come from the request types of the SDKs where there are such types, what a field may hold from the
services' references. A request is refused for an unknown or missing field, a wrong type, or null where absent is meant.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cohere.v2.client import V2Client
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from tests.wire.formats import KEY, Check, WireError, check_body, vector, words

COHERE_CHAT_MODELS = {"command-a-03-2025", "command-r-08-2024"}
RESPONSES_MODELS = {"gpt-4o-mini", "gpt-5-mini", "o4-mini", "llama3.2"}
COHERE_EMBEDDING = {"embed-v4.0": 1536, "embed-english-v3.0": 1024, "embed-multilingual-v3.0": 1024}
ANTHROPIC_MODELS = {"claude-sonnet-4-5"}
GEMINI_MODELS = {"gemini-2.5-flash"}


@dataclass(frozen=True)
class ChatRoute:
    """One service. `asked`: the conversation, its last text last; `streams`: whether events are wanted."""

    check_headers: Callable[[Mapping[str, str], str], None]
    check: Callable[[Any], dict[str, Any]]
    asked: Callable[[Mapping[str, Any]], list[dict[str, Any]]]
    streams: Callable[[Mapping[str, Any], str], bool]
    answer: Callable[[Mapping[str, Any], str, str, bool], dict[str, Any]]
    events: Callable[[Mapping[str, Any], str, str, bool], list[str]]
    error: Callable[[int, str], Any]
    broken: str = ""  # the event that says the service failed in the middle


def _text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _number(low: float, high: float) -> Check:
    return lambda v: isinstance(v, int | float) and not isinstance(v, bool) and low <= v <= high


def _not_used(value: Any) -> bool:
    """The field exists; what it may hold is not checked here, because nothing of ours sends it."""
    return False


def _fields(names: set[str], used: Mapping[str, Check]) -> dict[str, Check]:
    assert set(used) <= names, sorted(set(used) - names)
    return {name: used.get(name, _not_used) for name in names}


def _turns(roles: set[str], *, extra: set[str] = frozenset()) -> Check:  # type: ignore[assignment]
    def check(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) >= 1
            and all(isinstance(t, dict) and set(t) <= {"role", "content", *extra} for t in value)
            and all(t.get("role") in roles and _text(t.get("content")) for t in value)
        )

    return check


def _bearer(headers: Mapping[str, str], query: str) -> None:
    if headers.get("Authorization") != f"Bearer {KEY}":
        raise WireError(401, f"Incorrect API key provided: {headers.get('Authorization', 'none')}.")
    if query:
        raise WireError(400, f"the query string is {query!r}")


def _known(model: str, models: set[str]) -> None:
    if model not in models:
        raise WireError(404, f"The model `{model}` does not exist or you do not have access to it.")


def _sse(kind: str, data: Mapping[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"


def _pieces(text: str) -> list[str]:
    return re.findall(r"\S+\s*", text)


def _asked_words(turns: list[dict[str, Any]]) -> int:
    return sum(len(words(t["content"])) for t in turns)


# -- OpenAI Responses --------------------------------------------------------------------------------------------------

_RESPONSES = _fields(
    {*ResponseCreateParamsBase.__annotations__, "stream"},
    {
        "model": _text,
        "input": _turns({"system", "developer", "user", "assistant"}, extra={"type"}),
        "instructions": _text,
        "max_output_tokens": lambda v: _count(v) and v >= 16,
        "temperature": _number(0, 2),
        "store": lambda v: v is False,  # the service keeps what it is not told to forget, so that is asked for here
        "stream": _flag,
    },
)


def _check_responses(body: Any) -> dict[str, Any]:
    found = check_body(body, _RESPONSES, {"model", "input", "store"}, status=400)
    _known(found["model"], RESPONSES_MODELS)
    if found["model"].startswith(("o", "gpt-5")) and "temperature" in found:
        raise WireError(400, "Unsupported parameter: 'temperature' is not supported with this model.")
    return found


def _response(body: Mapping[str, Any], text: str, finish: str, reports: bool) -> dict[str, Any]:
    why = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(finish)
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }  # fmt: skip
    asked, said = _asked_words(body["input"]), len(text.split())
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
            *({"type": "response.output_text.delta", **at, "delta": p, "logprobs": []} for p in _pieces(text)),
            {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
            {"type": "response.output_item.done", "output_index": 0, "item": whole["output"][0]},
        ]
    told.append({"type": f"response.{whole['status']}", "response": whole})
    return [_sse(event["type"], {**event, "sequence_number": i}) for i, event in enumerate(told)]


def _openai_error(status: int, message: str) -> Any:
    return {"error": {"message": message, "type": "error", "param": None, "code": None}}


# -- Cohere ------------------------------------------------------------------------------------------------------------


def _parameters(method: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(method).parameters) - {"self", "request_options"}


_COHERE_CHAT = _fields(
    {*_parameters(V2Client.chat), "stream"},
    {
        "model": _text,
        "messages": _turns({"system", "user", "assistant"}),
        "max_tokens": _count,
        "temperature": _number(0, 1),
        "stream": _flag,
    },
)
_COHERE_EMBED = _fields(
    _parameters(V2Client.embed),
    {
        "model": _text,
        "input_type": lambda v: v in ("search_query", "search_document"),
        "texts": lambda v: isinstance(v, list) and 1 <= len(v) <= 96 and all(map(_text, v)),
        "embedding_types": lambda v: v == ["float"],
        "output_dimension": lambda v: v in (256, 512, 1024, 1536),
        "truncate": lambda v: v in ("NONE", "START", "END"),
    },
)
_COHERE_FINISH = {"stop": "COMPLETE", "length": "MAX_TOKENS", "content_filter": "ERROR"}


def _check_cohere_chat(body: Any) -> dict[str, Any]:
    found = check_body(body, _COHERE_CHAT, {"model", "messages", "stream"}, status=422)
    _known(found["model"], COHERE_CHAT_MODELS)
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
    billed = {"input_tokens": _asked_words(body["messages"]), "output_tokens": len(text.split())}
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
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": p}}}} for p in _pieces(text)
    ]
    told += [{"type": "content-end", "index": 0}, {"type": "message-end", "delta": end}]
    return [_sse(event["type"], event) for event in told]


# -- Anthropic ---------------------------------------------------------------------------------------------------------

_ANTHROPIC: dict[str, Check] = {
    "model": _text,
    "max_tokens": _count,
    "messages": _turns({"user", "assistant"}),
    "system": _text,
    "stream": _flag,
    "temperature": _number(0, 1),
}
_ANTHROPIC_FINISH = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


def _anthropic_headers(headers: Mapping[str, str], query: str) -> None:
    if headers.get("x-api-key") != KEY and headers.get("Authorization") != f"Bearer {KEY}":
        raise WireError(401, "invalid x-api-key")
    if not re.fullmatch(r"20\d\d-\d\d-\d\d", headers.get("anthropic-version", "")):
        raise WireError(400, "anthropic-version: header is required")


def _check_anthropic(body: Any) -> dict[str, Any]:
    found = check_body(body, _ANTHROPIC, {"model", "max_tokens", "messages"}, status=400)
    _known(found["model"], ANTHROPIC_MODELS)
    return found


def _anthropic_usage(body: Mapping[str, Any], said: int) -> dict[str, int]:
    asked = _asked_words(body["messages"]) + len(words(body.get("system", "")))
    return {"input_tokens": asked, "output_tokens": said}


def _anthropic_answer(body: Mapping[str, Any], text: str, finish: str, reports: bool) -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None,
        "content": [{"type": "text", "text": text}] if text else [], "stop_reason": _ANTHROPIC_FINISH[finish],
        "usage": _anthropic_usage(body, len(text.split())),
    }  # fmt: skip


def _anthropic_events(body: Mapping[str, Any], text: str, finish: str, reports: bool) -> list[str]:
    begun = {**_anthropic_answer(body, "", finish, reports), "stop_reason": None, "usage": _anthropic_usage(body, 1)}
    told: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    if text:
        told += [
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": p}}
                for p in _pieces(text)
            ),
            {"type": "content_block_stop", "index": 0},
        ]
    end = {"stop_reason": _ANTHROPIC_FINISH[finish], "stop_sequence": None}
    told.append({"type": "message_delta", "delta": end, "usage": _anthropic_usage(body, len(text.split()))})
    told.append({"type": "message_stop"})
    return [_sse(event["type"], event) for event in told]


def _anthropic_error(status: int, message: str) -> Any:
    kinds = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}


# -- Gemini ------------------------------------------------------------------------------------------------------------


def _parts(value: Any) -> bool:
    return isinstance(value, dict) and set(value) <= {"role", "parts"} and all(_text(p["text"]) for p in value["parts"])


_GEMINI: dict[str, Check] = {
    "contents": lambda v: isinstance(v, list) and len(v) >= 1 and all(map(_parts, v)),
    "systemInstruction": _parts,
    "safetySettings": lambda v: v == [],
    "generationConfig": lambda v: (
        isinstance(v, dict)
        and set(v) <= {"temperature", "candidateCount", "maxOutputTokens"}
        and _count(v.get("maxOutputTokens"))
    ),
}
_GEMINI_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}


def _gemini_headers(headers: Mapping[str, str], query: str) -> None:
    if headers.get("x-goog-api-key") != KEY:
        raise WireError(401, "API key not valid. Please pass a valid API key.")
    if query not in ("", "alt=sse"):
        raise WireError(400, f"the query string is {query!r}")


def _gemini_turns(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    both = [body.get("systemInstruction", {"parts": []}), *body["contents"]]
    return [{"role": "user", "content": part["text"]} for turn in both for part in turn["parts"]]


def _gemini_piece(body: Mapping[str, Any], text: str, finish: str, said: int, reports: bool) -> dict[str, Any]:
    asked = _asked_words(_gemini_turns(body))
    usage = {"promptTokenCount": asked, "candidatesTokenCount": said, "totalTokenCount": asked + said}
    content = {"role": "model", "parts": [{"text": text}]} if text else {"role": "model"}
    candidate = {"index": 0, "content": content, **({"finishReason": _GEMINI_FINISH[finish]} if finish else {})}
    found = {"candidates": [candidate], "modelVersion": "gemini-2.5-flash", "responseId": "r1"}
    return {**found, **({"usageMetadata": usage} if reports and finish else {})}


def _gemini_answer(body: Mapping[str, Any], text: str, finish: str, reports: bool) -> dict[str, Any]:
    return _gemini_piece(body, text, finish, len(text.split()), reports)


def _gemini_events(body: Mapping[str, Any], text: str, finish: str, reports: bool) -> list[str]:
    parts = _pieces(text) or [""]
    told = [_gemini_piece(body, part, "", 0, reports) for part in parts[:-1]]
    told.append(_gemini_piece(body, parts[-1], finish, len(text.split()), reports))
    return [f"data: {json.dumps(event)}\n\n" for event in told]


def _gemini_error(status: int, message: str) -> Any:
    return {"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}


RESPONSES, COHERE_CHAT, COHERE_EMBED, MESSAGES = "/v1/responses", "/v2/chat", "/v2/embed", "/v1/messages"
GEMINI = "/v1beta/models/gemini-2.5-flash:generateContent"
GEMINI_STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"


def _wants_stream(body: Mapping[str, Any], path: str) -> bool:
    return body.get("stream") is True


_gemini = ChatRoute(
    _gemini_headers,
    lambda body: check_body(body, _GEMINI, {"contents"}, status=400),
    _gemini_turns,
    lambda body, path: path == GEMINI_STREAM,
    _gemini_answer,
    _gemini_events,
    _gemini_error,
    'data: {"error": {"code": 500, "message": "An internal error", "status": "INTERNAL"}}\n\n',
)
CHAT_ROUTES: Mapping[str, ChatRoute] = {
    RESPONSES: ChatRoute(
        _bearer, _check_responses, lambda body: list(body["input"]), _wants_stream, _response, _response_events,
        _openai_error,
        _sse("error", {"type": "error", "code": "server_error", "message": "It failed", "param": None,
                       "sequence_number": 9}),
    ),
    COHERE_CHAT: ChatRoute(
        _bearer, _check_cohere_chat, lambda body: list(body["messages"]), _wants_stream, _cohere_answer,
        _cohere_events, lambda status, message: {"id": "1", "message": message},
        _sse("message-end", {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "It failed"}}),
    ),
    MESSAGES: ChatRoute(
        _anthropic_headers, _check_anthropic, lambda body: list(body["messages"]), _wants_stream, _anthropic_answer,
        _anthropic_events, _anthropic_error,
        _sse("error", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    ),
    GEMINI: _gemini,
    GEMINI_STREAM: _gemini,
}  # fmt: skip
