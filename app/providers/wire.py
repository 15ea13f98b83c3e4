"""HTTP clients that keep to the deadline of the question (`patience.within`), ours and those inside SDKs.

httpx counts its read timeout anew with every few bytes, so that a server which drips is never too slow for it. Here
each read and each connection gets what is left of the deadline at most, headers and bodies alike.
"""

from __future__ import annotations

import ssl
import sys
from functools import cache
from types import ModuleType
from typing import Any

import httpx
import httpx2

from app import patience

CONNECT = 3.0  # seconds


def http_client(read: float, *, connect: float = CONNECT) -> httpx.Client:
    """A client to keep and to share between threads. `read`: seconds a server may be silent.

    It follows no redirect: questions and passages go to the address that was set, and nowhere else. Proxies and
    certificates of the environment are used as httpx uses them.
    """
    timeout = httpx.Timeout(read, connect=connect, pool=connect)
    client = httpx.Client(timeout=timeout, verify=_certificates())
    keep_deadlines(client)
    return client


@cache
def _certificates() -> ssl.SSLContext:
    """Those httpx would read for each client anew, which takes thirty milliseconds."""
    return httpx.create_ssl_context()


def httpx2_client(read: float, *, connect: float = CONNECT) -> httpx2.Client:
    """The same for the SDKs that use httpx's successor (OpenAI's)."""
    timeout = httpx2.Timeout(read, connect=connect, pool=connect)
    client = httpx2.Client(timeout=timeout, verify=_certificates())
    keep_deadlines(client)
    return client


def stay_there(client: Any) -> None:
    """Make a client inside somebody's package follow no redirect; None is left as it is."""
    if client is not None:
        client.follow_redirects = False


def keep_deadlines(client: Any) -> bool:
    """Make an `httpx.Client` or `httpx2.Client` (the same under another name) keep to deadlines; whether that could be
    done. None, or a client of another kind, is left as it is: its own timeouts hold."""
    transports = (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values())
    done = False
    for transport in transports:
        pool = getattr(transport, "_pool", None)  # httpx offers no public way to give its pool a backend
        inner = getattr(pool, "_network_backend", None)
        if pool is not None and inner is not None:
            core = sys.modules[type(pool).__module__.partition(".")[0]]  # httpcore or httpcore2
            pool._network_backend = inner if isinstance(inner, _Backend) else _Backend(inner, core)
            done = True
    return done


def _shorter(timeout: float | None) -> float | None:
    """The timeout, or what is left where that is less; 0.0 when the time is up."""
    left = patience.left()
    if left is None:
        return timeout
    return max(0.0, left if timeout is None else min(timeout, left))


class _Backend:
    """A network backend of httpcore (encode.io/httpcore/network-backends) around another."""

    def __init__(self, inner: Any, core: ModuleType) -> None:
        self._inner = inner
        self._core = core

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> _Stream:
        timeout = _shorter(timeout)
        if timeout == 0.0:
            raise self._core.ConnectTimeout("out of time")
        return _Stream(self._inner.connect_tcp(host, port, timeout=timeout, **options), self._core)

    def connect_unix_socket(self, path: str, timeout: float | None = None, **options: Any) -> _Stream:
        return _Stream(self._inner.connect_unix_socket(path, timeout=_shorter(timeout), **options), self._core)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream:
    def __init__(self, inner: Any, core: ModuleType) -> None:
        self._inner = inner
        self._core = core

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        timeout = _shorter(timeout)
        if timeout == 0.0:
            raise self._core.ReadTimeout("out of time")
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        timeout = _shorter(timeout)
        if timeout == 0.0:
            raise self._core.WriteTimeout("out of time")
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> _Stream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _shorter(timeout)), self._core)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
