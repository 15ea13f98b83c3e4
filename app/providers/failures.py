"""Foreign SDK exceptions to ours, by the table in `foreign`: the name of each class or of its nearest base.

Keys never get into a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from app.errors import (
    ProviderAuth,
    ProviderBroken,
    ProviderError,
    ProviderNonsense,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnreachable,
)
from app.providers.foreign import BY_STATUS, TABLE, Kind


class StatusError(Exception):
    """A service asked over plain HTTP answered with an error status. `body` is its JSON, None where it sent none."""

    def __init__(self, status: int, headers: Mapping[str, str], body: object) -> None:
        super().__init__(f"status {status}")
        self.status_code = status
        self.headers = headers
        self.body = body


_READERS = {"cohere", "openai", "langchain_openai", "langchain_core", "httpx", "httpx2", "pydantic", "json"}
_READERS |= {"anthropic", "langchain_anthropic", "google", "langchain_google_genai"}
_KEY_LIKE = re.compile(  # a word with a digit or an asterisk in it, begun as providers begin their keys
    r"(?i)\b(?:bearer\s+\S+|(?:(?:sk|co|pk|pa)-|(?:sk|hf|jina|pcsk)_|dapi|AIza)(?=[\w*.-]*[\d*])[\w*.-]{6,})"
)
_SHOWN = 200  # characters of a provider's own message
# one class for many statuses
_ROUGHLY = {"google.ClientError", "google.ServerError", "openai.APIStatusError", "openai.InternalServerError"}
_ROUGHLY |= {"anthropic.APIStatusError", "anthropic.InternalServerError"}
_ROUGHLY |= {"langchain_google_genai.GoogleInvalidRequestError", "langchain_google_genai.GoogleGenerativeAIError"}


@dataclass(frozen=True, slots=True)
class Service:
    """A service as messages name it, and the settings a person would correct. `secret` is only ever removed."""

    name: str
    key_setting: str
    url_setting: str
    timeout_setting: str
    model_setting: str
    secret: str | None = None
    at: str = ""  # its host: failures at one address say nothing about another (see `breaker`)

    def __repr__(self) -> str:
        return f"Service({self.name})"


@contextmanager
def provider_errors(service: Service) -> Iterator[None]:
    """Turns what an SDK raises inside into a ProviderError (`raise ... from`); everything else passes unchanged."""
    try:
        yield
    except ProviderError:
        raise
    except Exception as error:
        kind = kind_of(error)
        if kind is None:
            raise
        message, hint = _words(kind, service, error)
        raise kind(message, hint=hint) from error


def kind_of(error: BaseException) -> Kind | None:
    """Our class for a foreign exception; None when it comes from no provider."""
    for base in type(error).__mro__:
        package = base.__module__.partition(".")[0]
        name = f"{package}.{base.__name__}"
        if name in BY_STATUS or (name in _ROUGHLY and status_of(error) is not None):
            return _by_status(status_of(error))
        found = TABLE.get(name)
        if found is ProviderTimeout and type(error.__cause__).__name__ == "ConnectTimeout":
            return ProviderUnreachable  # nobody was there; an answer that is late is another matter
        if found is not None:
            return found
    return ProviderNonsense if _raised_while_reading(error) else None


def _raised_while_reading(error: BaseException) -> bool:
    """An SDK stumbled over an answer of another shape than it expects; a wrong call of ours is raised in our frame."""
    at = error.__traceback__
    if at is None or not isinstance(error, TypeError | AttributeError | LookupError | ValueError):
        return False
    while at.tb_next is not None:
        at = at.tb_next
    return str(at.tb_frame.f_globals.get("__name__", "")).partition(".")[0] in _READERS


def status_of(error: BaseException | None) -> int | None:
    """The HTTP status an SDK's error carries, itself or in what it was raised from."""
    for _ in range(3):
        for holder in (error, getattr(error, "response", None)):
            for name in ("status_code", "code"):  # `code`: google.genai
                status = getattr(holder, name, None)
                if isinstance(status, int) and not isinstance(status, bool) and 100 <= status < 600:
                    return status
        error = getattr(error, "__cause__", None)
    return None


def headers_of(error: BaseException | None) -> Mapping[str, str]:
    """The response's headers an SDK's error carries, itself or in what it was raised from; names in lower case."""
    for _ in range(3):
        found = getattr(error, "headers", None) or getattr(getattr(error, "response", None), "headers", None)
        if isinstance(found, Mapping):
            return {str(name).lower(): str(value) for name, value in found.items()}
        error = getattr(error, "__cause__", None)
    return {}


def _by_status(status: int | None) -> Kind:
    if status is None or status < 400:
        return ProviderNonsense  # the SDK could not read the answer
    named = {401: ProviderAuth, 403: ProviderAuth, 408: ProviderTimeout, 429: ProviderRateLimited, 504: ProviderTimeout}
    return named.get(status, ProviderBroken if status >= 500 else ProviderRejected)


def _words(kind: Kind, service: Service, error: BaseException) -> tuple[str, str]:
    said = _said(error, service.secret)
    tail = f": {said.rstrip('.')}." if said else "."
    name = service.name
    if kind is ProviderTimeout:
        return f"{name} did not answer in time.", f"Try again, or raise {service.timeout_setting}."
    if kind is ProviderUnreachable:
        return f"{name} cannot be reached.", f"Check the network and {service.url_setting}."
    if kind is ProviderAuth:
        return f"{name} refused the key{tail}", f"Set {service.key_setting} in .env or the environment."
    if kind is ProviderRateLimited:
        return f"{name} is limiting requests{tail}", "Wait a little and try again, or check the plan and its limits."
    if kind is ProviderRejected:
        return f"{name} refused the request{tail}", f"Check {service.model_setting} and {service.url_setting}."
    if kind is ProviderNonsense:
        return f"{name} sent an answer that cannot be read.", f"Check {service.url_setting}: is it the right server?"
    return f"{name} failed{tail}", "Try again in a moment."


def _said(error: BaseException, secret: str | None) -> str:
    """What the service said, which the error holds, or what it was raised from."""
    found: BaseException | None = error
    for _ in range(3):
        for name in ("body", "details"):  # `details`: google.genai
            said = said_in(getattr(found, name, None), secret)
            if said:
                return said
        found = getattr(found, "__cause__", None)
    return ""


def said_in(body: object, secret: str | None) -> str:
    """The provider's own message where it sent one as JSON, on one line, short, without anything like a key.

    >>> said_in({"error": {"message": "no model"}}, None), said_in({"detail": [{"msg": "too long"}]}, None)
    ('no model', 'too long')
    """
    for _ in range(4):
        if isinstance(body, dict):
            body = next((body[name] for name in ("error", "errors", "message", "detail", "msg") if body.get(name)), "")
        elif isinstance(body, list):
            body = body[0] if body else ""
    if not isinstance(body, str) or "<html" in body.lower():
        return ""
    if secret:
        body = body.replace(secret, "***")
    return " ".join(_KEY_LIKE.sub("***", body).split())[:_SHOWN]
