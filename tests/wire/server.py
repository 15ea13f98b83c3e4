"""A local HTTP server that plays OpenAI (chat, embeddings), Cohere (rerank v2) and the services of `rerank_formats`.

It refuses what they would refuse.

    with WireServer() as server:
        settings = load_settings(openai_base_url=server.openai_url, openai_api_key=KEY, ...)

Each request is checked against the published format (`formats`). `server.play("/v2/rerank", "503", "happy")` makes the
next requests to a path go as the scenarios say, in order; after them all is well again. `server.answer` makes the chat
answers: a function of the request's messages. With `server.reports = False` answers say nothing of what they used.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.wire.chat_formats import CHAT_ROUTES, COHERE_EMBED, ChatRoute, check_cohere_embed, cohere_embed_answer
from tests.wire.formats import (
    KEY,
    WireError,
    chat_answer,
    chat_events,
    check_chat,
    check_embeddings,
    check_rerank,
    embeddings_answer,
    rerank_answer,
)
from tests.wire.llm_formats import check_decisions, decisions_answer, first_token
from tests.wire.misfortunes import SLOW, Misfortunes, spoiled_rows
from tests.wire.rerank_checks import Route
from tests.wire.rerank_formats import ROUTES, SAID, spoiled

TOKEN = "/token"
CHAT, EMBEDDINGS, RERANK = "/v1/chat/completions", "/v1/embeddings", "/v2/rerank"
DECISIONS = "/v1/decisions"

SPANS: dict[str, Any] = {  # marks that cannot be
    "span-beyond": [{"start": 0, "end": 9999, "score": 0.9}],
    "span-backwards": [{"start": 5, "end": 2, "score": 0.9}],
    "span-text": [{"start": "first", "end": "last", "score": 0.9}],
    "span-nan": [{"start": 0, "end": 3, "score": float("nan")}],
}

Answer = Callable[[list[dict[str, Any]]], str]


@dataclass
class Recorded:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: Any


def default_answer(messages: list[dict[str, Any]]) -> str:
    """Cites the first passage when there is one."""
    return "The first passage says so [1]." if "passage 1" in messages[-1]["content"] else "Nothing was given."


@dataclass
class WireServer:
    """Starts on a free port of 127.0.0.1; stops when the block ends."""

    answer: Answer = default_answer
    finish: str = "stop"
    pause: float = 0.0  # seconds between the events of a stream
    reports: bool = True  # whether answers say what was used
    cached_tokens: int = 0  # of the chat's input
    logprobs: bool = True  # whether the chat model gives them where they are asked for
    requests: list[Recorded] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)  # what a server says of itself, where it is not the usual
    instead: Any = None  # of the answer of a reranker, once the request has been found right

    def __post_init__(self) -> None:
        self._scripts: dict[str, deque[str]] = defaultdict(deque)
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.wire = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    def play(self, path: str, *scenarios: str) -> None:
        """The next requests to `path` go like this; for the names see `Misfortunes.fail` and `send_spoiled`."""
        self._scripts[path] = deque(scenarios)

    def next_scenario(self, path: str) -> str:
        return self._scripts[path].popleft() if self._scripts[path] else "happy"

    def reset(self) -> None:
        """As when it was made, but for its address."""
        for one in fields(self):
            made = one.default_factory() if one.default_factory is not MISSING else one.default
            setattr(self, one.name, made)
        self._scripts.clear()

    def start(self) -> WireServer:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def __enter__(self) -> WireServer:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    wire: WireServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients under test hang up on purpose; their broken pipes are no news."""


class _Handler(Misfortunes, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    @property
    def address(self) -> str:
        return self.server.wire.url

    def log_message(self, format: str, *args: object) -> None:
        """Silent: tests read `requests`."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in SAID:
            wire = self.server.wire
            wire.requests.append(Recorded(path, dict(self.headers.items()), None))
            if not self.fail(wire.next_scenario(path)):
                self.send_json(200, wire.said.get(path, SAID[path]))
            return
        self.send_json(405, {"error": {"message": "use POST", "type": "invalid_request_error"}})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        wire = self.server.wire
        path, _, query = self.path.partition("?")
        wire.requests.append(Recorded(path, dict(self.headers.items()), body))
        scenario = wire.next_scenario(path)
        if self.fail(scenario):
            return
        try:
            if path == TOKEN:  # Google's, for a service account: a form, not JSON
                given = {"access_token": KEY, "expires_in": 3600, "token_type": "Bearer"}
                self.send_json(200 if b"assertion=" in raw else 400, given)
                return
            if path in ROUTES:
                self.rerank(ROUTES[path], query, body, scenario)
                return
            if path in CHAT_ROUTES:
                self.other_chat(CHAT_ROUTES[path], query, body, scenario)
                return
            self.check_headers()
            if self.path == COHERE_EMBED:
                answer = cohere_embed_answer(check_cohere_embed(body))
                self.send_json(200, self.as_told(spoiled_rows(answer, scenario)))
            elif self.path == CHAT:
                self.chat(check_chat(body), scenario)
            elif self.path == EMBEDDINGS:
                self.send_spoiled(embeddings_answer(check_embeddings(body)), "data", "embedding", scenario)
            elif self.path == DECISIONS:
                self.send_spoiled(decisions_answer(check_decisions(body)), "answers", "probability", scenario)
            elif self.path == RERANK:
                self.send_spoiled(rerank_answer(check_rerank(body)), "results", "relevance_score", scenario)
            else:
                raise WireError(404, f"there is no {self.path}")
        except WireError as error:
            self.refuse(error.status, error.message)

    def rerank(self, route: Route, query: str, body: Any, scenario: str) -> None:
        route.check_headers(self.headers, query)
        answer = route.answer(route.check(body))
        if self.server.wire.instead is not None:
            self.send_json(200, self.server.wire.instead)
            return
        if not self.server.wire.reports and isinstance(answer, dict):
            answer = {name: value for name, value in answer.items() if name not in ("usage", "meta")}
        self.send_json(200, answer if scenario == "happy" else spoiled(route, answer, scenario))

    def check_headers(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            raise WireError(401, f"Incorrect API key provided: {self.headers.get('Authorization', 'none')}.")
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            raise WireError(415, "Content-Type must be application/json")

    def chat(self, body: dict[str, Any], scenario: str) -> None:
        wire = self.server.wire
        text = wire.answer(body["messages"])
        if body.get("stream") is not True:
            answer = chat_answer(body, text, wire.finish)
            if body.get("logprobs") is True and wire.logprobs:
                answer["choices"][0]["logprobs"] = first_token(body)
            self.send_json(200, self.as_told(answer))
            return
        told = [e for e in chat_events(body, text, wire.finish) if wire.reports or "usage" not in e]
        events = [f"data: {json.dumps(self.as_told(event))}\n\n" for event in told]
        events.append("data: [DONE]\n\n")
        if scenario.startswith("half"):
            events = events[: max(2, len(events) // 2)]
        elif scenario == "nothing":
            events = events[:1]
        elif scenario == "stream-error":
            events = [
                *events[:3],
                'data: {"error": {"message": "The server had an error", "type": "server_error"}}\n\n',
            ]
        self.send_events(events, scenario)

    def other_chat(self, route: ChatRoute, query: str, body: Any, scenario: str) -> None:
        wire = self.server.wire
        route.check_headers(self.headers, query)
        asked = route.check(body)
        text = wire.answer(route.asked(asked))
        if not route.streams(asked, self.path.partition("?")[0]):
            self.send_json(200, route.answer(asked, text, wire.finish, wire.reports))
            return
        events = route.events(asked, text, wire.finish, wire.reports)
        if scenario.startswith("half"):
            events = events[: max(2, len(events) // 2)]
        elif scenario == "nothing":
            events = events[:1]
        elif scenario == "stream-error":
            events = [*events[: max(2, len(events) // 2)], route.broken]
        self.send_events(events, scenario)

    def send_events(self, events: list[str], scenario: str) -> None:
        """Chunked; "half-close" ends with the connection instead, as HTTP/1.0 servers do: no client can tell."""
        chunked = scenario not in ("half-close", "nothing")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Connection", "close")))
        self.end_headers()
        for event in events:
            data = event.encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
            self.wfile.flush()
            time.sleep(self.server.wire.pause)
        if scenario == "half-timeout":
            time.sleep(SLOW)
        if chunked and not scenario.startswith("half"):
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def send_spoiled(self, answer: dict[str, Any], items: str, value: str, scenario: str) -> None:
        """A good answer, or one that is wrong in the way the scenario says."""
        found = answer[items]
        if scenario == "reversed":
            found.reverse()
        elif scenario == "short":
            found.pop()
        elif scenario == "repeated":
            found[-1]["index"] = found[0]["index"]
        elif scenario == "far-index":
            found[0]["index"] = len(found)
        elif scenario == "negative-index":
            found[0]["index"] = -1
        elif scenario == "nan":
            found[0][value] = [float("nan")] * len(found[0][value]) if items == "data" else float("nan")
        elif scenario == "text-score":
            found[0][value] = "high"
        elif scenario == "null-score":
            found[0][value] = None
        elif scenario == "too-high":
            found[0][value] = 1.5
        elif scenario == "zeros":
            for one in found:
                one[value] = [0.0] * len(one[value]) if items == "data" else 0.0
        elif scenario == "other-length":
            found[-1][value] = found[-1][value][:-1]
        elif scenario.startswith("span"):
            found[0]["relevant_spans"] = SPANS[scenario]
        elif scenario == "no-items":
            del answer[items]
        elif scenario != "happy":
            raise AssertionError(f"unknown scenario {scenario}")
        self.send_json(200, self.as_told(answer))

    def as_told(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer with as much about what it used as this server tells."""
        wire = self.server.wire
        if not wire.reports:
            return {name: value for name, value in answer.items() if name not in ("usage", "meta")}
        if wire.cached_tokens and "usage" in answer:
            return {
                **answer,
                "usage": {**answer["usage"], "prompt_tokens_details": {"cached_tokens": wire.cached_tokens}},
            }
        return answer

    def refuse(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        cohere = {"id": "1", "message": message}
        openai = {"error": {"message": message, "type": "error", "param": None, "code": None}}
        route = ROUTES.get(self.path.partition("?")[0])
        own = None if route is None else route.error(status, message)
        if (chat := CHAT_ROUTES.get(self.path.partition("?")[0])) is not None:
            own = chat.error(status, message)
        self.send_json(
            status, own if own is not None else cohere if self.path in (RERANK, COHERE_EMBED) else openai, headers
        )

    def send_json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.send_text(status, "application/json", json.dumps(body), headers)

    def send_text(self, status: int, kind: str, text: str, headers: dict[str, str] | None = None) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
