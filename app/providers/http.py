"""Hosted services that are asked with JSON over HTTP: the one room all their adapters share.

    service = HttpService(
        Service("Voyage", "VOYAGE_API_KEY", "VOYAGE_BASE_URL", "RERANKER_TIMEOUT", "RERANKER", secret=key),
        "https://api.voyageai.com",
        read=settings.reranker_timeout,
    )
    with billed("voyage", model) as bill:
        answer = service.post("/v1/rerank", {"model": model, ...})   # parsed JSON, of any shape: check it

An adapter describes its body and reads the answer; everything that can go wrong on the way is an error of ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property

import httpx

from app.addresses import fault_in, host_of
from app.errors import ProviderNonsense, SettingsError
from app.providers.asking import ask
from app.providers.failures import Service, StatusError, provider_errors, said_in
from app.providers.wire import http_client

Headers = Mapping[str, str]
_LIMIT_MB = 32


class HttpService:
    """One service at one address. Safe to share between threads; opens no connection before it is asked."""

    def __init__(
        self,
        service: Service,
        base_url: str,
        *,
        read: float,
        seconds: float | None = None,
        key_header: str = "Authorization",
        headers: Headers | Callable[[], Headers] = {},  # noqa: B006  never written to
        attempts: int = 3,
        limit_mb: int = _LIMIT_MB,
    ) -> None:
        """`read`: seconds it may be silent; `seconds`: for one `post` with all its attempts, `read` by default.

        The service's `secret` goes as `Authorization: Bearer`, or as it is in another `key_header`; without one no
        such header is sent. `headers` are sent along (a function is called for each attempt: tokens that expire).
        Raises SettingsError for an address that cannot be used, which it does not repeat.
        """
        fault = fault_in(base_url)
        if fault:
            raise SettingsError(f"{service.url_setting} {fault}.", hint=f"Correct {service.url_setting} in .env.")
        self.service = replace(service, at=service.at or host_of(base_url))
        self._base = httpx.URL(base_url)
        self._read = read
        self._seconds = read if seconds is None else seconds
        self._key_header = key_header
        self._headers = headers
        self._attempts = attempts
        self._limit = limit_mb * 1024 * 1024

    def post(self, path: str, body: object, *, params: Mapping[str, str] | None = None) -> object:
        """The JSON that `POST base_url + path` answers. Raises ProviderError.

        ProviderNonsense: no JSON (a web page, half a body, nothing at all), a redirect, too long, or a 200 with an
        error inside. Statuses, attempts, deadline and breaker: see `failures` and `asking.ask`.
        """
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        data = text.encode("utf-8", "replace")  # halves of surrogate pairs, which files hold and no UTF-8 can
        return self._ask("POST", path, data, params)

    def get(self, path: str, *, params: Mapping[str, str] | None = None) -> object:
        """As `post`, for an address that is read."""
        return self._ask("GET", path, None, params)

    def nonsense(self, what: str) -> ProviderNonsense:
        """The error for an answer that does not fit: "Voyage answered with two results for passage 3"."""
        service = self.service
        return ProviderNonsense(
            f"{service.name} answered with {what}.",
            hint=f"Check {service.url_setting} and {service.model_setting}, or choose another one.",
        )

    def _ask(self, method: str, path: str, data: bytes | None, params: Mapping[str, str] | None) -> object:
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path)
        if params:
            url = url.copy_merge_params(params)

        def once() -> object:
            with provider_errors(self.service):
                return self._once(method, url, data)

        return ask(self.service, once, seconds=self._seconds, attempts=self._attempts)

    @cached_property
    def _client(self) -> httpx.Client:
        return http_client(self._read)

    def _once(self, method: str, url: httpx.URL, data: bytes | None) -> object:
        with self._client.stream(method, url, content=data, headers=self._all_headers()) as response:
            raw = self._body(response)
            status, headers = response.status_code, dict(response.headers)
        if 300 <= status < 400:
            raise self.nonsense(f"a redirect ({status})")
        found = _json(raw)
        if status >= 400:
            raise StatusError(status, headers, found)
        if found is None:
            raise self.nonsense(_instead_of_json(raw, headers.get("content-type", "")))
        error = found.get("error") or found.get("errors") if isinstance(found, dict) else None
        if error:
            code = error.get("code") if isinstance(error, dict) else None
            if isinstance(code, int) and 400 <= code < 600:
                raise StatusError(code, headers, found)
            said = said_in(found, self.service.secret)
            raise self.nonsense(f"an error inside a success{': ' + said if said else ''}")
        return found

    def _all_headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "sluice"}
        secret = self.service.secret
        if secret is not None:
            bearer = self._key_header.lower() == "authorization"
            headers[self._key_header] = f"Bearer {secret}" if bearer else secret
        return {**headers, **(self._headers() if callable(self._headers) else self._headers)}

    def _body(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > self._limit:
                raise self.nonsense(f"more than {self._limit // 1024 // 1024} MB")
            parts.append(part)
        return b"".join(parts)


def _json(raw: bytes) -> object:
    """The parsed body; None for what is no JSON (and for JSON's null, which is no answer either)."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _instead_of_json(raw: bytes, kind: str) -> str:
    if not raw.strip():
        return "an empty body"
    if "html" in kind or raw.lstrip()[:1] == b"<":
        return "a web page instead of JSON"
    return "what is not JSON, or only half of it"
