"""Each played reranker: the request it takes, field by field, and what it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.wire.formats import Check, WireError, check_body, relevance
from tests.wire.rerank_checks import (
    BATCH,
    INDEX,
    LONG,
    SERVED,
    count,
    filled,
    flag,
    logit,
    objects_of,
    ranked,
    texts_of,
    words_of,
)

# -- Cohere's and Jina's shape: Jina, vLLM, llama.cpp, LiteLLM ---------------------------------------------------------

SHAPE: Mapping[str, Check] = {"model": filled, "query": filled, "documents": texts_of(1000), "top_n": count}


def shaped(body: Mapping[str, Any], scores: list[float], **more: Any) -> dict[str, Any]:
    tokens = words_of([body["query"], *body["documents"]])
    return {
        "model": body["model"],
        "results": ranked(scores, "index", "relevance_score", body["top_n"]),
        "usage": {"total_tokens": tokens, "prompt_tokens": tokens},
        **more,
    }


def jina(body: Mapping[str, Any]) -> dict[str, Any]:
    scores = [relevance(body["query"], text) for text in body["documents"]]
    listwise = body["model"].startswith("jina-reranker-v3")
    return shaped(body, [0.7 * s - 0.1 for s in scores] if listwise else scores)


def vllm_check(body: Any) -> dict[str, Any]:
    fields = {
        **SHAPE,
        "truncate_prompt_tokens": lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= -1,
        "use_activation": flag,
    }
    found = check_body(body, fields, {"model", "query", "documents"}, status=400)
    if found["model"] != SERVED:
        raise WireError(404, f"The model `{found['model']}` does not exist.")
    if "truncate_prompt_tokens" not in found and any(len(t.split()) > LONG for t in found["documents"]):
        raise WireError(400, f"This model's maximum context length is {LONG} tokens.")
    return found


def vllm(body: Mapping[str, Any]) -> dict[str, Any]:
    raw = body.get("use_activation") is False
    score = logit if raw else relevance  # what an activation would make of it is the checkpoint's secret
    answer = shaped(body, [score(body["query"], text) for text in body["documents"]], id="rerank-1")
    for result in answer["results"]:
        result["document"] = {"text": body["documents"][result["index"]], "multi_modal": None}
    return answer


def llama(body: Mapping[str, Any]) -> dict[str, Any]:
    score = relevance if body["model"].startswith("qwen3") else logit
    return shaped(body, [score(body["query"], text) for text in body["documents"]], object="list")


def litellm(body: Mapping[str, Any]) -> dict[str, Any]:
    answer = shaped(body, [relevance(body["query"], text) for text in body["documents"]], id="1")
    del answer["usage"]
    return {**answer, "meta": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 9}}}


# -- Voyage, Pinecone, Text Embeddings Inference -----------------------------------------------------------------------


def voyage_check(body: Any) -> dict[str, Any]:
    fields = {
        "model": filled,
        "query": filled,
        "documents": texts_of(1000),
        "top_k": count,
        "return_documents": flag,
        "truncation": flag,
    }
    found = check_body(body, fields, {"model", "query", "documents"}, status=400)
    if words_of([found["query"]]) * len(found["documents"]) + min(600_001, words_of(found["documents"])) > 600_000:
        raise WireError(400, "The max allowed tokens per submitted batch is 600000.")
    return found


def voyage(body: Mapping[str, Any]) -> dict[str, Any]:
    scores = [relevance(body["query"], text) for text in body["documents"]]
    return {
        "object": "list",
        "data": ranked(scores, "index", "relevance_score", body.get("top_k")),
        "model": body["model"],
        "usage": {"total_tokens": words_of(body["documents"])},
    }


def pinecone_check(body: Any) -> dict[str, Any]:
    fields = {
        "model": filled,
        "query": filled,
        "documents": objects_of(100, {"id", "text"}),
        "top_n": count,
        "return_documents": flag,
        "rank_fields": lambda v: v == ["text"],
        "parameters": lambda v: v in ({"truncate": "END"}, {"truncate": "NONE"}),
    }
    found = check_body(body, fields, {"model", "query", "documents"}, status=400)
    cuts = found.get("parameters") == {"truncate": "END"}
    if not cuts and any(len(d["text"].split()) > LONG for d in found["documents"]):
        raise WireError(400, "Request contains a query+document pair that exceeds the token limit.")
    return found


def pinecone(body: Mapping[str, Any]) -> dict[str, Any]:
    scores = [relevance(body["query"], document["text"]) for document in body["documents"]]
    return {
        "model": body["model"],
        "data": ranked(scores, "index", "score", body.get("top_n")),
        "usage": {"rerank_units": 1},
    }


def tei_check(body: Any) -> dict[str, Any]:
    fields = {
        "query": filled,
        "texts": texts_of(10_000),
        "truncate": flag,
        "truncation_direction": lambda v: v in ("left", "right"),
        "raw_scores": flag,
        "return_text": flag,
    }
    found = check_body(body, fields, {"query", "texts"}, status=422)
    if len(found["texts"]) > BATCH:
        raise WireError(413, f"batch size {len(found['texts'])} > maximum allowed batch size {BATCH}")
    if len(json.dumps(body, ensure_ascii=False).encode()) > 2_000_000:
        raise WireError(413, "length limit exceeded")
    if not found.get("truncate") and any(len(t.split()) > LONG for t in found["texts"]):
        raise WireError(413, f"`inputs` must have less than {LONG} tokens.")
    return found


def tei(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    score = logit if body.get("raw_scores") else relevance
    return ranked([score(body["query"], text) for text in body["texts"]], "index", "score")


# -- Google's ranking API, Azure AI Search, Databricks -----------------------------------------------------------------


def vertex_check(body: Any) -> dict[str, Any]:
    fields = {
        "model": filled,
        "query": filled,
        "topN": count,
        "records": objects_of(200, {"id", "content"}),
        "ignoreRecordDetailsInResponse": flag,
    }
    found = check_body(body, fields, {"records"}, status=400)
    if len({record["id"] for record in found["records"]}) != len(found["records"]):
        raise WireError(400, "Record ids must be unique.")
    return found


def vertex(body: Mapping[str, Any]) -> dict[str, Any]:
    """Two decimals, and never quite zero."""
    scores = [max(0.0001, round(relevance(body["query"], r["content"]), 2)) for r in body["records"]]
    best = ranked(scores, "id", "score", body.get("topN"))
    return {"records": [{**row, "id": body["records"][row["id"]]["id"]} for row in best]}


_ODATA = re.compile(r"search\.in\(id, '((?:[^']|'')*)', '\|'\)")


def azure_check(body: Any) -> dict[str, Any]:
    fields = {
        "search": filled,
        "queryType": lambda v: v == "semantic",
        "semanticConfiguration": filled,
        "semanticErrorHandling": lambda v: v in ("fail", "partial"),
        "filter": lambda v: isinstance(v, str) and _ODATA.fullmatch(v) is not None,
        "select": lambda v: v == "id",
        "top": count,
    }
    return check_body(body, fields, {"search", "queryType"}, status=400)


def azure(body: Mapping[str, Any]) -> dict[str, Any]:
    """A keyword search comes first: a row without a word of the question is not there."""
    filtered = _ODATA.fullmatch(body["filter"])
    assert filtered is not None
    keys = [key.replace("''", "'") for key in filtered[1].split("|")]
    scores = {key: relevance(body["search"], INDEX[key]) for key in keys if key in INDEX}
    order = sorted((key for key in scores if scores[key] > 0), key=lambda key: -scores[key])
    rows = [{"@search.score": 1.0, "@search.rerankerScore": 4 * scores[key], "id": key} for key in order]
    return {"@odata.context": "…", "value": rows[: body["top"]]}


def databricks_check(body: Any) -> dict[str, Any]:
    fields = {
        "columns": lambda v: v == ["id"],
        "query_text": filled,
        "query_type": lambda v: v in ("ANN", "HYBRID", "FULL_TEXT"),
        "num_results": count,
        "filters_json": lambda v: isinstance(v, str) and set(json.loads(v)) == {"id"},
        "reranker": lambda v: (
            v
            in (
                {"model": "databricks_reranker", "parameters": {"columns_to_rerank": columns}}
                for columns in (["text"], ["title", "text"])
            )
        ),
    }
    return check_body(body, fields, {"columns", "query_text"}, status=400)


def databricks(body: Mapping[str, Any]) -> dict[str, Any]:
    keys = [key for key in json.loads(body["filters_json"])["id"] if key in INDEX]
    best = sorted(keys, key=lambda key: -relevance(body["query_text"], INDEX[key]))
    rows = [[key, 0.01 * (9 - place)] for place, key in enumerate(best)][: body["num_results"]]
    return {
        "manifest": {"column_count": 2, "columns": [{"name": "id"}, {"name": "score"}]},
        "result": {"row_count": len(rows), **({"data_array": rows} if rows else {})},
    }
