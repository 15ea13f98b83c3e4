"""The wire formats of hosted rerankers, each behind a prefix of the same server, and the wrong answers they might give.

A request is refused for a wrong header, type, unknown or missing field, or null where absent is meant: more strictly
than some of the services do, so that an adapter that passes here passes there. What each format is taken from stands
in docs/hosted-rerankers.md, with what nobody could confirm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.wire import rerank_services as services
from tests.wire.formats import KEY
from tests.wire.rerank_checks import BATCH, LONG, PROJECT, SERVED, Route, checked, flag


def _openai_like(status: int, message: str) -> Any:
    return {"error": {"message": message, "type": "BadRequestError", "param": None, "code": status}}


ROUTES: Mapping[str, Route] = {
    route.path: route
    for route in (
        Route(
            "/jina/v1/rerank",
            checked({**services.SHAPE, "return_documents": flag}, "model query documents", 422),
            services.jina,
            "results",
            "relevance_score",
            lambda _, message: {"detail": message},
        ),
        Route("/vllm/v1/rerank", services.vllm_check, services.vllm, "results", "relevance_score", _openai_like),
        Route(
            "/llamacpp/v1/rerank",
            checked(services.SHAPE, "query documents", 400),
            services.llama,
            "results",
            "relevance_score",
            lambda status, message: {"error": {"code": status, "message": message, "type": "invalid_request_error"}},
        ),
        Route(
            "/litellm/v1/rerank",
            checked(services.SHAPE, "model query documents", 400),
            services.litellm,
            "results",
            "relevance_score",
            lambda status, message: {
                "error": {"message": message, "type": "None", "param": "None", "code": f"{status}"}
            },
        ),
        Route(
            "/voyage/v1/rerank",
            services.voyage_check,
            services.voyage,
            "data",
            "relevance_score",
            lambda _, message: {"detail": message},
        ),
        Route(
            "/pinecone/rerank",
            services.pinecone_check,
            services.pinecone,
            "data",
            "score",
            lambda status, message: {"error": {"code": "INVALID_ARGUMENT", "message": message}, "status": status},
            headers={"Api-Key": KEY, "X-Pinecone-Api-Version": "2026-04"},
        ),
        Route(
            "/tei/rerank",
            services.tei_check,
            services.tei,
            None,
            "score",
            lambda _, message: {"error": message, "error_type": "Validation"},
        ),
        Route(
            f"/vertex/v1/projects/{PROJECT}/locations/global/rankingConfigs/default_ranking_config:rank",
            services.vertex_check,
            services.vertex,
            "records",
            "score",
            lambda status, message: {"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}},
            index="id",
            headers={"Authorization": f"Bearer {KEY}", "X-Goog-User-Project": PROJECT},
        ),
        Route(
            "/azure/indexes/planets/docs/search",
            services.azure_check,
            services.azure,
            "value",
            "@search.rerankerScore",
            lambda _, message: {"error": {"code": "", "message": message}},
            index="id",
            headers={"api-key": KEY},
            query="api-version=2024-07-01",
        ),
        Route(
            "/databricks/api/2.0/vector-search/indexes/main.space.planets/query",
            services.databricks_check,
            services.databricks,
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
    elif scenario == "zeros":
        for one in found:
            one[route.value] = 0.0
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
