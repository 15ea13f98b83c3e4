"""Anthropic's Messages and Google's Gemini on the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.wire.chat_route import (
    ChatRoute,
    asked_words,
    count,
    filled,
    flag,
    known,
    number,
    pieces,
    sse,
    turns,
    wants_stream,
)
from tests.wire.formats import KEY, Check, WireError, check_body, words

ANTHROPIC_MODELS = {"claude-sonnet-4-5"}

# -- Anthropic ---------------------------------------------------------------------------------------------------------

_ANTHROPIC: dict[str, Check] = {
    "model": filled,
    "max_tokens": count,
    "messages": turns({"user", "assistant"}),
    "system": filled,
    "stream": flag,
    "temperature": number(0, 1),
}
_ANTHROPIC_FINISH = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


def _anthropic_headers(headers: Mapping[str, str], query: str) -> None:
    if headers.get("x-api-key") != KEY and headers.get("Authorization") != f"Bearer {KEY}":
        raise WireError(401, "invalid x-api-key")
    if not re.fullmatch(r"20\d\d-\d\d-\d\d", headers.get("anthropic-version", "")):
        raise WireError(400, "anthropic-version: header is required")


def _check_anthropic(body: Any) -> dict[str, Any]:
    found = check_body(body, _ANTHROPIC, {"model", "max_tokens", "messages"}, status=400)
    known(found["model"], ANTHROPIC_MODELS)
    return found


def _anthropic_usage(body: Mapping[str, Any], said: int) -> dict[str, int]:
    asked = asked_words(body["messages"]) + len(words(body.get("system", "")))
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
                for p in pieces(text)
            ),
            {"type": "content_block_stop", "index": 0},
        ]
    end = {"stop_reason": _ANTHROPIC_FINISH[finish], "stop_sequence": None}
    told.append({"type": "message_delta", "delta": end, "usage": _anthropic_usage(body, len(text.split()))})
    told.append({"type": "message_stop"})
    return [sse(event["type"], event) for event in told]


def _anthropic_error(status: int, message: str) -> Any:
    kinds = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}


# -- Gemini ------------------------------------------------------------------------------------------------------------


def _parts(value: Any) -> bool:
    return (
        isinstance(value, dict) and set(value) <= {"role", "parts"} and all(filled(p["text"]) for p in value["parts"])
    )


_GEMINI: dict[str, Check] = {
    "contents": lambda v: isinstance(v, list) and len(v) >= 1 and all(map(_parts, v)),
    "systemInstruction": _parts,
    "safetySettings": lambda v: v == [],
    "generationConfig": lambda v: (
        isinstance(v, dict)
        and set(v) <= {"temperature", "candidateCount", "maxOutputTokens"}
        and count(v.get("maxOutputTokens"))
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
    asked = asked_words(_gemini_turns(body))
    usage = {"promptTokenCount": asked, "candidatesTokenCount": said, "totalTokenCount": asked + said}
    content = {"role": "model", "parts": [{"text": text}]} if text else {"role": "model"}
    candidate = {"index": 0, "content": content, **({"finishReason": _GEMINI_FINISH[finish]} if finish else {})}
    found = {"candidates": [candidate], "modelVersion": "gemini-2.5-flash", "responseId": "r1"}
    return {**found, **({"usageMetadata": usage} if reports and finish else {})}


def _gemini_answer(body: Mapping[str, Any], text: str, finish: str, reports: bool) -> dict[str, Any]:
    return _gemini_piece(body, text, finish, len(text.split()), reports)


def _gemini_events(body: Mapping[str, Any], text: str, finish: str, reports: bool) -> list[str]:
    parts = pieces(text) or [""]
    told = [_gemini_piece(body, part, "", 0, reports) for part in parts[:-1]]
    told.append(_gemini_piece(body, parts[-1], finish, len(text.split()), reports))
    return [f"data: {json.dumps(event)}\n\n" for event in told]


def _gemini_error(status: int, message: str) -> Any:
    return {"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}


MESSAGES = "/v1/messages"
GEMINI = "/v1beta/models/gemini-2.5-flash:generateContent"
GEMINI_STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
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
OTHER_ROUTES: Mapping[str, ChatRoute] = {
    MESSAGES: ChatRoute(
        _anthropic_headers,
        _check_anthropic,
        lambda body: list(body["messages"]),
        wants_stream,
        _anthropic_answer,
        _anthropic_events,
        _anthropic_error,
        sse("error", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    ),
    GEMINI: _gemini,
    GEMINI_STREAM: _gemini,
}
