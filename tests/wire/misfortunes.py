"""What can happen to a request before it is looked at, by name: silence, a reset, half a body, a web page, a status."""

from __future__ import annotations

import socket
import struct
import time
from abc import abstractmethod
from http.server import BaseHTTPRequestHandler
from typing import Any

SLOW = 3.0  # seconds the scenario "timeout" is silent; clients under test wait less


class Misfortunes(BaseHTTPRequestHandler):
    """A handler that can fail; what it says when it refuses is the service's own."""

    @property
    @abstractmethod
    def address(self) -> str: ...

    @abstractmethod
    def refuse(self, status: int, message: str, headers: dict[str, str] | None = None) -> None: ...

    @abstractmethod
    def send_json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None: ...

    @abstractmethod
    def send_text(self, status: int, kind: str, text: str, headers: dict[str, str] | None = None) -> None: ...

    def fail(self, scenario: str) -> bool:
        """Scenarios in which the request is not even looked at; True when one was played."""
        if scenario == "reset":
            # an RST instead of a FIN
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif scenario == "timeout":
            time.sleep(SLOW)
            self.close_connection = True
        elif scenario == "malformed":
            self.send_text(200, "application/json", '{"results": [{"index": 0, "relev')
        elif scenario == "html":
            self.send_text(200, "text/html", "<html><body><h1>Welcome to nginx!</h1></body></html>")
        elif scenario == "html-502":
            self.send_text(502, "text/html", "<html><body><h1>502 Bad Gateway</h1></body></html>")
        elif scenario == "empty":
            self.send_text(200, "application/json", "")
        elif scenario == "not-an-object":
            self.send_text(200, "application/json", "[]")
        elif scenario == "null":
            self.send_text(200, "application/json", "null")
        elif scenario == "error-inside":
            self.send_json(200, {"error": {"message": "The model is overloaded", "type": "server_error"}})
        elif scenario == "redirect":
            self.send_text(302, "text/html", "", {"Location": f"{self.address}/elsewhere"})
        elif scenario == "part":
            self.send_part(b'{"results": [{"index": 0, "relevance_score": 0.5}', of=1000)
        elif scenario == "drip":
            self.drip()
        elif "-after-" in scenario:
            status, _, wait = scenario.partition("-after-")
            self.refuse(int(status), "Rate limit reached", {"Retry-After": wait})
        elif scenario.isdigit():
            self.refuse(int(scenario), f"refused with {scenario}")
        else:
            return False
        return True

    def send_part(self, data: bytes, *, of: int) -> None:
        """A body that is announced longer than what comes before the connection ends."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(of))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()
        self.close_connection = True

    def drip(self) -> None:
        """A body that comes a byte at a time, without an end: never silent for long, and never done."""
        self.send_part(b"{", of=1000)
        until = time.monotonic() + SLOW
        while time.monotonic() < until:
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.05)


def spoiled_rows(answer: dict[str, Any], scenario: str) -> dict[str, Any]:
    """Cohere's vectors, or wrong in the way the scenario says."""
    rows = answer["embeddings"]["float"]
    if scenario == "short":
        rows.pop()
    elif scenario == "nan":
        rows[0][0] = float("nan")
    elif scenario == "zeros":
        rows[0] = [0.0] * len(rows[0])
    elif scenario == "other-length":
        rows[-1] = rows[-1][:-1]
    elif scenario == "shorter":
        answer["embeddings"]["float"] = [row[:-1] for row in rows]
    elif scenario == "no-items":
        answer["embeddings"] = {}
    elif scenario != "happy":
        raise AssertionError(f"unknown scenario {scenario}")
    return answer
