"""The room that hosted services share: real requests to a small local server that misbehaves as told."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app import patience
from app.errors import (
    ProviderAuth,
    ProviderBroken,
    ProviderError,
    ProviderNonsense,
    ProviderPaused,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnreachable,
    SettingsError,
)
from app.providers.breaker import forget_failures
from app.providers.failures import Service
from app.providers.http import HttpService

SECRET = "very-secret-key-1"
NAMED = Service("Acme", "ACME_KEY", "ACME_URL", "ACME_TIMEOUT", "ACME_MODEL", secret=SECRET)


@pytest.fixture(autouse=True)
def no_breaker_from_before() -> None:
    """Servers of these tests come and go on the same ports; what one of them did is not the next one's fault."""
    forget_failures()


class Script:
    """What the server does with the next requests: a status, (status, text), or the name of a misfortune."""

    def __init__(self) -> None:
        self.next: deque[Any] = deque()
        self.seen: list[tuple[str, dict[str, str], Any]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.script.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(raw)))
        step = self.script.next.popleft() if self.script.next else (200, '{"fine": true}', {})
        if step == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif step == "silent":
            time.sleep(1.5)
            self.close_connection = True
        elif step in ("drip", "drip-headers"):
            self.drip(in_headers=step == "drip-headers")
        else:
            self.reply(*step)

    def drip(self, *, in_headers: bool) -> None:
        start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        self.wfile.write(start if in_headers else start + b"Content-Length: 1000\r\n\r\n")
        self.close_connection = True
        for _ in range(30):
            self.wfile.write(b"X-A: b\r\n" if in_headers else b" ")
            self.wfile.flush()
            time.sleep(0.1)

    def reply(self, status: int, text: str, headers: dict[str, str]) -> None:
        data = text.encode()
        self.send_response_only(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up on purpose."""


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def url(script: Script) -> Iterator[str]:
    handler = type("Handler", (_Handler,), {"script": script})
    server = _Quiet(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/base"
    server.shutdown()
    server.server_close()


def says(status: int, body: object = None, **headers: str) -> tuple[int, str, dict[str, str]]:
    text = body if isinstance(body, str) else json.dumps({"message": f"no, {status}"} if body is None else body)
    return status, text, {name.replace("_", "-"): value for name, value in headers.items()}


def opened(url: str, *, read: float = 5.0, **values: Any) -> HttpService:
    return HttpService(NAMED, url, read=read, **values)


def test_what_is_sent_and_what_comes_back(url: str, script: Script) -> None:
    service = opened(url, headers={"X-Version": "2026-04"})
    assert service.post("/v1/rerank", {"query": "Wie heißt er?"}, params={"api-version": "7"}) == {"fine": True}
    ((path, headers, body),) = script.seen
    assert path == "/base/v1/rerank?api-version=7"
    assert body == {"query": "Wie heißt er?"}
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["x-version"] == "2026-04"
    assert headers["content-type"] == "application/json"


def test_a_key_may_go_in_another_header_and_headers_may_be_made_anew(url: str, script: Script) -> None:
    made: list[int] = []

    def fresh() -> dict[str, str]:
        made.append(1)
        return {"X-Turn": str(len(made))}

    script.next.append(says(503, Retry_After="0"))
    opened(url, key_header="Api-Key", headers=fresh).post("/rerank", {})
    assert [headers["x-turn"] for _, headers, _ in script.seen] == ["1", "2"]
    assert script.seen[0][1]["api-key"] == SECRET
    assert "authorization" not in script.seen[0][1]


@pytest.mark.parametrize(
    ("status", "kind", "times"),
    [
        (400, ProviderRejected, 1),
        (401, ProviderAuth, 1),
        (403, ProviderAuth, 1),
        (404, ProviderRejected, 1),
        (408, ProviderTimeout, 3),
        (409, ProviderRejected, 3),
        (413, ProviderRejected, 1),
        (422, ProviderRejected, 1),
        (429, ProviderRateLimited, 3),
        (500, ProviderBroken, 3),
        (501, ProviderBroken, 1),
        (503, ProviderBroken, 3),
        (504, ProviderTimeout, 3),
    ],
)
def test_a_status_is_an_error_of_ours_and_tried_again_where_that_may_help(
    url: str, script: Script, status: int, kind: type[ProviderError], times: int
) -> None:
    script.next.extend([says(status, Retry_After="0.01")] * 3)
    with patience.recorded() as attempts, pytest.raises(kind) as caught:
        opened(url).post("/rerank", {})
    assert type(caught.value) is kind
    assert caught.value.hint
    assert len(script.seen) == len(attempts) == times
    assert {attempt.service for attempt in attempts} == {"Acme"}
    assert all(attempt.outcome == caught.value.message for attempt in attempts)


def test_an_outage_is_waited_out_and_the_attempts_are_known(url: str, script: Script) -> None:
    script.next.extend([says(503), "reset", says(200, [1, 2])])
    with patience.recorded() as attempts:
        assert opened(url).post("/rerank", {}) == [1, 2]
    assert [attempt.outcome for attempt in attempts] == ["Acme failed: no, 503.", "Acme cannot be reached.", "answered"]
    assert 0.25 <= attempts[1].waited <= 0.5
    assert 0.5 <= attempts[2].waited <= 1.0


def test_retry_after_may_be_a_date_by_the_servers_own_clock(url: str, script: Script) -> None:
    theirs = datetime(2031, 5, 1, 12, 0, 0, tzinfo=UTC)
    until = format_datetime(theirs + timedelta(seconds=1), usegmt=True)
    script.next.append((429, "{}", {"Retry-After": until, "Date": format_datetime(theirs, usegmt=True)}))
    with patience.recorded() as attempts:
        opened(url).post("/rerank", {})
    assert attempts[1].waited == 1.0


def test_a_wait_that_does_not_fit_is_not_begun_and_the_service_is_left_alone_as_long(url: str, script: Script) -> None:
    script.next.append(says(429, Retry_After="60"))
    service = opened(url)
    with pytest.raises(ProviderRateLimited):
        service.post("/rerank", {})
    with pytest.raises(ProviderPaused, match=r"Acme asked to be left alone .* in (59|60) s. Last: Acme is limiting"):
        service.post("/rerank", {})
    assert len(script.seen) == 1


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (says(200, "<html><h1>Welcome to nginx!</h1>", Content_Type="text/html"), "a web page instead of JSON"),
        (says(200, ""), "an empty body"),
        (says(200, '{"results": [{"index": 0, "rel'), "what is not JSON, or only half of it"),
        (says(200, "null"), "what is not JSON"),
        (says(200, {"error": {"message": "model is loading"}}), "an error inside a success: model is loading"),
        (says(200, {"error": f"bad key {SECRET}"}), "an error inside a success: bad key ***"),
        (says(302, "", Location="http://127.0.0.1:9/"), "a redirect"),
        (says(200, json.dumps("x" * 2_000_000)), "more than 1 MB"),
    ],
)
def test_what_cannot_be_an_answer_is_said(url: str, script: Script, step: Any, said: str) -> None:
    script.next.append(step)
    with pytest.raises(ProviderNonsense) as caught:
        opened(url, limit_mb=1).post("/rerank", {})
    assert f"Acme answered with {said}" in caught.value.message
    assert len(script.seen) == 1


def test_half_a_body_is_a_broken_connection(url: str, script: Script) -> None:
    script.next.extend([(200, '{"fine":', {"Content-Length": "100", "Connection": "close"})] * 3)
    with pytest.raises(ProviderUnreachable):
        opened(url, read=0.5, seconds=5).post("/rerank", {})


def test_a_success_with_a_status_inside_is_that_failure(url: str, script: Script) -> None:
    script.next.append(says(200, {"error": {"code": 401, "message": "no such key"}}))
    with pytest.raises(ProviderAuth, match="no such key"):
        opened(url).post("/rerank", {})


@pytest.mark.parametrize("step", ["silent", "drip", "drip-headers"])
def test_silence_and_dripping_end_with_the_time(url: str, script: Script, step: str) -> None:
    script.next.extend([step] * 3)
    began = time.monotonic()
    with pytest.raises(ProviderTimeout):
        opened(url, read=0.4).post("/rerank", {})
    assert time.monotonic() - began < 0.9
    assert len(script.seen) == 1


def test_what_is_left_of_the_question_is_all_there_is(url: str, script: Script) -> None:
    script.next.append("drip")
    service = opened(url, read=30)
    began = time.monotonic()
    with pytest.raises(ProviderTimeout), patience.within(0.3):
        service.post("/rerank", {})
    assert time.monotonic() - began < 0.7
    with pytest.raises(ProviderTimeout, match="no time left to ask Acme"), patience.within(0):
        service.post("/rerank", {})
    assert len(script.seen) == 1
    assert service.post("/rerank", {}) == {"fine": True}


def test_nobody_there_is_tried_again_and_then_left_alone() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service = opened(f"http://127.0.0.1:{port}", attempts=1)
    for _ in range(3):
        with pytest.raises(ProviderUnreachable):
            service.post("/rerank", {})
    with pytest.raises(
        ProviderPaused, match="failed 3 times in a row and is not asked for now; it will be tried again"
    ):
        service.post("/rerank", {})


@pytest.mark.parametrize(
    "address",
    [
        f"https://user:{SECRET}@example.org",
        f"https://example.org/?api_key={SECRET}",
        "https://example.org/sk-abcdefghijklmnop/v1",
        "example.org",
        "https://",
        "https://example.org:port",
    ],
)
def test_an_address_that_holds_a_key_or_is_none_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        opened(address)
    text = caught.value.message + caught.value.hint
    assert "ACME_URL" in text
    assert SECRET not in text
    assert "abcdefghijklmnop" not in text


def test_a_key_the_service_repeats_is_not_repeated(url: str, script: Script) -> None:
    script.next.append(says(401, {"detail": f"Invalid key: {SECRET}"}))
    with pytest.raises(ProviderAuth) as caught:
        opened(url).post("/rerank", {})
    assert caught.value.message == "Acme refused the key: Invalid key: ***."
