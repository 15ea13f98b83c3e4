"""What one chat service's wire format consists of, and the checks that several of them share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.wire.formats import KEY, Check, WireError, words


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


def filled(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def number(low: float, high: float) -> Check:
    return lambda v: isinstance(v, int | float) and not isinstance(v, bool) and low <= v <= high


def not_used(value: Any) -> bool:
    """The field exists; what it may hold is not checked here, because nothing of ours sends it."""
    return False


def fields(names: set[str], used: Mapping[str, Check]) -> dict[str, Check]:
    assert set(used) <= names, sorted(set(used) - names)
    return {name: used.get(name, not_used) for name in names}


def turns(roles: set[str], *, extra: set[str] = frozenset()) -> Check:  # type: ignore[assignment]
    def check(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) >= 1
            and all(isinstance(t, dict) and set(t) <= {"role", "content", *extra} for t in value)
            and all(t.get("role") in roles and filled(t.get("content")) for t in value)
        )

    return check


def bearer(headers: Mapping[str, str], query: str) -> None:
    if headers.get("Authorization") != f"Bearer {KEY}":
        raise WireError(401, f"Incorrect API key provided: {headers.get('Authorization', 'none')}.")
    if query:
        raise WireError(400, f"the query string is {query!r}")


def known(model: str, models: set[str]) -> None:
    if model not in models:
        raise WireError(404, f"The model `{model}` does not exist or you do not have access to it.")


def sse(kind: str, data: Mapping[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"


def pieces(text: str) -> list[str]:
    return re.findall(r"\S+\s*", text)


def asked_words(turns: list[dict[str, Any]]) -> int:
    return sum(len(words(t["content"])) for t in turns)


def wants_stream(body: Mapping[str, Any], path: str) -> bool:
    return body.get("stream") is True
