"""Local cross-encoders by their hub names that `RERANKER=auto` looks for on this machine. Nothing is downloaded.

Names as the hub has them (two MiniLMs are in many caches under their earlier names). Which of them is better than what
ships is not said here: `app.automatic` reads it from measured calibrations.
"""

from __future__ import annotations

KNOWN = (
    "cross-encoder/ettin-reranker-17m-v1",
    "cross-encoder/ettin-reranker-32m-v1",
    "cross-encoder/ettin-reranker-68m-v1",
    "cross-encoder/ettin-reranker-150m-v1",
    "cross-encoder/ms-marco-MiniLM-L6-v2",
    "cross-encoder/ms-marco-MiniLM-L-6-v2",
    "cross-encoder/ms-marco-MiniLM-L12-v2",
    "cross-encoder/ms-marco-MiniLM-L-12-v2",
    "BAAI/bge-reranker-base",
    "BAAI/bge-reranker-large",
    "BAAI/bge-reranker-v2-m3",
    "mixedbread-ai/mxbai-rerank-xsmall-v1",
    "mixedbread-ai/mxbai-rerank-base-v1",
    "mixedbread-ai/mxbai-rerank-large-v1",
    "mixedbread-ai/mxbai-rerank-base-v2",
    "mixedbread-ai/mxbai-rerank-large-v2",
    "Alibaba-NLP/gte-reranker-modernbert-base",
    "Qwen/Qwen3-Reranker-0.6B",
    "Qwen/Qwen3-Reranker-4B",
)
