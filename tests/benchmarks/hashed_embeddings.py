"""An embedding server that costs next to nothing, for benchmarks of everything around the embedding.

It speaks OpenAI's wire format over real HTTP. A text's vector counts its words, each hashed to a place and a sign: the
same text always has the same vector, and texts that share words are near each other.
"""

from __future__ import annotations

import json
import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

DIMENSION = 64
_WORD = re.compile(r"\w+")


def vector(text: str) -> list[float]:
    """Numbers of a text, at length 1."""
    counts = np.zeros(DIMENSION)
    for word in _WORD.findall(text.lower()):
        place = zlib.crc32(word.encode("utf-8"))
        counts[place % DIMENSION] += 1 if place & 1024 else -1
    length = float(np.linalg.norm(counts))
    return list(map(float, counts / length if length > 0 else np.eye(DIMENSION)[0]))


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        data = [{"object": "embedding", "index": n, "embedding": vector(t)} for n, t in enumerate(asked["input"])]
        body = json.dumps({"object": "list", "model": "hashed", "data": data, "usage": {"prompt_tokens": 1}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: a benchmark prints its own."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Silent too: who asked was killed, as benchmarks do."""


@contextmanager
def serving(port: int = 0) -> Iterator[str]:
    """The base URL of a running server; on any free port for 0."""
    server = _Server(("127.0.0.1", port), _Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
