"""The other ways to a chat model, each through its real client, against a server that holds to the wire format."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import pytest

from app.errors import (
    ProviderAuth,
    ProviderBroken,
    ProviderError,
    ProviderNonsense,
    ProviderPaused,
    ProviderRejected,
    ProviderTimeout,
    SettingsError,
)
from app.patience import recorded, within
from app.ports import ChatModel, Delta
from app.prices.read import price_list
from app.providers.chat import open_chat
from app.settings import load_settings
from tests.wire.chat_formats import COHERE_CHAT, RESPONSES
from tests.wire.failing import any_failure, fails_as_it_should
from tests.wire.formats import KEY
from tests.wire.other_chat_formats import GEMINI, GEMINI_STREAM, MESSAGES
from tests.wire.server import WireServer

ANSWER = "Mars is the red planet [1]. It has two moons [2]."


@dataclass(frozen=True)
class Way:
    """One way to a chat model: its settings, and the paths it asks for a stream and for a whole answer."""

    settings: Callable[[WireServer], dict[str, object]]
    stream: str
    whole: str
    provider: str
    package: str = "openai"


WAYS = {
    "responses": Way(
        lambda s: {"openai_base_url": s.openai_url, "openai_api_key": KEY, "chat_api": "responses"},
        RESPONSES, RESPONSES, "OPENAI",
    ),
    "cohere": Way(
        lambda s: {"cohere_base_url": s.url, "cohere_api_key": KEY, "chat_model": "cohere:command-a-03-2025"},
        COHERE_CHAT, COHERE_CHAT, "COHERE",
    ),
    "anthropic": Way(
        lambda s: {
            "anthropic_base_url": s.url, "anthropic_api_key": KEY, "chat_model": "anthropic:claude-sonnet-4-5"
        },
        MESSAGES, MESSAGES, "ANTHROPIC", "langchain_anthropic",
    ),
    "google": Way(
        lambda s: {"google_base_url": s.url, "google_api_key": KEY, "chat_model": "google:gemini-2.5-flash"},
        GEMINI_STREAM, GEMINI, "GOOGLE", "langchain_google_genai",
    ),
}  # fmt: skip


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    found = WAYS[request.param]
    if find_spec(found.package) is None:
        pytest.skip(f"the extra `{request.param}` is not installed")
    return found


@pytest.fixture
def server(server: WireServer) -> WireServer:
    server.answer = lambda messages: ANSWER
    return server


def chat(server: WireServer, way: Way, *, seconds: float = 5.0, **values: object) -> ChatModel:
    model = open_chat(load_settings(**{**way.settings(server), "chat_timeout": seconds, **values}))
    assert model is not None
    return model


def asked(model: ChatModel) -> list[Delta]:
    return list(model.stream("Be brief.", "Which planet is red?", max_tokens=50))


def test_a_stream_arrives_in_pieces_with_reason_and_usage(server: WireServer, way: Way) -> None:
    deltas = asked(chat(server, way))
    assert "".join(d.text for d in deltas) == ANSWER
    assert len([d for d in deltas if d.text]) >= 10
    end = deltas[-1]
    assert (end.finish, end.because) == ("stop", "")
    assert end.usage == {"input_tokens": 6, "output_tokens": 11, "total_tokens": 17}
    assert end.used is not None
    assert end.used.units is not None
    assert end.used.units["output_tokens"] == 11
    (request,) = server.requests
    assert request.path == way.stream


def test_the_whole_answer_at_once(server: WireServer, way: Way) -> None:
    assert chat(server, way).complete("Be brief.", "Which planet is red?", max_tokens=50) == ANSWER
    assert server.requests[0].path == way.whole


def test_why_it_finished(server: WireServer, way: Way) -> None:
    server.finish = "length"
    assert asked(chat(server, way))[-1].finish == "length"
    server.finish = "content_filter"
    end = asked(chat(server, way))[-1]
    assert end.finish == "cut"
    assert end.because


@pytest.mark.parametrize("scenario", ["half", "half-close", "half-timeout", "stream-error"])
def test_a_broken_stream_keeps_what_arrived_and_says_why(server: WireServer, way: Way, scenario: str) -> None:
    server.play(way.stream, scenario)
    deltas = asked(chat(server, way, seconds=0.7 if scenario == "half-timeout" else 5.0))
    text = "".join(d.text for d in deltas)
    assert text != ""
    assert ANSWER.startswith(text)
    assert len(text) < len(ANSWER)
    assert deltas[-1].finish == "cut"
    assert deltas[-1].because
    assert KEY not in deltas[-1].because


@pytest.mark.parametrize(
    ("finish", "kind", "said"),
    [
        ("stop", ProviderNonsense, "gave an empty answer"),
        ("length", ProviderNonsense, "used up its 50 tokens before the first word"),
        ("content_filter", ProviderRejected, "gave no answer"),
    ],
)
@pytest.mark.parametrize("streamed", [True, False])
def test_an_answer_without_a_word_is_an_error(
    server: WireServer, way: Way, finish: str, kind: type[ProviderError], said: str, streamed: bool
) -> None:
    server.answer, server.finish = (lambda messages: ""), finish
    model = chat(server, way)
    with pytest.raises(kind, match=said):
        asked(model) if streamed else model.complete("Be brief.", "Which planet is red?", max_tokens=50)


@any_failure
@pytest.mark.parametrize("streamed", [True, False])
def test_failures_are_ours(server: WireServer, way: Way, scenario: str, streamed: bool) -> None:
    def ask(seconds: float) -> object:
        model = chat(server, way, seconds=seconds)
        return asked(model) if streamed else model.complete("Be brief.", "Which planet is red?", max_tokens=50)

    but: dict[str, type[ProviderError]] = {}
    if way.provider == "COHERE":  # its SDK has a class for 501; and it drips JSON, which it does not take for a stream
        but = {"501": ProviderRejected, **({"drip": ProviderNonsense} if streamed else {})}
    fails_as_it_should(server, way.stream if streamed else way.whole, scenario, ask, but=but)


def test_a_short_outage_is_waited_out(server: WireServer, way: Way) -> None:
    server.play(way.stream, "503-after-0", "429-after-0.1")
    with recorded() as attempts:
        assert asked(chat(server, way))[-1].finish == "stop"
    assert [attempt.outcome == "answered" for attempt in attempts] == [False, False, True]
    assert len(server.requests) == 3


def test_the_questions_time_ends_the_wait_for_a_beginning_and_not_the_answer(server: WireServer, way: Way) -> None:
    model = chat(server, way, seconds=30)
    server.play(way.stream, "timeout")
    began = time.monotonic()
    with pytest.raises(ProviderTimeout), within(0.5):
        asked(model)
    assert time.monotonic() - began < 2
    server.pause = 0.05
    stream = model.stream("Be brief.", "Which planet is red?", max_tokens=50)
    with within(5):
        first = next(iter(stream))
    assert first.text + "".join(d.text for d in stream) == ANSWER


def test_a_dead_service_is_left_alone(server: WireServer, way: Way) -> None:
    server.play(way.whole, *["500-after-60"])
    model = chat(server, way)
    with pytest.raises(ProviderBroken):
        model.complete("Be brief.", "Which planet is red?", max_tokens=50)
    with pytest.raises(ProviderPaused, match="will be tried again at"):
        model.complete("Be brief.", "Which planet is red?", max_tokens=50)
    assert len(server.requests) == 1


def test_a_wrong_key_is_named_and_not_shown(server: WireServer, way: Way) -> None:
    wrong = f"{way.provider.lower()}_api_key"
    with pytest.raises(ProviderAuth) as caught:
        asked(chat(server, way, **{wrong: "sk-wrong-key-abcdef1"}))
    assert f"{way.provider}_API_KEY" in caught.value.hint
    assert "wrong-key-abcdef1" not in caught.value.message + caught.value.hint


def test_a_service_that_says_nothing_of_its_use_is_not_free(server: WireServer, way: Way) -> None:
    if way.provider == "ANTHROPIC":
        pytest.skip("its answers always say what was used")
    server.reports = False
    end = asked(chat(server, way))[-1]
    assert end.usage is None
    assert end.used is not None
    assert price_list(None).charge(end.used).usd is None


def test_a_missing_package_is_named_with_the_command_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util as machinery

    real = machinery.find_spec
    monkeypatch.setattr(
        "app.providers.chat.installed.find_spec", lambda name: None if "anthropic" in name else real(name)
    )
    with pytest.raises(SettingsError, match="needs the package langchain-anthropic") as caught:
        open_chat(load_settings(chat_model="anthropic:claude-sonnet-4-5", anthropic_api_key=KEY))
    assert '-e ".[anthropic]"' in caught.value.hint


def test_only_a_providers_name_counts_before_a_colon() -> None:
    def provider(name: str) -> tuple[str, str]:
        return load_settings(chat_model=name).chat_provider

    assert provider("qwen2.5:7b") == ("openai", "qwen2.5:7b")
    assert provider("openai:gpt-5-mini") == ("openai", "gpt-5-mini")
    assert provider("google:gemini-2.5-flash") == ("google", "gemini-2.5-flash")
    assert open_chat(load_settings(chat_model="cohere:command-a-03-2025", openai_api_key=KEY)) is None
