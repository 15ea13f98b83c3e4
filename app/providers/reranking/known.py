"""Local rerankers that are known by their hub names: what their cards say. Nothing is loaded or downloaded here.

`RERANKER=auto` looks for the cross-encoders among them on this machine (two MiniLMs are in many caches under their
earlier names). Which of them is better than what ships is not said here: `app.automatic` reads it from measured
calibrations.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """`parameters` in millions; `window` in tokens, question and passage together for a cross-encoder, as its files say
    or less; `languages` in words. `earlier`: the name before, for the same weights."""

    name: str
    parameters: float
    licence: str
    languages: str
    window: int
    earlier: str = ""


_MS_MARCO = "cross-encoder/ms-marco"
CROSS_ENCODERS = (
    Known("cross-encoder/ettin-reranker-17m-v1", 17, "Apache-2.0", "English", 8192),
    Known("cross-encoder/ettin-reranker-32m-v1", 32, "Apache-2.0", "English", 8192),
    Known("cross-encoder/ettin-reranker-68m-v1", 68, "Apache-2.0", "English", 8192),
    Known("cross-encoder/ettin-reranker-150m-v1", 150, "Apache-2.0", "English", 8192),
    Known(
        "cross-encoder/ms-marco-TinyBERT-L2-v2",
        4.4,
        "Apache-2.0",
        "English",
        512,
        "cross-encoder/ms-marco-TinyBERT-L-2-v2",
    ),
    Known(
        "cross-encoder/ms-marco-MiniLM-L6-v2",
        22.7,
        "Apache-2.0",
        "English",
        512,
        "cross-encoder/ms-marco-MiniLM-L-6-v2",
    ),
    Known(
        "cross-encoder/ms-marco-MiniLM-L12-v2",
        33.4,
        "Apache-2.0",
        "English",
        512,
        "cross-encoder/ms-marco-MiniLM-L-12-v2",
    ),
    Known("cross-encoder/mmarco-mMiniLMv2-L12-H384-v1", 118, "Apache-2.0", "14 languages", 512),
    Known("BAAI/bge-reranker-base", 278, "MIT", "English, Chinese", 512),
    Known("BAAI/bge-reranker-large", 560, "MIT", "English, Chinese", 512),
    Known("BAAI/bge-reranker-v2-m3", 568, "Apache-2.0", "many", 8192),
    Known("mixedbread-ai/mxbai-rerank-xsmall-v1", 71, "Apache-2.0", "English", 512),
    Known("mixedbread-ai/mxbai-rerank-base-v1", 184, "Apache-2.0", "English", 512),
    Known("mixedbread-ai/mxbai-rerank-large-v1", 435, "Apache-2.0", "English", 512),
    Known("mixedbread-ai/mxbai-rerank-base-v2", 494, "Apache-2.0", "many", 8192),
    Known("mixedbread-ai/mxbai-rerank-large-v2", 1540, "Apache-2.0", "many", 8192),
    Known("Alibaba-NLP/gte-reranker-modernbert-base", 149, "Apache-2.0", "English", 8192),
    Known("Qwen/Qwen3-Reranker-0.6B", 596, "Apache-2.0", "many", 32768),
    Known("Qwen/Qwen3-Reranker-4B", 4020, "Apache-2.0", "many", 32768),
)
LATE_INTERACTION = (
    Known("answerdotai/answerai-colbert-small-v1", 33, "Apache-2.0", "English", 512),
    Known("colbert-ir/colbertv2.0", 110, "MIT", "English", 300),
    Known("mixedbread-ai/mxbai-edge-colbert-v0-17m", 17, "Apache-2.0", "English", 512),
    Known("mixedbread-ai/mxbai-edge-colbert-v0-32m", 32, "Apache-2.0", "English", 512),
    Known("lightonai/GTE-ModernColBERT-v1", 149, "Apache-2.0", "English", 300),
)
KNOWN = tuple(name for known in CROSS_ENCODERS for name in (known.name, known.earlier) if name)


def known_as(name: str) -> Known | None:
    """The row of a model by its name or its earlier one; None for a model that is not known.

    >>> known_as("cross-encoder/ms-marco-MiniLM-L-6-v2").parameters
    22.7
    """
    return next((known for known in (*CROSS_ENCODERS, *LATE_INTERACTION) if name in (known.name, known.earlier)), None)
