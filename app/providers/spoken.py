"""Which languages an embedding or reranking model was made for, by its name; nothing is loaded or asked.

A model reads any text it is given and gives numbers; in a language it was not trained on they mean little. The names
below are those of models that say so themselves on their cards. Of a model that is not known here nothing is claimed.
"""

from __future__ import annotations

import re

from app.language import detect, name_of

# Named by their makers as multilingual (dozens of languages and more).
_MANY = re.compile(
    r"multilingual|bge-m3|reranker-v2-(m3|gemma|minicpm)|text-embedding-(3|ada)|rerank-(v3\.5|v4|2)|embed-v4|mmarco|"
    r"labse|jina-(embeddings-v[3-9]|reranker-(v2|v3|m0))|voyage|qwen3|embeddinggemma|nomic-embed-text-v2|arctic-embed-.*v2|"
    r"mxbai-rerank-.*-v2|zerank|gpt-|claude|gemini|llama|mistral",
    re.IGNORECASE,
)
# Trained on English only.
_ENGLISH = re.compile(
    r"bundled|all-minilm|all-mpnet|all-distilroberta|multi-qa|msmarco|ms-marco|colbertv2|answerai-colbert|"
    r"bge-(small|base|large)-en|\bgte-(tiny|small|base|large)\b|\be5-(small|base|large)(-v2)?\b|rerank-english|"
    r"embed-english|mxbai-(embed|rerank)|late-interaction|paraphrase-(minilm|mpnet|albert|distilroberta)|"
    r"nomic-embed-text-v1|gtr-t5|sentence-t5|jina-(reranker-v1|embeddings-v2-.*-en)|stsb-|nli-",
    re.IGNORECASE,
)


def speaks(model: str, language: str) -> bool | None:
    """Whether a model reads a language (ISO 639-1), by its id or setting; None where that is not known.

    >>> speaks("bundled/all-MiniLM-L6-v2/1/int8", "de"), speaks("openai/text-embedding-3-small", "de")
    (False, True)
    """
    if _MANY.search(model):
        return True
    if _ENGLISH.search(model):
        return language == "en"
    return None


def unspoken(question: str, embedder_id: str, scorer_id: str | None) -> str:
    """One sentence for a question in a language that the embedding model or the reranker does not read; "" otherwise,
    and where the language or the models are not known."""
    language = detect(question)
    if language is None:
        return ""
    deaf = [
        name
        for name, model in (("the embedding model", embedder_id), ("the reranker", scorer_id or ""))
        if speaks(model, language) is False
    ]
    if not deaf:
        return ""
    does = "do" if len(deaf) > 1 else "does"
    return (
        f"The question seems to be in {name_of(language)}, which {' and '.join(deaf)} {does} not read: passages may be "
        "missed, and p says little."
    )
