"""Every exception class the SDKs can raise has its place in our tree; a new one fails here."""

from __future__ import annotations

import importlib
import re
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import cohere
import httpx
import httpx2
import openai
import pytest
from cohere.core import ApiError

from app.errors import ProviderBroken, ProviderError, ProviderNonsense, ProviderRejected, ProviderTimeout
from app.providers.failures import Service, kind_of, provider_errors
from app.providers.foreign import TABLE

SERVICE = Service("Acme", "ACME_KEY", "ACME_URL", "ACME_TIMEOUT", "ACME_MODEL", secret="very-secret-1")

# what of the hub's own is not used here: its command line, its jobs and buckets, files of a format of its own
UNUSED_CLASSES = re.compile(
    r"^huggingface_hub\.(CLI|Confirmation|DDUF|Strict|DryRun|FileDuplication|Job|Sandbox|CacheNotFound|CorruptedCache|CachedRepo)"
)
# these say everything they can raise in one module; the rest of the package need not be imported for it
MODULES = (
    "google.genai.errors", "google.auth.exceptions", "huggingface_hub.errors", "langchain_core.exceptions",
    "langchain_openai.chat_models.base", "langchain_anthropic.chat_models", "langchain_google_genai.chat_models",
    "httpcore", "httpcore2", "anthropic",
)  # fmt: skip
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


def raised_by(name: str) -> set[type[BaseException]]:
    """Exception classes of a package that one of its modules shows; none where an extra is not installed."""
    if find_spec(name.partition(".")[0]) is None or (name.startswith("google.") and find_spec("google.auth") is None):
        return set()
    package = name.partition(".")[0]
    shown = vars(importlib.import_module(name)).values()
    return {
        kind
        for kind in shown
        if isinstance(kind, type)
        and issubclass(kind, Exception)
        and not issubclass(kind, Warning)
        and kind.__module__.partition(".")[0] == package
    }


def everything() -> list[type[BaseException]]:
    walked = [classes(package) for package in (openai, cohere, httpx, httpx2)]
    found = set().union(*walked, *map(raised_by, MODULES))
    used = (kind for kind in found if not UNUSED_CLASSES.match(f"{kind.__module__.partition('.')[0]}.{kind.__name__}"))
    return sorted(used, key=lambda kind: (kind.__module__, kind.__name__))


@pytest.mark.parametrize("kind", everything(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_class_is_mapped(kind: type[BaseException]) -> None:
    ours = kind_of(kind.__new__(kind))
    assert ours is not None, f"{kind} comes from an SDK and is not in the table"
    assert issubclass(ours, ProviderError)
    assert ours is not ProviderError


def test_the_walk_finds_what_it_should() -> None:
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in everything()}
    assert {"openai.RateLimitError", "cohere.TooManyRequestsError", "httpx.ReadError", "httpx2.ReadError"} <= names
    assert {"langchain_core.ModelRateLimitError", "huggingface_hub.GatedRepoError", "httpcore.ReadTimeout"} <= names
    assert len(names) > 120


@pytest.mark.skipif(find_spec("langchain_anthropic") is None, reason="the extra `anthropic` is not installed")
def test_the_extras_are_walked_where_they_are_installed() -> None:
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in everything()}
    assert {"anthropic.OverloadedError", "langchain_anthropic.AnthropicTimeoutError"} <= names
    assert {"google.ServerError", "langchain_google_genai.GoogleRateLimitError"} <= names


def test_the_table_names_only_classes_that_exist() -> None:
    known = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in everything()}
    own = {name for name in TABLE if find_spec(name.partition(".")[0]) is not None}
    own -= {name for name in own if name.startswith("google.") and find_spec("google.genai") is None}
    # httpx2 has SSEError, httpx does not; the last two are no exceptions of an SDK
    assert own - known == {"httpx.SSEError", "json.JSONDecodeError", "pydantic_core.ValidationError"}


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
