"""Every exception class the SDKs can raise has its place in our tree; a new one fails here."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import cohere
import httpx
import httpx2
import openai
import pytest
from cohere.core import ApiError

from app.errors import ProviderBroken, ProviderError, ProviderNonsense, ProviderRejected, ProviderTimeout
from app.providers.failures import TABLE, Service, kind_of, provider_errors, retry_within

SERVICE = Service("Acme", "ACME_KEY", "ACME_URL", "ACME_TIMEOUT", "ACME_MODEL", secret="very-secret-1")

# parts of the SDKs that are not used here: agents, websockets, browsers, AWS, workload identity, old interfaces
UNUSED = (
    "openai/auth", "openai/lib", "openai/_extras", "openai/helpers", "openai/cli", "openai/types", "openai/resources",
    "cohere/manually_maintained", "httpx2/websockets",
)  # fmt: skip
DEFINES = re.compile(r"^class (\w+)\([^)]*(?:Error|Exception|Timeout)\b[^)]*\):", re.MULTILINE)


def classes(package: ModuleType) -> set[type[BaseException]]:
    """Exception classes that a package's source defines, except in the parts that are not used."""
    root = Path(package.__path__[0])
    found: set[type[BaseException]] = set()
    for file in sorted(root.rglob("*.py")):
        path = file.relative_to(root.parent)
        if path.as_posix().startswith(UNUSED):
            continue
        for name in DEFINES.findall(file.read_text(encoding="utf-8")):
            module = importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
            value = getattr(module, name)
            if issubclass(value, BaseException):
                found.add(value)
    return found


def everything() -> list[type[BaseException]]:
    found = set().union(*(classes(package) for package in (openai, cohere, httpx, httpx2)))
    return sorted(found, key=lambda kind: (kind.__module__, kind.__name__))


@pytest.mark.parametrize("kind", everything(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_class_is_mapped(kind: type[BaseException]) -> None:
    ours = kind_of(kind.__new__(kind))
    assert ours is not None, f"{kind} comes from an SDK and is not in the table"
    assert issubclass(ours, ProviderError)
    assert ours is not ProviderError


def test_the_walk_finds_what_it_should() -> None:
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in everything()}
    assert {"openai.RateLimitError", "cohere.TooManyRequestsError", "httpx.ReadError", "httpx2.ReadError"} <= names
    assert len(names) > 80


def test_the_table_names_only_classes_that_exist() -> None:
    known = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in everything()}
    own = {name for name in TABLE if name.partition(".")[0] in ("openai", "cohere", "httpx", "httpx2")}
    assert own - known == {"httpx.SSEError"}  # httpx2 has it, httpx does not


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ApiError(status_code=418), ProviderRejected),
        (ApiError(status_code=529), ProviderBroken),
        (ApiError(status_code=408), ProviderTimeout),
        (ApiError(status_code=200, body="<html>"), ProviderNonsense),
        (ApiError(), ProviderNonsense),
        (httpx.ReadTimeout("slow"), ProviderTimeout),
        (httpx2.ReadTimeout("slow"), ProviderTimeout),
    ],
)
def test_some_by_hand(error: Exception, kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught, provider_errors(SERVICE):
        raise error
    assert type(caught.value) is kind
    assert caught.value.__cause__ is error


def test_ours_and_strangers_pass_unchanged() -> None:
    for error in (ProviderTimeout("mine", hint="h"), ZeroDivisionError("bug"), KeyError("bug"), TypeError("bug")):
        with pytest.raises(type(error)) as caught, provider_errors(SERVICE):
            raise error
        assert caught.value is error


@pytest.mark.parametrize(
    "said",
    [
        "Incorrect API key provided: very-secret-1.",
        "bad header 'Authorization: Bearer abcdefgh12345678'",
        "Incorrect API key provided: sk-proj-abc***xyz.",
    ],
)
def test_no_key_gets_into_a_message(said: str) -> None:
    error = ApiError(status_code=401, body={"message": said})
    with pytest.raises(ProviderError) as caught, provider_errors(SERVICE):
        raise error
    text = caught.value.message + caught.value.hint
    assert "***" in text
    for secret in ("very-secret-1", "abcdefgh12345678", "sk-proj", "abc***xyz"):
        assert secret not in text
    assert "very-secret-1" not in repr(SERVICE)


def test_waiting_stops_when_it_would_not_fit() -> None:
    calls = []

    def call() -> str:
        calls.append(1)
        raise ProviderBroken("down")

    with pytest.raises(ProviderBroken):
        retry_within(0.1, call)
    assert len(calls) == 1


def test_waiting_helps_when_it_fits() -> None:
    calls = []

    def call() -> str:
        calls.append(1)
        if len(calls) < 2:
            raise ProviderBroken("down")
        return "up"

    assert retry_within(5, call) == "up"
