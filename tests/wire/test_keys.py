"""A key is sent to its service and shows up nowhere else: not in a trace, a log, an error, a report, or on a page."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import SecretStr
from streamlit.testing.v1 import AppTest

from app.errors import ProviderError, SettingsError
from app.providers.chat import open_chat
from app.providers.embedding import open_embedder
from app.providers.reranking.registry import open_scorer
from app.settings import Settings, load_settings
from app.trace_json import trace_to_json
from app.wiring import build
from tests.conftest import environment
from tests.wire.formats import KEY
from tests.wire.server import WireServer

# keys that the services refuse, and repeat in their refusal, as some do
WRONG = "live-4711-not-for-your-eyes"
QUESTION = "Why does the gate refuse a question?"
KEYS = sorted(
    name
    for name in Settings.model_fields
    if name.endswith(("_key", "_token", "_secret", "_password")) and not name.endswith("_row_key")  # a field's name
)


def everything(server: WireServer, key: str, **more: object) -> Settings:
    addresses = dict.fromkeys(("cohere_base_url", "anthropic_base_url", "google_base_url"), server.url)
    keys = dict.fromkeys(KEYS, key)
    return load_settings(**{**addresses, "openai_base_url": server.openai_url, **keys, "chat_timeout": 5.0, **more})


CALLS: dict[str, tuple[dict[str, object], Callable[[Settings], object]]] = {
    "completions": ({}, lambda s: _stream(s)),
    "responses": ({"chat_api": "responses"}, lambda s: _stream(s)),
    "cohere chat": ({"chat_model": "cohere:command-a-03-2025"}, lambda s: _stream(s)),
    "anthropic": ({"chat_model": "anthropic:claude-sonnet-4-5"}, lambda s: _stream(s)),
    "google": ({"chat_model": "google:gemini-2.5-flash"}, lambda s: _stream(s)),
    "openai embedding": (
        {"embedding": "openai:text-embedding-3-small", "embedding_api_key": None},
        lambda s: open_embedder(s).embed_questions(["a"]),
    ),
    "cohere embedding": ({"embedding": "cohere:embed-v4.0"}, lambda s: open_embedder(s).embed_questions(["a"])),
    "cohere reranker": ({}, lambda s: open_scorer("cohere:rerank-v3.5", s).score("a", ["a"])),
}
EXTRAS = {"anthropic": "langchain_anthropic", "google": "langchain_google_genai"}


def _stream(settings: Settings) -> object:
    chat = open_chat(settings)
    assert chat is not None
    return list(chat.stream("Be brief.", "Which planet is red?", max_tokens=50))


def test_every_setting_that_holds_a_key_hides_it() -> None:
    assert {"openai_api_key", "cohere_api_key", "embedding_api_key", "anthropic_api_key"} <= set(KEYS)
    settings = load_settings(**dict.fromkeys(KEYS, KEY))
    for name in KEYS:
        assert isinstance(getattr(settings, name), SecretStr), name
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert KEY not in shown


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "ключ"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY: .* no key has") as caught:
        load_settings(openai_api_key=f"{WRONG}{key}")
    assert WRONG not in caught.value.message + caught.value.hint
    assert load_settings(openai_api_key=f" {WRONG}\n").openai_api_key == SecretStr(WRONG)


@pytest.mark.parametrize("name", sorted(n for n in Settings.model_fields if n.endswith("_url")))
def test_no_address_may_hold_a_key(name: str) -> None:
    for address in (f"https://me:{WRONG}@example.org", f"https://example.org/v1?api_key={WRONG}"):
        with pytest.raises(SettingsError, match=f"{name.upper()}: .*put the key in its own setting") as caught:
            load_settings(**{name: address})
        assert WRONG not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("way", CALLS)
@pytest.mark.parametrize("key", [KEY, WRONG])
def test_no_log_and_no_error_holds_it(server: WireServer, caplog: pytest.LogCaptureFixture, way: str, key: str) -> None:
    if way in EXTRAS and find_spec(EXTRAS[way]) is None:
        pytest.skip(f"the extra `{way}` is not installed")
    more, call = CALLS[way]
    settings = everything(server, key, **more)
    with caplog.at_level(logging.DEBUG):
        if key == KEY:
            call(settings)
        else:
            with pytest.raises(ProviderError) as caught:
                call(settings)
            said = caught.value.message + caught.value.hint + repr(caught.value)
            assert key not in said
            assert key.encode() not in pickle.dumps(caught.value)
    assert key in str(server.requests[0].headers)  # it was sent, so there was something to leak
    for record in caplog.records:
        assert key not in record.getMessage(), record.name
        assert key not in str(record.args), record.name


def test_no_trace_holds_it(server: WireServer, handbook_home: Path, prepared_models: Path) -> None:
    for key in (KEY, WRONG):
        more = {"sluice_home": handbook_home, "sluice_models": prepared_models, "reranker": "cohere:rerank-v3.5"}
        sluice = build(everything(server, key, **more))
        judged = sluice.pipeline.judge(QUESTION, sluice.options(library="handbook"))
        gate = sluice.pipeline.decide(judged, sluice.gate_choice(answer_above=0.0))
        trace = sluice.pipeline.trace(judged, gate, None, None, {})
        told = json.dumps(trace_to_json(trace))
        assert ("refused the key" in told) == (key == WRONG)
        assert key not in told
        assert key not in repr(trace)


def test_no_command_prints_or_writes_it(server: WireServer, notes_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(notes_home, home)
    given = {
        "OPENAI_BASE_URL": server.openai_url, "OPENAI_API_KEY": WRONG, "COHERE_BASE_URL": server.url,
        "COHERE_API_KEY": WRONG, "RERANKER": "cohere:rerank-v3.5", "LIBRARY": "notes",
    }  # fmt: skip
    for command in (
        ["ask", "How deep is the village well?", "--json"],
        ["doctor"],
        ["evaluate", "field", "-l", "notes", "--rerank", "none,cohere", "--candidates", "5", "--out", "run"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "app", *command],
            env={**environment(home), **given}, cwd=home, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert WRONG not in done.stdout + done.stderr, command
        assert "Traceback" not in done.stderr, done.stderr[-2000:]
    assert [path for path in home.rglob("*") if path.is_file() and WRONG.encode() in path.read_bytes()] == []


def _page(home: str, models: str, url: str, key: str) -> None:
    from app.settings import load_settings
    from app.ui.frame import run
    from app.wiring import build

    given = {
        "openai_base_url": f"{url}/v1",
        "openai_api_key": key,
        "cohere_base_url": url,
        "cohere_api_key": key,
        "reranker": "cohere:rerank-v3.5",
        "answer_above": 0.0,
    }
    run(lambda: build(load_settings(sluice_home=home, sluice_models=models, **given)))


@pytest.mark.parametrize("key", [KEY, WRONG])
def test_no_page_shows_it(server: WireServer, handbook_home: Path, prepared_models: Path, key: str) -> None:
    given = (str(handbook_home), str(prepared_models), server.url, key)
    test = AppTest.from_function(_page, args=given, default_timeout=120).run()
    assert not test.exception, test.exception
    test.chat_input[0].set_value(QUESTION).run()
    drawn = "\n".join(str(element.proto) for element in test.main) + "\n".join(str(e.proto) for e in test.sidebar)
    assert ("refused the key" in drawn) == (key == WRONG)
    assert not test.exception
    assert key not in drawn
