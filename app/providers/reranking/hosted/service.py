"""The HTTP service of a hosted reranker, from settings."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import SecretStr

from app.addresses import host_of
from app.providers.failures import Service
from app.providers.http import Headers, HttpService
from app.settings import Settings

OPENING = 3.0  # seconds for what a server is asked before the first question: the whole process waits for it


def secret_of(key: SecretStr | None) -> str | None:
    return None if key is None else key.get_secret_value()


def reached(
    title: str,
    prefix: str,
    settings: Settings,
    *,
    public: str = "",
    base_url: str | None = None,
    key: SecretStr | None = None,
    key_header: str = "Authorization",
    headers: Headers | Callable[[], Headers] | None = None,
    key_setting: str = "",
    seconds: float | None = None,
) -> HttpService:
    """The service at `base_url`, else at its `public` address. `prefix` begins the names of its settings: VOYAGE for
    VOYAGE_API_KEY (unless `key_setting` is another) and VOYAGE_BASE_URL.

    `seconds`: less than RERANKER_TIMEOUT. Raises SettingsError for an address that cannot be used.
    """
    service = Service(
        name=title if base_url is None else f"{title} at {host_of(base_url)}",
        key_setting=key_setting or f"{prefix}_API_KEY",
        url_setting=f"{prefix}_BASE_URL",
        timeout_setting="RERANKER_TIMEOUT",
        model_setting="RERANKER",
        secret=secret_of(key),
    )
    return HttpService(
        service,
        public if base_url is None else base_url,
        read=settings.reranker_timeout if seconds is None else min(seconds, settings.reranker_timeout),
        key_header=key_header,
        headers={} if headers is None else headers,
    )


def elsewhere(base_url: str | None) -> str:
    """The revision part of a scorer id: another server is another scorer. "" for the public address."""
    return "" if base_url is None else host_of(base_url)
