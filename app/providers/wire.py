"""An HTTP client that keeps to the deadline of the question (`patience.within`), for SDKs that take one and for ours.

httpx counts its read timeout anew with every few bytes, so that a server which drips is never too slow for it. Here
each read and each connection gets what is left of the deadline at most, headers and bodies alike.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from app import patience

CONNECT = 3.0  # seconds


def http_client(read: float, *, connect: float = CONNECT, follow_redirects: bool = False) -> httpx.Client:
    """A client to keep and to share between threads. `read`: seconds a server may be silent.

    Proxies and certificates of the environment are used as httpx uses them.
    """
    client = httpx.Client(timeout=httpx.Timeout(read, connect=connect, pool=connect), follow_redirects=follow_redirects)
    for transport in (client._transport, *client._mounts.values()):
        pool = getattr(transport, "_pool", None)  # httpx offers no public way to give its pool a backend
        if pool is not None:
            pool._network_backend = _Backend(pool._network_backend)
    return client


def _shorter(timeout: float | None) -> float | None:
    left = patience.left()
    if left is None:
        return timeout
    if left <= 0:
        return 0.0
    return left if timeout is None else min(timeout, left)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        timeout = _shorter(timeout)
        if timeout == 0.0:
            raise httpcore.ConnectTimeout("out of time")
        return _Stream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.connect_unix_socket(path, _shorter(timeout), socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        timeout = _shorter(timeout)
        if timeout == 0.0:
            raise httpcore.ReadTimeout("out of time")
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        timeout = _shorter(timeout)
        if timeout == 0.0:
            raise httpcore.WriteTimeout("out of time")
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _shorter(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
