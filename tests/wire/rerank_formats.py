"""The wire formats of hosted rerankers, each behind a prefix of the same server, and the wrong answers they might give.

A request is refused for a wrong header, type, unknown or missing field, or null where absent is meant: more strictly
than some of the services do, so that an adapter that passes here passes there. What each format is taken from stands
in docs/hosted-rerankers.md, with what nobody could confirm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.wire.formats import KEY, Check, WireError, check_body, relevance

PROJECT = "planets-1"
# the index that Azure AI Search and Databricks have: key -> text
INDEX = {"r1": "The red planet is Mars, its name Roman.", "r2": "Jupiter is large.", "r3": "A planet.", "o'4": "Red."}
LONG = 512  # words of a passage that vLLM and Pinecone's BGE refuse, unless they are told to cut
BATCH = 32  # texts a call to Text Embeddings Inference may hold
SERVED = "BAAI/bge-reranker-v2-m3"


@dataclass(frozen=True)
class Route:
    """One service. `items`: where the answer has its results, None for a bare list; `value`: the score's name."""

    path: str
    check: Callable[[Any], dict[str, Any]]
    answer: Callable[[Mapping[str, Any]], Any]
    items: str | None
    value: str
    error: Callable[[int, str], Any]
    index: str = "index"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {KEY}"})
    query: str = ""

    def check_headers(self, headers: Mapping[str, str], query: str) -> None:
        for name, value in self.headers.items():
            if headers.get(name) != value:
                raise WireError(401, f"{name} is {headers.get(name, 'missing')}")
        if headers.get("Content-Type", "").split(";")[0] != "application/json":
            raise WireError(415, "Content-Type must be application/json")
        if query != self.query:
            raise WireError(400, f"the query string is {query!r}")


def _filled(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _texts(most: int) -> Check:
    return lambda v: isinstance(v, list) and 1 <= len(v) <= most and all(map(_filled, v))


def _objects(most: int, names: set[str]) -> Check:
    def check(value: Any) -> bool:
        rows = isinstance(value, list) and 1 <= len(value) <= most
        return rows and all(isinstance(r, dict) and set(r) == names and all(map(_filled, r.values())) for r in value)

    return check


def _checked(fields: Mapping[str, Check], required: str, status: int) -> Callable[[Any], dict[str, Any]]:
    return lambda body: check_body(body, fields, set(required.split()), status=status)


def _raw(query: str, text: str) -> float:
    """A logit: 4 for all words of the question, -4 for none."""
    return 8 * relevance(query, text) - 4


def _ranked(scores: list[float], index: str, value: str, most: int | None = None) -> list[dict[str, Any]]:
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return [{index: i, value: scores[i]} for i in order[:most]]


def _words(texts: list[str]) -> int:
    return sum(len(text.split()) for text in texts)


# -- Cohere's and Jina's shape: Jina, vLLM, llama.cpp, LiteLLM ---------------------------------------------------------

_SHAPE: Mapping[str, Check] = {"model": _filled, "query": _filled, "documents": _texts(1000), "top_n": _count}


def _shaped(body: Mapping[str, Any], scores: list[float], **more: Any) -> dict[str, Any]:
    tokens = _words([body["query"], *body["documents"]])
    return {
        "model": body["model"],
        "results": _ranked(scores, "index", "relevance_score", body["top_n"]),
        "usage": {"total_tokens": tokens, "prompt_tokens": tokens},
        **more,
    }


def _jina(body: Mapping[str, Any]) -> dict[str, Any]:
    scores = [relevance(body["query"], text) for text in body["documents"]]
    listwise = body["model"].startswith("jina-reranker-v3")
    return _shaped(body, [0.7 * s - 0.1 for s in scores] if listwise else scores)


def _vllm_check(body: Any) -> dict[str, Any]:
    fields = {
        **_SHAPE,
        "truncate_prompt_tokens": lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= -1,
        "use_activation": _flag,
    }
    found = check_body(body, fields, {"model", "query", "documents"}, status=400)
    if found["model"] != SERVED:
        raise WireError(404, f"The model `{found['model']}` does not exist.")
    if "truncate_prompt_tokens" not in found and any(len(t.split()) > LONG for t in found["documents"]):
        raise WireError(400, f"This model's maximum context length is {LONG} tokens.")
    return found


def _vllm(body: Mapping[str, Any]) -> dict[str, Any]:
    raw = body.get("use_activation") is False
    score = _raw if raw else relevance  # what an activation would make of it is the checkpoint's secret
    answer = _shaped(body, [score(body["query"], text) for text in body["documents"]], id="rerank-1")
    for result in answer["results"]:
        result["document"] = {"text": body["documents"][result["index"]], "multi_modal": None}
    return answer


def _llama(body: Mapping[str, Any]) -> dict[str, Any]:
    score = relevance if body["model"].startswith("qwen3") else _raw
    return _shaped(body, [score(body["query"], text) for text in body["documents"]], object="list")


def _litellm(body: Mapping[str, Any]) -> dict[str, Any]:
    answer = _shaped(body, [relevance(body["query"], text) for text in body["documents"]], id="1")
    del answer["usage"]
    return {**answer, "meta": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 9}}}


# -- Voyage, Pinecone, Text Embeddings Inference -----------------------------------------------------------------------


def _voyage_check(body: Any) -> dict[str, Any]:
    fields = {
        "model": _filled,
        "query": _filled,
        "documents": _texts(1000),
        "top_k": _count,
        "return_documents": _flag,
        "truncation": _flag,
    }
    found = check_body(body, fields, {"model", "query", "documents"}, status=400)
    if _words([found["query"]]) * len(found["documents"]) + min(600_001, _words(found["documents"])) > 600_000:
        raise WireError(400, "The max allowed tokens per submitted batch is 600000.")
    return found


def _voyage(body: Mapping[str, Any]) -> dict[str, Any]:
    scores = [relevance(body["query"], text) for text in body["documents"]]
    return {
        "object": "list",
        "data": _ranked(scores, "index", "relevance_score", body.get("top_k")),
        "model": body["model"],
        "usage": {"total_tokens": _words(body["documents"])},
    }


def _pinecone_check(body: Any) -> dict[str, Any]:
    fields = {
        "model": _filled,
        "query": _filled,
        "documents": _objects(100, {"id", "text"}),
        "top_n": _count,
        "return_documents": _flag,
        "rank_fields": lambda v: v == ["text"],
        "parameters": lambda v: v in ({"truncate": "END"}, {"truncate": "NONE"}),
    }
    found = check_body(body, fields, {"model", "query", "documents"}, status=400)
    cuts = found.get("parameters") == {"truncate": "END"}
    if not cuts and any(len(d["text"].split()) > LONG for d in found["documents"]):
        raise WireError(400, "Request contains a query+document pair that exceeds the token limit.")
    return found


def _pinecone(body: Mapping[str, Any]) -> dict[str, Any]:
    scores = [relevance(body["query"], document["text"]) for document in body["documents"]]
    return {
        "model": body["model"],
        "data": _ranked(scores, "index", "score", body.get("top_n")),
        "usage": {"rerank_units": 1},
    }


def _tei_check(body: Any) -> dict[str, Any]:
    fields = {
        "query": _filled,
        "texts": _texts(10_000),
        "truncate": _flag,
        "truncation_direction": lambda v: v in ("left", "right"),
        "raw_scores": _flag,
        "return_text": _flag,
    }
    found = check_body(body, fields, {"query", "texts"}, status=422)
    if len(found["texts"]) > BATCH:
        raise WireError(413, f"batch size {len(found['texts'])} > maximum allowed batch size {BATCH}")
    if len(json.dumps(body, ensure_ascii=False).encode()) > 2_000_000:
        raise WireError(413, "length limit exceeded")
    if not found.get("truncate") and any(len(t.split()) > LONG for t in found["texts"]):
        raise WireError(413, f"`inputs` must have less than {LONG} tokens.")
    return found


def _tei(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    score = _raw if body.get("raw_scores") else relevance
    return _ranked([score(body["query"], text) for text in body["texts"]], "index", "score")


# -- Google's ranking API, Azure AI Search, Databricks -----------------------------------------------------------------


def _vertex_check(body: Any) -> dict[str, Any]:
    fields = {
        "model": _filled,
        "query": _filled,
        "topN": _count,
        "records": _objects(200, {"id", "content"}),
        "ignoreRecordDetailsInResponse": _flag,
    }
    found = check_body(body, fields, {"records"}, status=400)
    if len({record["id"] for record in found["records"]}) != len(found["records"]):
        raise WireError(400, "Record ids must be unique.")
    return found


def _vertex(body: Mapping[str, Any]) -> dict[str, Any]:
    """Two decimals, and never quite zero."""
    scores = [max(0.0001, round(relevance(body["query"], r["content"]), 2)) for r in body["records"]]
    ranked = _ranked(scores, "id", "score", body.get("topN"))
    return {"records": [{**row, "id": body["records"][row["id"]]["id"]} for row in ranked]}


_ODATA = re.compile(r"search\.in\(id, '((?:[^']|'')*)', '\|'\)")


def _azure_check(body: Any) -> dict[str, Any]:
    fields = {
        "search": _filled,
        "queryType": lambda v: v == "semantic",
        "semanticConfiguration": _filled,
        "semanticErrorHandling": lambda v: v in ("fail", "partial"),
        "filter": lambda v: isinstance(v, str) and _ODATA.fullmatch(v) is not None,
        "select": lambda v: v == "id",
        "top": _count,
    }
    return check_body(body, fields, {"search", "queryType"}, status=400)


def _azure(body: Mapping[str, Any]) -> dict[str, Any]:
    """A keyword search comes first: a row without a word of the question is not there."""
    filtered = _ODATA.fullmatch(body["filter"])
    assert filtered is not None
    keys = [key.replace("''", "'") for key in filtered[1].split("|")]
    scores = {key: relevance(body["search"], INDEX[key]) for key in keys if key in INDEX}
    order = sorted((key for key in scores if scores[key] > 0), key=lambda key: -scores[key])
    rows = [{"@search.score": 1.0, "@search.rerankerScore": 4 * scores[key], "id": key} for key in order]
    return {"@odata.context": "…", "value": rows[: body["top"]]}


def _databricks_check(body: Any) -> dict[str, Any]:
    fields = {
        "columns": lambda v: v == ["id"],
        "query_text": _filled,
        "query_type": lambda v: v in ("ANN", "HYBRID", "FULL_TEXT"),
        "num_results": _count,
        "filters_json": lambda v: isinstance(v, str) and set(json.loads(v)) == {"id"},
        "reranker": lambda v: (
            v == {"model": "databricks_reranker", "parameters": {"columns_to_rerank": ["title", "text"]}}
        ),
    }
    return check_body(body, fields, {"columns", "query_text"}, status=400)


def _databricks(body: Mapping[str, Any]) -> dict[str, Any]:
    keys = [key for key in json.loads(body["filters_json"])["id"] if key in INDEX]
    ranked = sorted(keys, key=lambda key: -relevance(body["query_text"], INDEX[key]))
    rows = [[key, 0.01 * (9 - place)] for place, key in enumerate(ranked)][: body["num_results"]]
    return {
        "manifest": {"column_count": 2, "columns": [{"name": "id"}, {"name": "score"}]},
        "result": {"row_count": len(rows), **({"data_array": rows} if rows else {})},
    }


def _openai_like(status: int, message: str) -> Any:
    return {"error": {"message": message, "type": "BadRequestError", "param": None, "code": status}}


ROUTES: Mapping[str, Route] = {
    route.path: route
    for route in (
        Route(
            "/jina/v1/rerank",
            _checked({**_SHAPE, "return_documents": _flag}, "model query documents", 422),
            _jina,
            "results",
            "relevance_score",
            lambda _, message: {"detail": message},
        ),
        Route("/vllm/v1/rerank", _vllm_check, _vllm, "results", "relevance_score", _openai_like),
        Route(
            "/llamacpp/v1/rerank",
            _checked(_SHAPE, "query documents", 400),
            _llama,
            "results",
            "relevance_score",
            lambda status, message: {"error": {"code": status, "message": message, "type": "invalid_request_error"}},
        ),
        Route(
            "/litellm/v1/rerank",
            _checked(_SHAPE, "model query documents", 400),
            _litellm,
            "results",
            "relevance_score",
            lambda status, message: {
                "error": {"message": message, "type": "None", "param": "None", "code": f"{status}"}
            },
        ),
        Route(
            "/voyage/v1/rerank",
            _voyage_check,
            _voyage,
            "data",
            "relevance_score",
            lambda _, message: {"detail": message},
        ),
        Route(
            "/pinecone/rerank",
            _pinecone_check,
            _pinecone,
            "data",
            "score",
            lambda status, message: {"error": {"code": "INVALID_ARGUMENT", "message": message}, "status": status},
            headers={"Api-Key": KEY, "X-Pinecone-Api-Version": "2026-04"},
        ),
        Route(
            "/tei/rerank",
            _tei_check,
            _tei,
            None,
            "score",
            lambda _, message: {"error": message, "error_type": "Validation"},
        ),
        Route(
            f"/vertex/v1/projects/{PROJECT}/locations/global/rankingConfigs/default_ranking_config:rank",
            _vertex_check,
            _vertex,
            "records",
            "score",
            lambda status, message: {"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}},
            index="id",
            headers={"Authorization": f"Bearer {KEY}", "X-Goog-User-Project": PROJECT},
        ),
        Route(
            "/azure/indexes/planets/docs/search",
            _azure_check,
            _azure,
            "value",
            "@search.rerankerScore",
            lambda _, message: {"error": {"code": "", "message": message}},
            index="id",
            headers={"api-key": KEY},
            query="api-version=2024-07-01",
        ),
        Route(
            "/databricks/api/2.0/vector-search/indexes/main.space.planets/query",
            _databricks_check,
            _databricks,
            "data_array",
            "",
            lambda _, message: {"error_code": "BAD_REQUEST", "message": message},
        ),
    )
}

# what servers say of themselves: path -> answer of a GET
SAID: Mapping[str, Any] = {
    "/vllm/v1/models": {"object": "list", "data": [{"id": SERVED, "object": "model", "max_model_len": LONG}]},
    "/llamacpp/v1/models": {"object": "list", "data": [{"id": "bge-reranker-v2-m3-Q8_0.gguf", "object": "model"}]},
    "/tei/info": {
        "model_id": SERVED,
        "model_sha": "953dc6f6f85a1b2dbfca4c34a2796e7dde08d41e",
        "model_dtype": "float16",
        "model_type": {"reranker": {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}},
        "max_input_length": LONG,
        "max_batch_tokens": 16384,
        "max_client_batch_size": BATCH,
        "version": "1.9.0",
    },
}


def spoiled(route: Route, answer: Any, scenario: str) -> Any:
    """The answer, wrong in the way the scenario says."""
    found = answer if route.items is None else answer[route.items]
    if scenario == "no-items":
        return {} if route.items is None else {k: v for k, v in answer.items() if k != route.items}
    if scenario == "texts":
        found[0] = "a text"
    elif scenario == "reversed":
        found.reverse()
    elif scenario == "short":
        found.pop()
    elif scenario == "repeated":
        found[-1][route.index] = found[0][route.index]
    elif scenario == "far-index":
        found[0][route.index] = "99" if route.index == "id" else len(found)
    elif scenario == "negative-index":
        found[0][route.index] = "-1" if route.index == "id" else -1
    elif scenario == "text-index":
        found[0][route.index] = "first"
    else:
        values = {
            "nan": float("nan"),
            "infinite": float("inf"),
            "text-score": "high",
            "null-score": None,
            "true-score": True,
            "too-high": 4.5 if "@search" in route.value else 1.5,
            "too-low": -0.5,
        }
        found[0][route.value] = values[scenario]
    return answer
