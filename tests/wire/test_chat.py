"""The chat model through LangChain and the real OpenAI client, against a server that holds to the wire format."""

from __future__ import annotations

import time

import pytest

from app.errors import (
    ProviderAuth,
    ProviderNonsense,
    ProviderRateLimited,
    ProviderRejected,
)
from app.ports import ChatModel, Delta
from app.providers.chat import open_chat
from app.providers.chat.openai import OpenAIChat
from app.settings import load_settings
from tests.wire.failing import any_failure, fails_as_it_should
from tests.wire.formats import KEY
from tests.wire.server import CHAT, WireServer

ANSWER = "Mars is the red planet [1]. It has two moons [2]."


def chat(server: WireServer, **values: object) -> ChatModel:
    given = {"openai_base_url": server.openai_url, "openai_api_key": KEY, "chat_timeout": 1.0, **values}
    return OpenAIChat(load_settings(**given))


@pytest.fixture
def server(server: WireServer) -> WireServer:
    server.answer = lambda messages: ANSWER
    return server


def asked(model: ChatModel) -> list[Delta]:
    return list(model.stream("Be brief.", "Which planet is red?", max_tokens=50))


def test_a_stream_arrives_in_pieces_with_reason_and_usage(server: WireServer) -> None:
    deltas = asked(chat(server))
    assert "".join(d.text for d in deltas) == ANSWER
    assert len([d for d in deltas if d.text]) == len(ANSWER.split())
    assert deltas[-1].finish == "stop"
    assert [d.finish for d in deltas[:-1]] == [None] * (len(deltas) - 1)
    assert deltas[-1].usage == {"input_tokens": 6, "output_tokens": 11, "total_tokens": 17}


def test_what_is_sent(server: WireServer) -> None:
    asked(chat(server))
    (request,) = server.requests
    assert request.body == {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Which planet is red?"},
        ],
        "temperature": 0.0,
        "max_tokens": 50,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_reasoning_model_gets_no_temperature(server: WireServer) -> None:
    asked(chat(server, chat_model="gpt-5-mini"))
    assert "temperature" not in server.requests[0].body


def test_the_whole_answer_at_once(server: WireServer) -> None:
    assert chat(server).complete("Be brief.", "Which planet is red?", max_tokens=50) == ANSWER
    assert server.requests[0].body.get("stream") is not True


@pytest.mark.parametrize(("said", "finish"), [("length", "length"), ("content_filter", "cut")])
def test_why_it_finished(server: WireServer, said: str, finish: str) -> None:
    server.finish = said
    assert asked(chat(server))[-1].finish == finish


@pytest.mark.parametrize("scenario", ["half", "half-close", "half-timeout", "stream-error"])
def test_a_broken_stream_keeps_what_arrived_and_says_cut(server: WireServer, scenario: str) -> None:
    server.play(CHAT, scenario)
    deltas = asked(chat(server, chat_timeout=0.5 if scenario == "half-timeout" else 2.0))
    text = "".join(d.text for d in deltas)
    assert text != ""
    assert ANSWER.startswith(text)
    assert len(text) < len(ANSWER)
    assert deltas[-1].finish == "cut"


def test_a_stream_that_ends_before_its_first_word_is_an_error(server: WireServer) -> None:
    server.play(CHAT, "nothing")
    with pytest.raises(ProviderNonsense):
        asked(chat(server))


@any_failure
@pytest.mark.parametrize("streamed", [True, False])
def test_failures_are_ours(server: WireServer, scenario: str, streamed: bool) -> None:
    def ask(seconds: float) -> object:
        model = chat(server, chat_timeout=seconds)
        return asked(model) if streamed else model.complete("Be brief.", "Which planet is red?", max_tokens=50)

    fails_as_it_should(server, CHAT, scenario, ask)


def test_a_short_outage_is_waited_out(server: WireServer) -> None:
    server.play(CHAT, "503", "429-after-0.1")
    assert asked(chat(server))[-1].finish == "stop"
    assert len(server.requests) == 3


def test_a_long_rate_limit_is_reported_at_once(server: WireServer) -> None:
    server.play(CHAT, "429-after-100")
    started = time.monotonic()
    with pytest.raises(ProviderRateLimited):
        asked(chat(server))
    assert time.monotonic() - started < 2
    assert len(server.requests) == 1


def test_a_wrong_key_is_named_and_not_shown(server: WireServer) -> None:
    with pytest.raises(ProviderAuth) as caught:
        asked(chat(server, openai_api_key="sk-wrong-key-abcdef"))
    assert "OPENAI_API_KEY" in caught.value.hint
    assert "wrong-key-abcdef" not in caught.value.message


def test_an_unknown_model_is_named(server: WireServer) -> None:
    with pytest.raises(ProviderRejected, match="gpt-99"):
        asked(chat(server, chat_model="gpt-99"))


def test_closing_the_stream_early_closes_the_connection(server: WireServer) -> None:
    deltas = chat(server).stream("Be brief.", "Which planet is red?", max_tokens=50)
    assert next(deltas).text
    deltas.close()  # type: ignore[attr-defined]
    assert list(deltas) == []


def test_a_tracer_in_the_environment_sees_nothing(server: WireServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with WireServer() as tracer:
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", tracer.url)
        monkeypatch.setenv("LANGSMITH_API_KEY", "lsv2-test")
        asked(chat(server))
        chat(server).complete("Be brief.", "Which planet is red?", max_tokens=50)
        time.sleep(0.5)
        assert tracer.requests == []


def test_the_window_is_the_settings_or_the_profile_of_openais_own_model() -> None:
    def own(**values: object) -> int | None:
        return OpenAIChat(load_settings(openai_api_key=KEY, **values)).window

    assert own(chat_model="gpt-4o-mini") == 128_000
    assert own(chat_model="gpt-4o-mini", chat_window=9000) == 9000
    assert own(chat_model="no-such-model") is None
    # a local server may serve anything under that name, with any window
    assert own(chat_model="gpt-4o-mini", openai_base_url="http://127.0.0.1:11434/v1") is None


def test_without_key_and_base_url_there_is_no_chat_model(server: WireServer) -> None:
    assert open_chat(load_settings()) is None
    local = open_chat(load_settings(openai_base_url=server.openai_url))
    assert local is not None
    assert local.name == "gpt-4o-mini"
