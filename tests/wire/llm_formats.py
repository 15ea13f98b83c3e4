"""What a chat model answers an LLM reranker, and OpenAI's Decisions API, as a server checks and answers it.

The Decisions format is that of the SDK's types (`openai.types.decision_create_params`, `openai.types.decision`); a test
holds the two together. Who answers here goes by the share of the question's words that a passage has: easy to work out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from tests.wire.formats import WireError, check_body, relevance, words

DECISION_MODELS = {"gpt-6-luna"}
_QUESTION = re.compile(r"<<question>>\n(.*?)\n<<end of question>>", re.DOTALL)
_PASSAGES = re.compile(r"<<passage(?: (\d+))?>>\n(.*?)\n<<end of passage", re.DOTALL)


def asked_about(text: str) -> tuple[str, list[str]]:
    """The question and the passages of a reranking prompt."""
    (question,) = _QUESTION.findall(text)
    return question, [passage for _, passage in _PASSAGES.findall(text)]


# -- yes or no -------------------------------------------------------------------------------------


def first_token(body: Mapping[str, Any]) -> dict[str, Any]:
    """The log-probabilities of the first token: Yes as likely as the passage is relevant, spelt in three ways."""
    question, (passage,) = asked_about(body["messages"][-1]["content"])
    yes = relevance(question, passage)
    spelt = {"Yes": 0.5 * yes, " yes": 0.3 * yes, "No": 0.7 * (1 - yes), "no": 0.1 * (1 - yes), "Perhaps": 0.2}
    found = [{"token": t, "logprob": math.log(p) if p > 0 else -9999.0, "bytes": None} for t, p in spelt.items()]
    found = found[: body["top_logprobs"]]
    best = max(found, key=lambda each: each["logprob"])
    return {"content": [{**best, "top_logprobs": found}], "refusal": None}


# -- an order --------------------------------------------------------------------------------------


def written_order(messages: list[dict[str, Any]]) -> str:
    """`[2] > [1] > [3]`, by relevance; equal passages stay in order."""
    question, passages = asked_about(messages[-1]["content"])
    order = sorted(range(len(passages)), key=lambda i: -relevance(question, passages[i]))
    return " > ".join(f"[{place + 1}]" for place in order)


# -- decisions -------------------------------------------------------------------------------------


def _input(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _questions(value: Any) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= 400 and all(map(_predicate, value))


def _predicate(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) <= {"type", "instructions", "name"}
        and value.get("type") == "predicate"
        and isinstance(value.get("instructions"), str)
        and isinstance(value.get("name", ""), str)
    )


DECISIONS = {
    "model": _input,
    "input": _input,
    "questions": _questions,
    "prompt_cache_key": _input,
    "prompt_cache_options": lambda value: isinstance(value, dict),
    "safety_identifier": _input,
}


def check_decisions(body: Any) -> dict[str, Any]:
    found = check_body(body, DECISIONS, {"model", "input", "questions"}, status=400)
    if found["model"] not in DECISION_MODELS:
        raise WireError(404, f"The model `{found['model']}` does not exist or you do not have access to it.")
    return found


def decisions_answer(body: Mapping[str, Any]) -> dict[str, Any]:
    """A probability a question, in order; a passage with the word "forbidden" is refused."""
    question, passages = asked_about(body["input"])
    answers: list[dict[str, Any]] = []
    for asked in body["questions"]:
        (number,) = re.findall(r"Passage (\d+)", asked["instructions"])
        passage = passages[int(number) - 1]
        if "forbidden" in words(passage):
            answers.append({"type": "refusal", "name": asked.get("name")})
        else:
            answers.append(
                {"type": "predicate", "name": asked.get("name"), "probability": relevance(question, passage)}
            )
    tokens = len(body["input"].split())
    return {
        "model": body["model"],
        "answers": answers,
        "usage": {
            "input_tokens": tokens,
            "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
            "output_tokens": 0,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens,
        },
    }
