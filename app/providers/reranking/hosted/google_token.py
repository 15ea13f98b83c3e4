"""An access token for Google Cloud: one that is given, else one from the credentials of this machine (ADC)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import SecretStr

from app import patience
from app.errors import ProviderAuth, ProviderError, ProviderUnreachable

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LONGEST = 10.0  # seconds a renewal may take; the library's own limit is two minutes
_AGAIN = 60.0  # seconds until missing credentials are looked for again: looking may take ten
_HINT = "Set VERTEX_ACCESS_TOKEN (gcloud auth print-access-token), or run: gcloud auth application-default login"


def token_source(given: SecretStr | None) -> Callable[[], str]:
    """A function that gives a token each time it is called, renewed before it expires.

    A given token is used as it is; Google lets it expire after an hour. The function raises ProviderAuth where there
    are no credentials or the package google-auth is missing, ProviderUnreachable where they cannot be renewed.
    """
    if given is not None:
        return given.get_secret_value
    return _OfThisMachine().token


class _OfThisMachine:
    """Application default credentials: a service account's file, gcloud's login, or the machine's own account."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._credentials: Any = None
        self._missing: ProviderError | None = None
        self._looked = 0.0

    def token(self) -> str:
        with self._lock:
            if self._missing is not None and time.monotonic() - self._looked < _AGAIN:
                raise self._missing
            try:
                return self._renewed()
            except ProviderAuth as error:
                self._missing, self._looked = error, time.monotonic()
                raise

    def _renewed(self) -> str:
        try:
            import google.auth
            from google.auth.exceptions import GoogleAuthError, TransportError
            from google.auth.transport.requests import Request
        except ImportError as error:
            raise ProviderAuth(
                "Google's credentials need the package google-auth.",
                hint='pip install -c constraints.txt -e ".[vertex]"  (in the folder of Sluice); or VERTEX_ACCESS_TOKEN',
            ) from error
        try:
            if self._credentials is None:
                self._credentials, _ = google.auth.default(scopes=[SCOPE])
            if not self._credentials.valid:
                left = patience.left()
                seconds = _LONGEST if left is None else max(0.1, min(left, _LONGEST))
                self._credentials.refresh(partial(Request(), timeout=seconds))
            return str(self._credentials.token)
        except TransportError as error:
            raise ProviderUnreachable("Google gave no access token: it cannot be reached.", hint=_HINT) from error
        except GoogleAuthError as error:
            raise ProviderAuth("There are no usable Google credentials here.", hint=_HINT) from error
