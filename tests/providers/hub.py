"""A small HTTP server that plays the Hugging Face hub for one model: its facts, its files, and ranges of them."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """Serves `folder` as the model `name`. `cuts`: so many bytes of `cut_file`, and the connection is lost, once; 0:
    never. `gone`: it is not there again after that.

    `status`: what every request gets instead, where it is not 200. `asked`: (method, path, Range header).
    """

    name: str
    folder: Path
    cut_file: str = ""
    cuts: int = 0
    gone: bool = False
    status: int = 200
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.hub = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def files(self) -> dict[str, bytes]:
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: Hub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that were cut on purpose are no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Silent: tests read `asked`."""

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        hub, url = self.server.hub, urlsplit(self.path)
        hub.asked.append((self.command, url.path, self.headers.get("Range")))
        if hub.status != 200:
            self._send(hub.status, b"{}", {"X-Error-Code": "RepoNotFound"} if hub.status == 404 else {}, body=body)
            return
        files = hub.files()
        if url.path in (f"/api/models/{hub.name}", f"/api/models/{hub.name}/revision/main"):
            self._send(200, json.dumps(self._about(files, "blobs" in parse_qs(url.query))).encode(), {}, body=body)
            return
        if url.path == f"/api/models/{hub.name}/tree/{COMMIT}":
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": _oid(data)} for name, data in files.items()
            ]
            self._send(200, json.dumps(tree).encode(), {}, body=body)
            return
        for revision in ("main", COMMIT):
            prefix = f"/{hub.name}/resolve/{revision}/"
            if url.path.startswith(prefix) and url.path.removeprefix(prefix) in files:
                self._file(url.path.removeprefix(prefix), files[url.path.removeprefix(prefix)], body=body)
                return
        self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body=body)

    def _about(self, files: dict[str, bytes], blobs: bool) -> dict[str, Any]:
        siblings = [{"rfilename": name, **({"size": len(data)} if blobs else {})} for name, data in files.items()]
        return {"id": self.server.hub.name, "sha": COMMIT, "private": False, "tags": [], "siblings": siblings}

    def _file(self, name: str, data: bytes, *, body: bool) -> None:
        hub = self.server.hub
        headers = {"ETag": f'"{_oid(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked and body else 0
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if body and name == hub.cut_file and hub.cuts:
            self._head(206 if start else 200, len(data) - start, headers)
            self.wfile.write(data[start : start + hub.cuts])
            hub.cuts = 0
            hub.status = 503 if hub.gone else hub.status
            self.close_connection = True
            return
        self._send(206 if start else 200, data[start:], headers, body=body)

    def _send(self, status: int, data: bytes, headers: dict[str, str], *, body: bool) -> None:
        self._head(status, len(data), headers)
        if body:
            self.wfile.write(data)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _oid(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
