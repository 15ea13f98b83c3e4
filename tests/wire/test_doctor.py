"""`sluice doctor` asks each configured service once, as a person would run it, against the server of this package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.cli.doctor_calls import Call, hosted
from app.domain import Usage
from app.providers.reranking.registry import RerankerChoice
from app.settings import load_settings
from tests.conftest import environment
from tests.wire.chat_formats import COHERE_CHAT, COHERE_EMBED, RESPONSES
from tests.wire.formats import KEY
from tests.wire.server import CHAT, RERANK, WireServer


def doctor(server: WireServer, home: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    given = {
        "OPENAI_BASE_URL": server.openai_url, "OPENAI_API_KEY": KEY,
        "COHERE_BASE_URL": server.url, "COHERE_API_KEY": KEY, **settings,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "app", "doctor", *arguments],
        env={**environment(home), **given}, cwd=home, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert KEY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def findings(said: str) -> dict[str, Any]:
    return {finding["what"]: finding for finding in json.loads(said)}


def test_each_service_is_asked_once_and_its_time_and_use_are_told(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    settings = {"EMBEDDING": "cohere:embed-v4.0", "RERANKER": "cohere:rerank-v3.5"}
    code, said = doctor(server, handbook_home, "--json", **settings)
    found = findings(said)
    assert code == 0, said
    for what in ("Chat model", "Embedding model", "Reranker cohere:rerank-v3.5"):
        assert found[what]["state"] == "ok"
        assert 0 < found[what]["seconds"] < 15
        assert "answered in" in found[what]["detail"]
    assert found["Chat model"]["used"]["output_tokens"] > 0
    assert found["Embedding model"]["used"] == {"input_tokens": 1}
    assert "1536 dimensions" in found["Embedding model"]["detail"]
    assert found["Reranker cohere:rerank-v3.5"]["used"] == {"searches": 1}
    assert sorted(request.path for request in server.requests) == sorted([CHAT, COHERE_EMBED, RERANK])


def test_a_call_that_fails_is_said_with_what_to_do_and_ends_in_one(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    server.play(CHAT, "401")
    code, said = doctor(server, handbook_home)
    assert code == 1
    line = next(line for line in said.splitlines() if " Chat model: " in line)
    assert line.startswith("FAILED  Chat model: gpt-4o-mini at ")
    assert "refused the key" in line
    assert "-> Set OPENAI_API_KEY in .env" in said


def test_offline_asks_nobody(server: WireServer, handbook_home: Path, prepared_models: Path) -> None:
    code, said = doctor(server, handbook_home, "--offline", EMBEDDING="cohere:embed-v4.0")
    assert code == 0
    assert "a key is set" in said
    assert server.requests == []


@pytest.mark.parametrize(
    ("model", "path"), [("cohere:command-a-03-2025", COHERE_CHAT), ("openai:gpt-4o-mini", RESPONSES)]
)
def test_the_chat_model_is_asked_at_its_own_provider(
    server: WireServer, handbook_home: Path, prepared_models: Path, model: str, path: str
) -> None:
    code, said = doctor(server, handbook_home, "--json", CHAT_MODEL=model, CHAT_API="responses")
    assert code == 0, said
    assert findings(said)["Chat model"]["state"] == "ok"
    assert path in [request.path for request in server.requests]


def test_a_key_that_nothing_chosen_uses_is_said_not_to_be_tried(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    settings = {"ANTHROPIC_API_KEY": KEY, "LITELLM_API_KEY": KEY, "EMBEDDING_API_KEY": KEY}
    code, said = doctor(server, handbook_home, "--json", **settings)
    found = findings(said)
    assert code == 0, said
    assert {name for name in found if name.endswith("_KEY")} == set(settings)
    assert all(found[name]["state"] == "note" and "not tried" in found[name]["detail"] for name in settings)


def test_language_models_that_rerank_elsewhere_are_asked_there(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    server.answer = lambda messages: "[1] > [2]"
    with WireServer(answer=lambda messages: "[1] > [2]") as other:
        settings = {"LLM_RERANKER_BASE_URL": other.openai_url, "LLM_RERANKER_API_KEY": KEY}
        code, said = doctor(server, handbook_home, "--json", **settings)
        assert code == 0, said
        assert "answered in" in findings(said)["Reranker llm-listwise"]["detail"]
        assert "not tried" in findings(said)["Reranker llm-yes-no"]["detail"]
        assert [request.path for request in other.requests] == [CHAT]
        code, said = doctor(server, handbook_home, **{**settings, "LLM_RERANKER_API_KEY": "another-key-0123456"})
    assert code == 1
    assert "-> Set LLM_RERANKER_API_KEY in .env" in said


def test_a_grader_without_a_key_is_no_grader_that_answered(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    code, said = doctor(server, handbook_home, GRADER_MODEL="anthropic:claude-sonnet-4-5")
    assert code == 1
    assert "FAILED  Grader: anthropic:claude-sonnet-4-5; GRADER_MODEL=anthropic:claude-sonnet-4-5 needs a key." in said
    assert "-> Set ANTHROPIC_API_KEY in .env" in said


def test_a_reranker_that_is_chosen_and_is_none_is_missing(
    server: WireServer, handbook_home: Path, prepared_models: Path
) -> None:
    code, said = doctor(server, handbook_home, "--offline", RERANKER="nonsense")
    assert code == 1
    assert "MISSING Reranker nonsense: RERANKER=nonsense names no reranker." in said


def test_what_was_used_in_words() -> None:
    one = Call(0.42, (Usage("acme", "m", {"searches": 1, "input_tokens": 9, "output_tokens": 1}),))
    assert one.in_words == "answered in 0.42 s (1 search, 9 input tokens, 1 output token)"


def test_one_reranker_a_service_unless_more_are_named() -> None:
    choices = [
        RerankerChoice(name, name, available)
        for name, available in [
            ("late-interaction", True), ("voyage:rerank-3", True), ("voyage:rerank-3-lite", True),
            ("cohere:rerank-v3.5", False), ("llm-yes-no", True), ("none", True),
        ]
    ]  # fmt: skip
    assert hosted(load_settings(), choices) == ["voyage:rerank-3", "llm-yes-no"]
    named = load_settings(reranker="voyage:rerank-3-lite", reranker_fallback="llm-yes-no")
    assert hosted(named, choices) == ["voyage:rerank-3-lite", "llm-yes-no"]
    cascade = load_settings(reranker="cascade:bundled+cohere:rerank-v4.0-fast")
    assert hosted(cascade, choices) == ["cohere:rerank-v4.0-fast", "voyage:rerank-3", "llm-yes-no"]
    chat = {"openai_api_key": KEY}
    assert "llm-yes-no" not in hosted(load_settings(**chat), choices)  # its server is the chat's, which is asked
    both = [*choices, RerankerChoice("llm-listwise", "", True), RerankerChoice("openai-decisions", "", True)]
    assert hosted(load_settings(**chat, llm_reranker_api_key=KEY), both) == ["voyage:rerank-3", "llm-listwise"]
    assert hosted(load_settings(**chat, chat_model="cohere:command-a"), both[-1:]) == ["openai-decisions"]
